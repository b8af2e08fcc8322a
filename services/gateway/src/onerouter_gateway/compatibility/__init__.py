"""Doors that older clients use: other paths, other words, the same handlers."""
