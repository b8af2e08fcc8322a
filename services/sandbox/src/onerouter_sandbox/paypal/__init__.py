"""PayPal's wire protocol: access tokens, orders, the pages that payers see, captures, authorizations, refunds, webhooks; and,
each in a folder of its own, billing, invoicing, saved methods, partners, payouts and disputes.

Source: https://github.com/paypal/paypal-rest-api-specifications (2024-02-03) and https://developer.paypal.com/docs/.
Operations bear the names of the OpenAPI files. Not simulated: several purchase units, patches, shipping, the expiry of
orders and authorizations by time.
"""
