"""How many requests may be made: exact across instances in Redis, each its share while Redis is away."""
