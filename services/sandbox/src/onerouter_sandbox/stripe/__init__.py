"""Stripe's wire protocol: PaymentIntents, hosted Checkout Sessions, charges, refunds, webhooks.

Source: https://docs.stripe.com/api and Stripe's OpenAPI description 2026-05-27.dahlia. Not simulated: customers, saved
payment methods, subscriptions, payment links, Connect, disputes, payouts, and confirming from a server.
"""
