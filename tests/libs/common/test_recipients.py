"""Addresses in one spelling, and nothing that breaks out of a line."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.errors import InvalidRequest
from onerouter_common.recipients import (
    Mailbox,
    PhoneNumber,
    email_of,
    headers_of,
    mailbox_of,
    name_of,
    phone_number_of,
    sms_sender_of,
    subject_of,
)

BREAKS = ["\r\n", "\n", "\r", "\x00", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"]


def refuses(rule: object, *given: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rule("to", *given)  # type: ignore[operator]
    assert refused.value.errors[0].field.startswith("to")


class TestEmail:
    @pytest.mark.parametrize(
        ("written", "stored"),
        [
            (" Ada@Example.COM ", "ada@example.com"),
            ("a.b+c_d@sub.example.co", "a.b+c_d@sub.example.co"),
            ("ada@Bücher.example", "ada@xn--bcher-kva.example"),
            ("success@simulator.amazonses.com", "success@simulator.amazonses.com"),
        ],
    )
    def test_is_written_in_one_way(self, written: str, stored: str) -> None:
        assert email_of("to", written) == stored
        assert email_of("to", stored) == stored

    @pytest.mark.parametrize(
        "wrong",
        ["", "ada", "ada@", "@example.com", "a@b@example.com", "ada@example", "ada @example.com", "ädä@example.com",
         "ada@example..com", "ada@-example.com", ".ada@example.com", '"a b"@example.com', "ada@[127.0.0.1]",
         "x" * 65 + "@example.com", "ada@" + "x" * 250 + ".com", "ada@example.com, eve@example.com",
         "ada@example.com\nBcc: eve@example.com"],
    )  # fmt: skip
    def test_what_is_none_is_refused(self, wrong: str) -> None:
        refuses(email_of, wrong)


class TestMailbox:
    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("ada@example.com", Mailbox("ada@example.com")),
            ("<Ada@example.com>", Mailbox("ada@example.com")),
            ("Ada Lovelace <ada@example.com>", Mailbox("ada@example.com", "Ada Lovelace")),
            ('"Lovelace, \\"Ada\\"" <ada@example.com>', Mailbox("ada@example.com", 'Lovelace, "Ada"')),
            ("Ада <ada@example.com>", Mailbox("ada@example.com", "Ада")),
            ("eve@example.com <ada@example.com>", Mailbox("ada@example.com", "eve@example.com")),
        ],
    )
    def test_an_address_with_its_name(self, written: str, read: Mailbox) -> None:
        assert mailbox_of("to", written) == read

    def test_a_name_beside_it_counts(self) -> None:
        assert mailbox_of("to", "Ada <ada@example.com>", "Countess") == Mailbox("ada@example.com", "Countess")
        assert mailbox_of("to", "Ada <ada@example.com>", " ") == Mailbox("ada@example.com")

    @pytest.mark.parametrize(
        "wrong", ["a <b> <c@example.com>", "Ada <ada>", "<>", "x" * 601, "x" + " " * 601 + "<a@b.co>"]
    )
    def test_what_is_none_is_refused(self, wrong: str) -> None:
        refuses(mailbox_of, wrong)

    @pytest.mark.parametrize("line_break", BREAKS)
    @pytest.mark.parametrize("place", ["{}ada@example.com", "Ada{}Bcc: x <ada@example.com>", "<ada@example.com>{}"])
    def test_nothing_breaks_out_of_the_line(self, line_break: str, place: str) -> None:
        refuses(mailbox_of, place.format(line_break))

    @given(st.text(max_size=80))
    def test_any_name_is_one_line_or_refused(self, text: str) -> None:
        try:
            name = name_of("to", text)
        except InvalidRequest:
            return
        assert name is None or (len(name.splitlines()) == 1 and name == name.strip() and name.encode())


class TestSubjectAndHeaders:
    @pytest.mark.parametrize("line_break", BREAKS)
    def test_nothing_breaks_out_of_the_line(self, line_break: str) -> None:
        refuses(subject_of, f"Hello{line_break}Bcc: eve@example.com")
        refuses(headers_of, {"X-Order": f"7{line_break}Bcc: eve@example.com"})
        refuses(headers_of, {f"X-Order{line_break}Bcc": "eve@example.com"})

    def test_other_languages_are_welcome(self) -> None:
        for subject in ("שלום עולם", "Grüße 🎉", "a\u200fb"):
            assert subject_of("to", subject) == subject
        refuses(subject_of, "x" * 999)

    @pytest.mark.parametrize(
        "name", ["From", "to", "BCC", "Subject", "Content-Type", "MIME-Version", "DKIM-Signature", "Resent-To", "Date"]
    )
    def test_what_has_a_field_of_its_own_is_refused(self, name: str) -> None:
        refuses(headers_of, {name: "x"})

    def test_further_headers_are_kept(self) -> None:
        given = {"X-Order": "7", "List-Unsubscribe": "<https://x.example>", "In-Reply-To": "<a@b>"}
        assert headers_of("to", given) == given
        refuses(headers_of, {"X-A": "1", "x-a": "2"})
        refuses(headers_of, {"X A": "1"})
        refuses(headers_of, {"X-Ä": "1"})
        refuses(headers_of, {f"X-{number}": "1" for number in range(51)})


class TestPhoneNumber:
    @pytest.mark.parametrize(
        ("written", "region", "read"),
        [
            ("+1 (415) 555-2671", None, PhoneNumber("+14155552671", "US")),
            ("(415) 555-2671", "US", PhoneNumber("+14155552671", "US")),
            ("0049 30 123456", "FR", PhoneNumber("+4930123456", "DE")),
            ("098765 43210", "IN", PhoneNumber("+919876543210", "IN")),
            ("+44 7400 123456", "US", PhoneNumber("+447400123456", "GB")),
            ("+1 242 365 1234", None, PhoneNumber("+12423651234", "BS")),
            ("+15005550006", None, PhoneNumber("+15005550006", "US")),
            ("+15551234567", None, PhoneNumber("+15551234567", "US")),
            ("+882161234567", None, PhoneNumber("+882161234567", None)),
            ("+٤٤٧٤٠٠١٢٣٤٥٦", None, PhoneNumber("+447400123456", "GB")),
        ],
    )
    def test_is_written_in_one_way(self, written: str, region: str | None, read: PhoneNumber) -> None:
        assert phone_number_of("to", written, region=region) == read
        assert phone_number_of("to", read.e164) == read

    @pytest.mark.parametrize(
        "wrong",
        ["", "415 555 2671", "+1", "+1415555", "+141555526711111", "+999123456789", "1-800-FLOWERS", "+1 800 FLOWERS",
         "+14155552671 ext. 5", "tel:+14155552671", "+14155552671;ext=5", "+1415555\r\n2671", "+" + "1" * 60],
    )  # fmt: skip
    def test_what_is_none_is_refused(self, wrong: str) -> None:
        refuses(phone_number_of, wrong)

    @given(st.text(max_size=45))
    def test_any_text_is_a_number_or_refused(self, text: str) -> None:
        try:
            read = phone_number_of("to", text, region="US")
        except InvalidRequest:
            return
        assert read.e164[0] == "+"
        assert read.e164[1:].isdigit()
        assert read.e164.isascii()
        assert len(read.e164) <= 18


class TestSmsSender:
    @pytest.mark.parametrize(
        ("written", "kept"),
        [("+1 415 555 2671", "+14155552671"), ("72345", "72345"), (" My Shop ", "My Shop"), ("ACME1", "ACME1"),
         ("MG" + "0a" * 16, "MG" + "0a" * 16)],
    )  # fmt: skip
    def test_each_kind(self, written: str, kept: str) -> None:
        assert sms_sender_of("to", written) == kept

    @pytest.mark.parametrize("wrong", ["", "12", "My Shop Online", "Shöp", "MG123456789012", "a\nb", "4155552671"])
    def test_what_is_none_is_refused(self, wrong: str) -> None:
        refuses(sms_sender_of, wrong)


def test_every_control_character_is_refused() -> None:
    controls = [chr(number) for number in range(0x110000) if unicodedata.category(chr(number)) in ("Cc", "Zl", "Zp")]
    assert len(controls) > 60
    for control in controls:
        refuses(subject_of, control)
