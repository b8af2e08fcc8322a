"""What tenants read: payments and refunds, each tenant its own."""
