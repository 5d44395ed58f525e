"""The ``%chat`` commands: a table, what reads a line by it, one module a family."""
