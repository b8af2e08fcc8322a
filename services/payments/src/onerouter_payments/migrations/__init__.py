"""The shape of the payments database, step by step."""
