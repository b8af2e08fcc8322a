"""Objects in the buckets of tenants: put, read, listed, deleted, and addresses to do so without us."""
