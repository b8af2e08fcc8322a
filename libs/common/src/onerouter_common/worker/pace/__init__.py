"""How fast a connection may be used: a token bucket each, shared by all workers through Redis."""
