"""What a person sees, which is what docs/webhooks.md shows."""

import io
import re
from pathlib import Path
from typing import Final

from rich.console import Console

from onerouter_server.listen.failures import ListenFailed
from onerouter_server.listen.screen import Event, Screen
from onerouter_webhooks.delivery.transport import Answer

PAGE: Final = (Path(__file__).parents[4] / "docs/webhooks.md").read_text()
PAYMENT: Final = "pay_01k9zq3v7m8e5t2r4w6y8a0c1d"


def a_screen(width: int = 140) -> tuple[Screen, io.StringIO]:
    """On a terminal without colours, and all that is on it."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system=None, width=width, highlight=False)
    return Screen(out=console, notes=console), file


def untimed(text: str) -> list[str]:
    return [re.sub(r"\d\d:\d\d:\d\d", "", line).rstrip() for line in text.splitlines()]


def test_it_is_as_the_guide_shows_it() -> None:
    screen, file = a_screen()
    screen.begins(
        [
            ("events of", "http://127.0.0.1:8080 (test)"),
            ("types", "payment.*,refund.*"),
            ("forward to", "http://localhost:3000/hook"),
            ("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ("", "new for this run; ONEROUTER_WEBHOOK_SECRET or --secret keep one"),
        ]
    )
    screen.connected()
    screen.event(
        Event("evt_01k9zq3v7m8e5t2r4w6y8a0c1d", "payment.created", PAYMENT, b"{}"),
        Answer(200, None, duration_ms=12, headers={}),
    )
    screen.event(
        Event("evt_01k9zq3w2c6f8k3m5p7r9t1v4x", "payment.succeeded", PAYMENT, b"{}"),
        Answer(None, "connect", duration_ms=1, headers={}),
    )
    screen.ends("MTAwLjI")
    shown = re.search(r"^```console\n\$ onerouter listen .*?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert untimed(file.getvalue()) == untimed(shown[1].replace("^C", ""))


def test_the_guide_names_every_exit_code() -> None:
    codes = {failure.exit_code for failure in ListenFailed.__subclasses__()}
    assert {int(code) for code in re.findall(r"\b(\d) when the", PAGE)} == codes


def test_a_narrow_terminal_has_a_line_an_event() -> None:
    screen, file = a_screen(width=60)
    screen.event(Event("evt_1" * 10, "payment.created", PAYMENT, b"{}"), Answer(200, None, duration_ms=12, headers={}))
    (line,) = file.getvalue().splitlines()
    assert "200" in line
    assert len(line) <= 60


def test_what_an_event_says_is_no_command_to_the_terminal() -> None:
    screen, file = a_screen()
    screen.event(Event("evt_\x1b[2J", "payment.[bold]created[/bold]\r\n", "\x9b1m", b"{}"), None)
    screen.disconnected("The API answers 503: \x1b]0;title\x07", 1.0)
    assert not set(file.getvalue()) & set("\x1b\x9b\x07\r")
    assert "payment.[bold]created[/bold]??" in file.getvalue()
