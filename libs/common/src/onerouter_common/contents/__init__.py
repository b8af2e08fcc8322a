"""Bytes that are handed over before the command that names them: they never cross the log."""
