"""Resend's simulator: emails sent, scheduled and canceled, templates, its lists of emails and of calls, callbacks.

Wire: https://resend.com/docs/api-reference and https://github.com/resend/resend-openapi, read 2026-11-21.
"""
