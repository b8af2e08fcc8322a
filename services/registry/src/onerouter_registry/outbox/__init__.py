"""Changes on their way to everyone's caches, events on theirs to tenants: written with the change, published by the relay."""
