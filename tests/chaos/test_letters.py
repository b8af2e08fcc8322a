"""What counts as late of a planned message: only where nothing kept it from being in time."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.chaos.letters import Letter, Post, Posted, Stalls
from tests.e2e.addressees import Addressee

READY = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("due_s", "late_s", "lost_s", "is_late"),
    [
        (6.0, 1.9, 0.0, False),
        (6.0, 2.1, 0.0, True),
        (6.0, 2.1, 0.2, False),
        (4.0, 9.0, 0.0, False),
        (-1.0, 9.0, 0.0, False),
    ],
)
async def test_two_seconds_after_its_time_once_all_is_ready(
    monkeypatch: pytest.MonkeyPatch, due_s: float, late_s: float, lost_s: float, is_late: bool
) -> None:
    send_at = READY + timedelta(seconds=due_s)

    async def received(*_: object) -> list[dict[str, Any]]:
        return [{"at": send_at.timestamp() + late_s}]

    monkeypatch.setattr(Addressee, "received", received)
    hurt: Any = SimpleNamespace(shop=None)
    posted = Posted(Letter(1, "twilio", 0.0, 5.0, "+14155550123"), message_id="sms_1", send_at=send_at)
    post = Post(hurt, posted=[posted], ready_at=READY, stalls=Stalls(lost_s))
    assert bool(await post._problems_of(posted)) == is_late
    post.ready_at = None
    assert not await post._problems_of(posted)
