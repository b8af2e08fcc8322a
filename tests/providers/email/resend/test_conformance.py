from onerouter_providers.testing.messages_suite import MessagesSuite


class TestResend(MessagesSuite):
    """With `lab` of this folder."""
