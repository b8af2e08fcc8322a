"""The address a callback came to is ours to say."""

from onerouter_providers.webhook import ADDRESS_HEADER
from onerouter_webhooks.callback.address import with_address


class TestWithAddress:
    def test_it_is_our_base_and_what_was_asked_for(self) -> None:
        for base in ("https://hooks.example.com", "https://hooks.example.com/"):
            told = with_address({"host": "evil.example"}, base, "/callbacks/twilio/t", "a=1&b=%2B")
            assert told[ADDRESS_HEADER] == "https://hooks.example.com/callbacks/twilio/t?a=1&b=%2B"
            assert next(iter(told)) == ADDRESS_HEADER
        assert with_address({}, "https://x.example/in", "/p", "")[ADDRESS_HEADER] == "https://x.example/in/p"

    def test_whatever_the_sender_says_is_replaced(self) -> None:
        sent = {ADDRESS_HEADER: "https://evil.example", ADDRESS_HEADER.title(): "https://evil.example", "x-other": "1"}
        assert with_address(sent, "https://a.example", "/p", "") == {
            ADDRESS_HEADER: "https://a.example/p",
            "x-other": "1",
        }
        assert with_address(sent, None, "/p", "") == {"x-other": "1"}
