"""Disputes of captures and of subscribers' sales: opened and decided by the control API, read by the merchant.

Source: PayPal's customer_disputes_v1 file (2024-02-03). Not simulated: evidence, offers, appeals.
"""
