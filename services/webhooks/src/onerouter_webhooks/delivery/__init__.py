"""Out, second half: signed requests to tenants' endpoints, retried until they are taken."""
