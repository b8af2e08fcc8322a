"""What the simulator was told it knows after a restart, and what was due then happens."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .billing import PLANS, a_plan, active
from .conftest import Shop, link_of, shop_at
from .test_disputes import DISPUTES, opened
from .test_invoicing import sent
from .test_partners import REFERRALS, integrations, onboarded, referral_body
from .test_payouts import ITEMS, PAYOUTS, payout_body
from .test_vault import ORDERS, SETUPS, TOKENS, WALLET, charging, saved, setup_body

CLIENT = "AXbeforeTheRestart0002"


async def lived(shop: Shop) -> list[str]:
    """One of each kind; their paths."""
    merchant = f"{await integrations(shop)}/{await onboarded(shop)}"
    referral = await shop.asked(REFERRALS, referral_body("ven_2"))
    plan = await a_plan(shop)
    subscription = await active(shop, plan["id"])
    await shop.asked(f"{subscription}/revise", {"plan_id": plan["id"]}, status=200)
    token = await saved(shop)
    setup = await shop.asked(SETUPS, setup_body(WALLET), key="key-9")
    order = await shop.asked(ORDERS, charging(token["id"]), key="charge-1")
    return [
        merchant,
        f"{REFERRALS}/{link_of(referral, 'self').rpartition('/')[2]}",
        f"/v1/catalogs/products/{plan['product_id']}",
        f"{PLANS}/{plan['id']}",
        f"{subscription}?fields=plan",
        f"{TOKENS}/{token['id']}",
        f"{SETUPS}/{setup['id']}",
        f"{ORDERS}/{order['id']}",
        (await sent(shop))[0],
        f"{DISPUTES}/{(await opened(shop))['dispute_id']}",
    ]


async def test_everything_is_there_and_goes_on(running: Callable[..., Any], tmp_path: Path) -> None:
    settings = {"data_file": tmp_path / "sandbox.sqlite"}
    async with running(**settings) as sandbox, shop_at(sandbox.url, CLIENT) as shop:
        paths = await lived(shop)
        await shop.advance(2)
        before = [await shop.got(path) for path in paths]
        await shop.register(payout_delay_s=3_600)
        waiting = await shop.asked(PAYOUTS, payout_body())
        await shop.register(payout_mode="unclaimed")
        unclaimed = await shop.asked(PAYOUTS, payout_body("tr_2"))
        await shop.advance(0.01)
        await asyncio.sleep(0.1)
    async with running(**settings) as sandbox, shop_at(sandbox.url, CLIENT) as shop:
        assert [await shop.got(path) for path in paths] == before
        charged = len(await shop.effects(kind="subscription.charged"))
        await shop.advance(32)
        assert len(await shop.effects(kind="subscription.charged")) == charged + 1
        for made, status in ((waiting, "SUCCESS"), (unclaimed, "RETURNED")):
            (item,) = (await shop.got(f"{PAYOUTS}/{made['batch_header']['payout_batch_id']}"))["items"]
            assert (await shop.got(f"{ITEMS}/{item['payout_item_id']}"))["transaction_status"] == status
