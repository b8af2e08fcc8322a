"""Changes on their way to everyone's caches: written with the change, published by the relay."""
