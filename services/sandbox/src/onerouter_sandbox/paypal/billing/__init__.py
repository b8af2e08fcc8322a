"""Catalog products, billing plans and subscriptions with their renewals.

Source: PayPal's catalogs_products_v1 and billing_subscriptions_v1 files (2024-02-03). Not simulated: tiered prices, patches,
shipping.
"""
