"""Mailgun's API for sending: messages, events, templates, suppressions; callbacks signed as Mailgun signs them."""

from onerouter_sandbox.mailgun.simulator import Mailgun

__all__ = ["Mailgun"]
