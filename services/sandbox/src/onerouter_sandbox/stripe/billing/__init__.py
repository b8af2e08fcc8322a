"""Subscriptions: what renews, the invoices it makes, and the clock that drives both."""
