"""docs/messaging.md, carried out word for word."""

from pathlib import Path

import pytest
from tests.e2e.guides import carried_out
from tests.e2e.world import World


@pytest.mark.timeout(240)  # it starts a hundred small programs, which a busy machine does slowly
async def test_its_examples_do_what_they_say(world: World, tmp_path: Path) -> None:
    answers = await carried_out(world, tmp_path, "messaging.md")
    assert answers["sms"]["status"] == "delivered"
    assert (answers["email"]["status"], answers["email"]["html"]) == (
        "delivered",
        "<p>Thank you for your order 1042.</p>",
    )
    assert [one["status"] for one in answers["email"]["recipients"]] == ["delivered", "delivered"]
    assert answers["reminder"]["status"] == answers["invitation"]["status"] == "canceled"
    assert answers["shipped"]["subject"] == "Order 1042 is on its way"
    assert answers["template"]["current"]["version"] == 1
    assert len(answers["versions"]["data"]) == 2
    assert answers["preview"]["body"] == "481-223 is your code for the shop."
    assert [one["index"] for one in answers["batch"]["rejected"]] == [1]
    (message,) = answers["messages"]["data"]
    assert (message["body"], message["priority"]) == ("481-223 is your code for Acme.", "bulk")
    assert answers["canceled"] == {**answers["canceled"], "status": "canceled", "canceling": 1}
    assert answers["check"]["suppressed"] is True
    assert answers["served"]["id"] == answers["old"]["id"]
