"""PostgreSQL: engines and pools, tenancy by row-level security, migrations."""
