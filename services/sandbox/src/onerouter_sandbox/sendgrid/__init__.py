"""SendGrid's simulator: mail send, batches and their cancellation, templates, email logs, the signed event webhook.

Wire: https://www.twilio.com/docs/sendgrid/api-reference and https://github.com/twilio/sendgrid-oai, read 2026-11-21.
"""
