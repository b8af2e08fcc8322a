"""Saved payment methods: setup tokens that payers approve, payment tokens to charge later.

Source: PayPal's vault_payment_tokens_v3 file (2024-02-03); `SETUP_TOKEN`, which it lacks, as the official SDK has it. Not
simulated: Venmo, Apple Pay, bank accounts, billing agreements.
"""
