"""The journal: turns on disk as they happen, in an SQLite file that kernels share."""
