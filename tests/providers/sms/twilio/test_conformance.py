"""Twilio passes what every messaging provider must."""

from onerouter_providers.testing.messages_suite import MessagesSuite


class TestTwilio(MessagesSuite):
    refused_recipient = "invalid_recipient"
