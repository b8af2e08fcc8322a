"""Events of one resource that come before the one they follow, to endpoints that want them in order."""

from datetime import timedelta
from typing import Any, Final

import pytest

from onerouter_common.contracts.events import EventResource
from onerouter_webhooks.event import order
from onerouter_webhooks.event.order import Place, Resource

from ..conftest import Receiver, Running, StartService, eventually
from .test_backlog import LONG, ROWS, SHORT, cost, counted, fill, pool
from .test_order import told_of

__all__ = ["counted", "pool"]

_LONG_S: Final = 3_600.0
"""What waits so long has not waited it out."""


async def publish(service: Running, sequence: int, type: str = "payment.succeeded", resource: str = "pay_1") -> None:
    event = service.event(type, resource=EventResource(kind="payment", id=resource), sequence=sequence)
    await service.publish(event)
    await eventually(lambda: service.admin.fetchval("SELECT count(*) FROM events WHERE id = $1", event.id))


def sequences(receiver: Receiver) -> list[int]:
    return [told_of(one)[1] for one in receiver.got]


@pytest.fixture
def long_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "WAIT_S", _LONG_S)


@pytest.mark.usefixtures("long_wait")
class TestEarly:
    @pytest.mark.parametrize("came", [(1, 3, 2), (3, 2, 1), (1, 5, 4, 3, 2), (2, 4, 1, 3)], ids=str)
    async def test_waits_for_those_before_it(
        self, start_service: StartService, receiver: Receiver, came: tuple[int, ...]
    ) -> None:
        async with start_service() as service:
            await service.create_endpoint(receiver.url, ordering="resource")
            for sequence in came:
                await publish(service, sequence)
            await eventually(lambda: len(receiver.got) == len(came))
        assert sequences(receiver) == sorted(came)

    async def test_waits_also_for_what_its_endpoint_does_not_take(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        """The second is not for it; the first, which is, comes last."""
        async with start_service() as service:
            await service.create_endpoint(receiver.url, ordering="resource", event_types=["payment.succeeded"])
            await publish(service, 2, "payment.created")
            await publish(service, 3)
            await publish(service, 1)
            await eventually(lambda: len(receiver.got) == 2)
        assert sequences(receiver) == [1, 3]

    async def test_goes_on_when_what_comes_is_not_for_its_endpoint(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        async with start_service() as service:
            await service.create_endpoint(receiver.url, ordering="resource", event_types=["payment.succeeded"])
            await publish(service, 2)
            await publish(service, 1, "payment.created")
            await eventually(lambda: receiver.got)
        assert sequences(receiver) == [2]

    async def test_waits_on_when_its_endpoint_is_enabled_meanwhile(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        async with start_service() as service:
            endpoint = await service.create_endpoint(receiver.url, ordering="resource")
            path = f"/internal/webhook-endpoints/{endpoint['id']}"
            assert (await service.http.post(f"{path}/pause", headers=service.owner())).status_code == 200
            await publish(service, 2)
            await publish(service, 1, resource="pay_2")
            assert (await service.http.post(f"{path}/enable", headers=service.owner())).status_code == 200
            await eventually(lambda: receiver.got)  # the other one: what was held was taken up
            await eventually(lambda: service.admin.fetchval("SELECT count(*) = 1 FROM delivery_queue WHERE state = 0"))
            await publish(service, 1)
            await eventually(lambda: len(receiver.got) == 3)
        assert [told_of(one) for one in receiver.got] == [("pay_2", 1), ("pay_1", 1), ("pay_1", 2)]

    async def test_does_not_wait_where_nobody_asked_for_order(self, service: Running, receiver: Receiver) -> None:
        await service.create_endpoint(receiver.url)
        await publish(service, 7)
        await eventually(lambda: receiver.got)
        assert await service.admin.fetchval("SELECT count(*) FROM known_sequences") == 0


class TestMissing:
    async def test_what_never_comes_delays_by_the_bound_and_only_once(
        self, service: Running, receiver: Receiver
    ) -> None:
        """Another resource's events go out meanwhile."""
        await service.create_endpoint(receiver.url, ordering="resource")
        await publish(service, 7)
        waiting = await service.admin.fetchval("SELECT next_at - created_at FROM delivery_queue")
        assert waiting == pytest.approx(timedelta(seconds=order.WAIT_S), abs=timedelta(seconds=2))
        await publish(service, 1, resource="pay_2")
        await eventually(lambda: receiver.got)
        await service.admin.execute(
            "WITH later AS (UPDATE known_sequences SET settles_at = now()) UPDATE delivery_queue SET next_at = now()"
        )
        await publish(service, 8)
        await publish(service, 9)
        await eventually(lambda: len(receiver.got) == 4)
        assert sequences(receiver) == [1, 7, 8, 9]


class TestOrder:
    async def test_what_is_known(self, pool: Any) -> None:
        one, other = Resource("ten_1", "test", "payment", "pay_1"), Resource("ten_1", "test", "payment", "pay_2")
        async with pool.acquire() as connection:
            await order.note(connection, [Place(one, 1), Place(one, 2), Place(other, 5)])
            known = await order.note(connection, [Place(one, 5), Place(one, 4), Place(other, 6)])
        assert known.wait_s(Place(one, 2)) == 0
        assert [known.end(Place(one, 1)), known.end(Place(one, 4)), known.end(Place(other, 5))] == [3, 6, 7]
        assert known.wait_s(Place(one, 5)) == known.wait_s(Place(one, 4)) == pytest.approx(order.WAIT_S)
        assert 0 < known.wait_s(Place(other, 6)) < order.WAIT_S, "its gap is older"

    async def test_of_a_long_backlog_only_what_waits_is_touched(self, counted: Any) -> None:
        await fill(counted, LONG, ROWS, resources=3)
        await fill(counted, SHORT, 3)
        await counted.execute(
            "UPDATE delivery_queue SET next_at = now() + interval '1 hour' "
            "WHERE endpoint_id = 'we_long' AND resource = 'pay_0001' AND position <= 10"
        )
        arguments = (["we_long", "we_short"], ["pay_0001", "pay_0001"], [1, 1], [9, 9], order._MOST)
        assert await cost(counted, order._BRING_FORWARD, *arguments) <= 8
