"""What a provider asks before it calls back: answered by the category's service, and asked of it until it did."""
