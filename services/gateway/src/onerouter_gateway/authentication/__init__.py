"""Who calls: the key in the request, the principal behind it, what it may do."""
