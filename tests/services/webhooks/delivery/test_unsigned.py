"""Deliveries that cannot be signed: for a while, or until somebody puts a key back."""

from typing import Any

import pytest
from prometheus_client import generate_latest

from onerouter_common.errors import Overloaded
from onerouter_common.secrets import KeyRing, SecretUnopenable

from ..conftest import Receiver, StartService, eventually
from ..recovery.test_recovered import finished, recover
from .test_delivering import status_of
from .test_over_days import row_of


def counted(why: str) -> float:
    name = f'onerouter_deliveries_unsigned_total{{why="{why}"}}'
    lines = [line for line in generate_latest().decode().splitlines() if line.startswith(name)]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0


def failing_with(error: Exception) -> Any:
    async def refuse(*_: Any, **__: Any) -> Any:
        raise error

    return refuse


async def test_what_nothing_opens_ends_by_our_schedule_and_is_not_held_against_the_endpoint(
    start_service: StartService, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = counted("unopenable")
    async with start_service() as service:
        endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"], retry_schedule_s=[])
        with monkeypatch.context() as patch:
            patch.setattr(KeyRing, "open_data_key", failing_with(SecretUnopenable("wrapped with a key that is lost")))
            event = service.event()
            await service.publish(event)
            (delivery,) = await status_of(service, endpoint, "exhausted")
        assert [one["failure"] for one in delivery["attempts"]] == ["unsigned"] * 4
        assert counted("unopenable") == before + 4
        row = await row_of(service, endpoint)
        assert (row["consecutive_failures"], row["first_failed_at"], row["status"]) == (0, None, "enabled")
        assert not receiver.got
        # The key is back.
        await finished(service, endpoint, await recover(service, endpoint))
        await eventually(lambda: receiver.got)
        assert receiver.got[0].headers["webhook-id"] == event.id


async def test_a_key_service_that_is_away_costs_no_attempt(
    start_service: StartService, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = counted("away")
    async with start_service() as service:
        endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
        with monkeypatch.context() as patch:
            patch.setattr(KeyRing, "open_data_key", failing_with(Overloaded("It is away.", retry_after_s=5)))
            await service.publish(service.event())
            waits = "SELECT count(*) = 1 FROM delivery_queue WHERE state = 0 AND attempts = 0 AND next_at > now()"
            await eventually(lambda: service.admin.fetchval(waits))
        assert counted("away") == before + 1
        await service.admin.execute("UPDATE delivery_queue SET next_at = now()")
        (delivery,) = await status_of(service, endpoint, "succeeded")
        assert delivery["attempt_count"] == 1
