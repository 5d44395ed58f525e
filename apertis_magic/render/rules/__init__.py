"""The rules of Markdown that models write by, beside those of CommonMark and GitHub.

Each module has the functions of one construct. ``render/reading.py`` registers them by
name with the reader.
"""
