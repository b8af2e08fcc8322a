"""The heart: from a command to its reply, written once for every category.

A category brings handlers (`handler.py`) and a store of its resources; all else is here: inbox, ordering, fairness,
leases, attempts, retries, reconciliation, outbox, replies.
"""
