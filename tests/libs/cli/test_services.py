"""How a service's process is made."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from onerouter_common.worker.duty import Duty
from onerouter_server import services


def test_only_a_worker_nobody_waits_for_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    by: list[int] = []
    monkeypatch.setattr(os, "nice", by.append)
    monkeypatch.setattr(os, "getsid", lambda _: 0)
    for settings in (*(SimpleNamespace(duty=duty, nice=0) for duty in Duty), SimpleNamespace()):
        services._give_way(settings)
    assert by == [10]


def test_a_service_gives_way_as_far_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    by: list[int] = []
    monkeypatch.setattr(os, "nice", by.append)
    monkeypatch.setattr(os, "getsid", lambda _: 0)
    for settings in (SimpleNamespace(nice=5), SimpleNamespace(nice=5, duty=Duty.BACKGROUND)):
        services._give_way(settings)
    assert by == [5, 10]


@pytest.mark.parametrize(("is_leader", "told"), [(True, "10"), (False, "0")])
def test_a_session_of_its_own_gives_way_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_leader: bool, told: str
) -> None:
    session = tmp_path / "autogroup"
    session.write_text("0")
    monkeypatch.setattr(services, "_SESSION", session)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    monkeypatch.setattr(os, "getsid", lambda _: os.getpid() if is_leader else 0)
    services._give_way(SimpleNamespace(duty=Duty.BACKGROUND))
    assert session.read_text() == told
