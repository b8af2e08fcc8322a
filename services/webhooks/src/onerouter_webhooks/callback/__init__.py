"""In: what a provider tells us is verified, stored once, acknowledged, and handed to the worker that owns the resource."""
