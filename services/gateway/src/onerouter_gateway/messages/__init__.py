"""What SMS and email have in common at the public API."""
