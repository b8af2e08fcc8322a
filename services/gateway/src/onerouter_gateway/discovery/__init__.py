"""What a key can use."""
