"""PayPal's wire protocol: access tokens, orders, the approval page, captures, authorizations, refunds, webhooks.

Source: https://github.com/paypal/paypal-rest-api-specifications (2024-02-03) and https://developer.paypal.com/docs/.
Operations bear the names of the OpenAPI files. Not simulated: several purchase units, patches, vault, shipping, the
expiry of orders and authorizations by time.
"""
