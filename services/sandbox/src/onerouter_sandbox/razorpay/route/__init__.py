"""Route: linked accounts of vendors, and the parts of payments that are passed on to them."""
