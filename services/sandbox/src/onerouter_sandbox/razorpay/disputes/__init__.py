"""Disputes: opened by the customer's bank, contested or accepted by the merchant, decided by the bank."""
