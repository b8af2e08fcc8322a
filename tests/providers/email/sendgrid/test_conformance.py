from onerouter_providers.testing.messages_suite import MessagesSuite


class TestSendGrid(MessagesSuite):
    """With `lab` of this folder."""
