"""One request, many messages."""
