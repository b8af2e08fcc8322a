"""docs/webhooks.md, carried out word for word."""

from pathlib import Path

import pytest
from tests.e2e.guides import carried_out
from tests.e2e.world import World
from tests.services.webhooks.conftest import Receiver, receiver

__all__ = ["receiver"]  # a fixture


@pytest.mark.timeout(240)  # it starts many small programs, which a busy machine does slowly
async def test_its_examples_do_what_they_say(
    world: World, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_URL", receiver.url)
    answers = await carried_out(world, tmp_path, "webhooks.md")
    delivery, test = answers["delivery"], answers["test"]
    assert (delivery["status"], delivery["event_id"]) == ("succeeded", test["event_id"])
    assert [one["response_body"] for one in delivery["attempts"]] == ["taken"]
    assert answers["rotated"]["live_secrets"] == 2
    assert delivery["id"] in [one["id"] for one in answers["deliveries"]["data"]]
    assert (answers["retried"]["event_id"], answers["retried"]["trigger"]) == (test["event_id"], "manual")
    assert answers["event"]["test"] is True
    assert answers["redelivered"]["event_id"] == test["event_id"]
    assert answers["recovery"]["what"] == "failed"
    assert answers["endpoint"]["ordering"] == "resource"
    assert answers["endpoint"]["header_names"] == ["X-Shop"]
    assert test["event_id"] in [one["id"] for one in answers["page"]["data"]]
    assert "payment.succeeded" in [one["type"] for one in answers["types"]["data"]]
    assert answers["deleted"]["deleted"] is True
    assert test["event_id"] in {one.headers["webhook-id"] for one in receiver.got}
