"""Bytes of objects on their way: handed over before the command that puts them, forgotten when it has ended."""
