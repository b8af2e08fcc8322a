"""Who works on a tenant, in which role, and who is invited to."""
