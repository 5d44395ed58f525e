"""A package, so that what is started once for all of it ends with its last test."""
