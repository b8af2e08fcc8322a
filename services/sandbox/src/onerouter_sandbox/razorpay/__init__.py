"""Razorpay's wire protocol: orders, hosted checkout, payments, capture, refunds, customers and tokens, plans and
subscriptions, payment links, Route (linked accounts, transfers), disputes, webhooks.

Source: https://razorpay.com/docs/api/ and the official Python client. Each kind beside orders, payments and refunds is a
folder with a `Feature`. Not simulated: RazorpayX payouts, addons and offers of running subscriptions, settlements, and the
expiry of payments that are never captured.
"""
