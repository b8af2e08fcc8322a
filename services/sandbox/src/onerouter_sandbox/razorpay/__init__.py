"""Razorpay's wire protocol: orders, hosted checkout, payments, capture, refunds, webhooks.

Source: https://razorpay.com/docs/api/ and the official Python client. Not simulated: transfers, partial payments,
subscriptions, payment links, payouts, and the expiry of payments that are never captured.
"""
