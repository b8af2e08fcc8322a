"""SNS passes what every messaging provider must: with no key and no look-up, at most once."""

from onerouter_providers.testing.messages_suite import MessagesSuite


class TestSns(MessagesSuite):
    refused_recipient = "invalid_recipient"
    has_callbacks = False
