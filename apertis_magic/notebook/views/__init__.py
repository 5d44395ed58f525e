"""Where an answer is shown: in a cell's displays, or in a terminal."""
