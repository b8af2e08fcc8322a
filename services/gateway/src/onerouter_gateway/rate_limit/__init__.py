"""How many requests an API key may make: exact across instances in Redis, each its share while Redis is away."""
