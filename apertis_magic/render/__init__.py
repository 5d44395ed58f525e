"""Text -> what a person sees; pure functions."""
