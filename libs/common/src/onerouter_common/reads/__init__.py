"""What every category's reads share: rows of one tenant, pages of them, and what a list is asked."""
