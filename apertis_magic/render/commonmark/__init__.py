"""A reader of CommonMark and GitHub's tables, with formulas, footnotes and tasks."""
