"""SES does what every provider of messages must, over real HTTP."""

from onerouter_providers.testing.messages_suite import MessagesSuite


class TestSes(MessagesSuite):
    refused_recipient = "invalid_recipient"
