"""Invoices as payment links: drafted, sent, paid on a page, cancelled.

Source: PayPal's invoicing_v2 file (2024-02-03). An invoice number is 25 characters at most and unique, which is what keeps a
repeat from making a second one: there is no request id. Not simulated: partial payments, templates, reminders, QR codes.
"""
