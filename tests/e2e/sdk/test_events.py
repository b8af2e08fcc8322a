"""Events by the published client: streamed, listed, delivered, verified, sent again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from tests.e2e.sdk.driver import Sdk
from tests.e2e.sdk.test_payments import paid
from tests.e2e.world import World, until

from onerouter import WebhookVerificationError, webhooks
from onerouter.types import Payment
from onerouter_local.ports import LOOPBACK, free_port


@asynccontextmanager
async def listening(got: list[tuple[bytes, dict[str, str]]]) -> AsyncIterator[str]:
    """An application's own server, and what came to it: body and headers."""

    async def take(request: web.Request) -> web.Response:
        got.append((await request.read(), dict(request.headers)))
        return web.Response()

    application = web.Application()
    application.router.add_post("/hooks", take)
    runner, port = web.AppRunner(application, access_log=None), free_port()
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    try:
        yield f"http://{LOOPBACK}:{port}/hooks"
    finally:
        await runner.cleanup()


async def test_are_streamed_and_listed_alike(sdk: Sdk, world: World) -> None:
    begun = (await sdk.call("events.list", after="now")).iterator
    streaming = asyncio.create_task(
        sdk.first(2, "events.stream", after=begun, types=["payment.created", "payment.succeeded"])
    )
    payment = await paid(sdk, world)
    async with asyncio.timeout(60):
        told = await streaming
    assert [each.type for each in told] == ["payment.created", "payment.succeeded"]
    assert {each.resource.id for each in told} == {payment.id}
    assert isinstance(told[1].data, Payment)
    assert told[1].data.amount_minor == 49_900
    (second,) = await sdk.first(1, "events.stream", after=told[0].cursor, types="payment.succeeded")
    assert second.id == told[1].id
    page = await sdk.call("events.list", after=begun, types=["payment.succeeded"], limit=10)
    assert [each.id for each in page.data] == [told[1].id]
    kinds = {each.type for each in (await sdk.call("event_types.list")).data}
    assert {each.type for each in told} <= kinds


async def test_are_delivered_signed_and_sent_again(sdk: Sdk, world: World) -> None:
    got: list[tuple[bytes, dict[str, str]]] = []
    async with listening(got) as url:
        endpoint = await sdk.call("webhook_endpoints.create", url, event_types=["payment.succeeded"])
        world.secrets.append(endpoint.secret)
        assert endpoint.secret not in repr(endpoint)
        payment = await paid(sdk, world)
        await until(lambda: bool(got), "the delivery", timeout_s=60)
        event = webhooks.unwrap(*got[0], secret=["whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", endpoint.secret])
        assert (event.type, event.data["id"]) == ("payment.succeeded", payment.id)
        body, headers = got[0]
        with pytest.raises(WebhookVerificationError):
            webhooks.unwrap(body.replace(b"49900", b"49901"), headers, secret=endpoint.secret)
        again = await sdk.call("events.redeliver", event.id, endpoint_id=endpoint.id)
        await until(lambda: len(got) > 1, "the second delivery", timeout_s=60)
        assert webhooks.unwrap(*got[1], secret=endpoint.secret) == event
        shown = await sdk.call("deliveries.get", again.deliveries[0].id)
        assert (shown.endpoint_id, shown.event_type) == (endpoint.id, "payment.succeeded")
        assert len(await sdk.all_of("deliveries.list", endpoint.id, limit=1)) == 2
        turned = await sdk.call("webhook_endpoints.rotate_secret", endpoint.id)
        world.secrets.append(turned.secret)
        await sdk.call("webhook_endpoints.test", endpoint.id, type="payment.succeeded")
        await until(lambda: len(got) > 2, "the test event", timeout_s=60)
        assert webhooks.unwrap(*got[2], secret=turned.secret)["test"] is True
        changed = await sdk.call("webhook_endpoints.update", endpoint.id, description="Shop", event_types=None)
        assert (changed.description, changed.event_types) == ("Shop", None)
        assert (await sdk.call("webhook_endpoints.pause", endpoint.id)).status == "paused"
        assert (await sdk.call("webhook_endpoints.delete", endpoint.id)).deleted


async def test_what_was_missed_is_sent_again(sdk: Sdk, world: World) -> None:
    got: list[tuple[bytes, dict[str, str]]] = []
    begun = datetime.now(UTC) - timedelta(seconds=1)
    async with listening(got) as url:
        endpoint = await sdk.call("webhook_endpoints.create", url, event_types=["payment.created"])
        world.secrets.append(endpoint.secret)
        payment = await sdk.call("payments.create", amount=3, currency="INR")
        await until(lambda: bool(got), "the delivery", timeout_s=60)
        event = webhooks.unwrap(*got[0], secret=endpoint.secret)
        told = await sdk.call("events.get", event.id)
        assert (told.resource.id, told.type) == (payment.id, "payment.created")
        (delivery,) = await sdk.all_of("deliveries.list", endpoint.id)
        await sdk.call("deliveries.retry", delivery.id)
        await until(lambda: len(got) > 1, "the retry", timeout_s=60)
        assert (await sdk.call("webhook_endpoints.get", endpoint.id)).status == "enabled"
        await sdk.call("webhook_endpoints.pause", endpoint.id)
        assert (await sdk.call("webhook_endpoints.enable", endpoint.id)).status == "enabled"
        recovery = await sdk.call("webhook_endpoints.recover", endpoint.id, begun, what="all")
        assert [one.id for one in await sdk.all_of("webhook_endpoints.list_recoveries", endpoint.id)] == [recovery.id]
        await until(lambda: len(got) > 2, "what was missed", timeout_s=60)
        ended = await sdk.call("webhook_endpoints.cancel_recovery", endpoint.id, recovery.id)
        shown = await sdk.call("webhook_endpoints.get_recovery", endpoint.id, recovery.id)
        assert (shown.id, shown.status) == (recovery.id, ended.status)
        await sdk.call("webhook_endpoints.delete", endpoint.id)
