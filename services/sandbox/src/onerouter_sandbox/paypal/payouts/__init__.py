"""Payouts: batches of money sent to vendors, each item with a fate of its own.

Source: PayPal's payments_payouts_batch_v1 file (2024-02-03); the errors of this older API as they are reported in public
(https://github.com/paypal/PayPal-Ruby-SDK/issues/120, https://github.com/paypal/Payouts-Java-SDK/issues/7).
"""
