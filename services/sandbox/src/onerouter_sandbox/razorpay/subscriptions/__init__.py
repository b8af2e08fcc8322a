"""Plans, subscriptions and their invoices: authorized by the customer, charged by the account's clock."""
