"""What Stripe remembers outlives the process."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.services.sandbox.stripe.conftest import speak_to

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver

GOOD = {"amount": "1299", "currency": "usd"}


async def test_everything_survives_a_restart(running: Any, receiver: "Receiver", tmp_path: Path) -> None:
    settings = {"data_file": tmp_path / "sandbox.sqlite"}
    async with running(**settings) as sandbox, speak_to(sandbox.url) as shop:
        await shop.register(webhook_url="http://127.0.0.1:9/")  # nobody is there yet
        made = await shop.made("/payment_intents", GOOD, idempotency_key="k1")
        await shop.pay(made["id"])
        await shop.ask("/faults", kind="refund_pending", delay_s=0.05, times=1)
        refund = await shop.made("/refunds", {"payment_intent": made["id"], "amount": "500"})
        session = await shop.session()
        account_id, secret_key = shop.account_id, shop.secret_key

    async with running(**settings) as sandbox, speak_to(sandbox.url) as shop:
        shop.account_id, shop.secret_key = account_id, secret_key
        shop.api.headers["Authorization"] = f"Bearer {secret_key}"
        again = await shop.post("/payment_intents", GOOD, idempotency_key="k1")
        assert again.json() == made
        assert again.headers["idempotent-replayed"] == "true"
        shown = await shop.got(f"/payment_intents/{made['id']}", **{"expand[]": "latest_charge"})
        assert (shown["status"], shown["latest_charge"]["amount_refunded"]) == ("succeeded", 500)
        assert (await shop.got(f"/checkout/sessions/{session['id']}"))["status"] == "open"
        while (await shop.got(f"/refunds/{refund['id']}"))["status"] != "succeeded":
            continue
        await shop.register(webhook_url=receiver.url)
        await receiver.wait(6)
