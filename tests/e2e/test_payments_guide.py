"""docs/payments.md, carried out word for word."""

from pathlib import Path

import pytest
from tests.e2e.guides import carried_out
from tests.e2e.world import World, until


@pytest.mark.timeout(240)  # it starts a hundred small programs, which a busy machine does slowly
async def test_its_examples_do_what_they_say(world: World, tmp_path: Path) -> None:
    answers = await carried_out(world, tmp_path, "payments.md")
    world.secrets.append(answers["endpoint"]["secret"])
    assert answers["payment"]["status"] == "succeeded"
    assert (answers["captured"]["status"], answers["captured"]["amount_received_minor"]) == ("succeeded", 1_500)
    assert answers["canceled"]["status"] == "canceled"
    assert (answers["refund"]["status"], answers["refund"]["amount_minor"]) == ("succeeded", 19_900)
    assert answers["method"]["status"] == "removed"
    assert answers["subscription"]["cancel_at_cycle_end"] is True
    assert answers["link"]["status"] == "canceled"
    assert answers["vendor"]["split_config"]["percent"] == "85"
    assert [part["amount_minor"] for part in answers["split"]["splits"]] == [90_000, 10_000]
    assert answers["fees"]["fee_minor"] >= 10_000
    assert answers["timeline"]["data"]
    assert answers["served"]["id"] == answers["old"]["id"]
    path = f"/v1/payments/{answers['payment']['id']}"

    async def is_disputed() -> bool:
        return bool((await world.api.get(path)).json()["disputes"])

    await until(is_disputed, "the dispute")
