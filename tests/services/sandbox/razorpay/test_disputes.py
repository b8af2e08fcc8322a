from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.services.sandbox.razorpay.conftest import Shop


@pytest.mark.parametrize(("verdict", "deducted"), [("won", 0), ("lost", 129_900), ("closed", 0)])
async def test_opened_and_decided(shop: "Shop", verdict: str, deducted: int) -> None:
    payment_id = await shop.sandbox.paid()
    opened = await shop.ask(f"/payments/{payment_id}/dispute")
    path = f"/disputes/{opened['id']}"
    assert (opened["status"], opened["phase"], opened["amount"]) == ("open", "chargeback", 129_900)
    assert await shop.got(path) == opened
    contested = await shop.call("PATCH", f"{path}/contest", summary="goods delivered", action="submit")
    assert (contested["status"], contested["evidence"]["summary"]) == ("under_review", "goods delivered")
    await shop.ask(f"{path}/decide", status=verdict)
    decided = await shop.got(path)
    assert (decided["status"], decided["amount_deducted"]) == (verdict, deducted)
    assert (await shop.got("/disputes"))["items"] == [decided]
    assert await shop.events(opened["id"]) == [
        "payment.dispute.created",
        "payment.dispute.under_review",
        f"payment.dispute.{verdict}",
    ]
    assert (await shop.sandbox.control.post(f"/razorpay{path}/decide", json={"status": "won"})).status_code == 409


async def test_accepted(shop: "Shop") -> None:
    opened = await shop.ask(f"/payments/{await shop.sandbox.paid()}/dispute", amount=5_000, phase="pre_arbitration")
    path = f"/disputes/{opened['id']}"
    await shop.ask(f"{path}/decide", status="action_required")
    assert (await shop.call("PATCH", f"{path}/contest", summary="draft"))["status"] == "open"
    accepted = await shop.made(f"{path}/accept")
    assert (accepted["status"], accepted["amount_deducted"]) == ("lost", 5_000)
    assert "lost status" in await shop.refused("POST", f"{path}/accept")
    assert await shop.effects("dispute.accepted") == [opened["id"]]
