"""What tenants keep at their providers beside payments: plans, subscriptions, links, customers, methods, vendors, transfers.

One table, one rule, one poller for all; what differs from kind to kind is in `kinds/`.
"""
