"""Payments: their states, the operations on them, what callbacks and polls make of them."""
