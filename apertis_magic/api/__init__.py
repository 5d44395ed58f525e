"""The wire: HTTP and JSON of the Chat Completions API, nothing of notebooks."""
