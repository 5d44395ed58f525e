"""The conversation: turns and their state; knows nothing of display."""
