"""From the registry's sealed answers to clients, with the registry coming and going."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from tests.sealing import new_data_key

from onerouter_common.clock import SystemClock
from onerouter_common.contracts.registry import EVERY_TENANT, RegistryChange
from onerouter_common.contracts.routing import RoutingPolicy, Targets
from onerouter_common.errors import CredentialsUnreadable, OneRouterError, Overloaded
from onerouter_common.ids import CONNECTION, TENANT, new_id
from onerouter_common.registry_client import ConnectionSecret, RouteSet
from onerouter_common.routing.decide import decide
from onerouter_common.routing.route import RoutingRequest
from onerouter_common.secrets import KeyRing, KeyRings
from onerouter_common.worker.handler import Connection, ConnectionUnusable, Idempotency
from onerouter_common.worker.pace.rule import Pace
from onerouter_providers.connections import ProviderConnection, ProviderConnections
from onerouter_providers.http import open_pool
from onerouter_providers.loader import Providers
from onerouter_providers.payments.razorpay.client import RazorpayPayments

TENANT_ID = new_id(TENANT)
SECRET = "thisissupersecret0123456"


@dataclass
class FakeRegistry:
    """Answers what it is told; counts; can be away or slow."""

    answers: dict[tuple[str, str, str], RouteSet] = field(default_factory=dict)
    asked: int = 0
    away: bool = False
    gate: asyncio.Event | None = None

    async def route_set(self, tenant_id: str, environment: str, category: str) -> RouteSet:
        self.asked += 1
        answer = self.answers.get((tenant_id, environment, category), RouteSet(version="0", connections=()))
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise Overloaded("The registry cannot be asked right now.")
        return answer


@dataclass
class World:
    registry: FakeRegistry
    keyring: str
    pool: httpx.AsyncBaseTransport
    now: float = 1_000.0

    def connections(self, **more: Any) -> ProviderConnections:
        return ProviderConnections(
            self.registry, rings(self.keyring), Providers.load(), self.pool, monotonic=lambda: self.now, **more
        )

    def connect(self, *made: ConnectionSecret, tenant_id: str = TENANT_ID) -> None:
        self.registry.answers[tenant_id, "test", "payments"] = RouteSet(version="1", connections=made)

    def secret(self, **changes: Any) -> ConnectionSecret:
        id = changes.pop("id", new_id(CONNECTION))
        data_key, wrapped = new_data_key(self.keyring, (TENANT_ID, "test"))
        sealed = data_key.seal(SecretStr(SECRET), bound_to=(TENANT_ID, id, "key_secret"))
        fields: dict[str, Any] = {
            "id": id,
            "tenant_id": TENANT_ID,
            "environment": "test",
            "category": "payments",
            "provider": "razorpay",
            "label": "main",
            "enabled": True,
            "credentials": {"key_secret": sealed},
            "credentials_public": {"key_id": "rzp_test_1DP5mmOlF5G5ag"},
            "data_keys": {data_key.id: wrapped},
            "max_in_flight": 50,
            "version": 1,
        }
        return ConnectionSecret.model_validate(fields | changes)


def rings(keyring: str) -> KeyRings:
    return KeyRings(test=KeyRing.parse(keyring), live=KeyRing.parse(KeyRing.generate("k1")))


@pytest.fixture(scope="session")
async def pool() -> AsyncIterator[httpx.AsyncBaseTransport]:
    async with open_pool() as opened:
        yield opened


@pytest.fixture
def world(pool: httpx.AsyncBaseTransport) -> World:
    return World(FakeRegistry(), KeyRing.generate("k1"), pool)


def change(**changes: Any) -> RegistryChange:
    fields: dict[str, Any] = {
        "entity": "connection",
        "id": new_id(CONNECTION),
        "tenant_id": TENANT_ID,
        "environment": "test",
        "change": "updated",
        "at": SystemClock().now(),
    }
    return RegistryChange.model_validate(fields | changes)


async def route(connections: ProviderConnections, tenant_id: str = TENANT_ID) -> list[str]:
    """What may be taken, best first."""
    found = await connections.route(tenant_id, "test", "payments")
    decision = decide(found.policy, found.candidates, RoutingRequest("payment.create"))
    return [one.connection_id for one in decision.candidates]


async def get(connections: ProviderConnections, connection_id: str) -> ProviderConnection:
    found = await connections.get(TENANT_ID, "test", "payments", connection_id)
    assert found is not None
    return found


async def test_a_connection_is_ready_to_be_called(world: World) -> None:
    made = world.secret(currency="INR")
    world.connect(made)
    connection = await get(world.connections(base_urls={"razorpay": "http://127.0.0.1:1/razorpay"}), made.id)
    as_the_heart_sees_it: Connection = connection
    assert as_the_heart_sees_it.idempotency_of("refund.create") is Idempotency.NATIVE
    assert as_the_heart_sees_it.idempotency_of("payment.create") is Idempotency.LOOKUP
    assert as_the_heart_sees_it.idempotency_of("payment.cancel") is None
    instead = connection.instead_of("payment.cancel") or ""
    assert instead.startswith("Razorpay has no void call.")
    assert instead.endswith("Supported by: paypal, stripe.")
    assert connection.absence_settles_s("payment.create") > 0
    assert (connection.currency, connection.max_in_flight, connection.timeout_s) == ("INR", 50, 30)
    assert isinstance(connection.client, RazorpayPayments)
    assert SECRET not in repr(connection) + repr(connection.client) + str(vars(connection.client))


async def test_is_used_as_fast_as_the_tenant_says_or_else_its_provider(world: World) -> None:
    made, own = world.secret(), world.secret(rate_per_s=20.0)
    world.connect(made, own)
    connections = world.connections()
    assert (await get(connections, made.id)).pace is None
    assert (await get(connections, own.id)).pace == Pace.at_most(20)
    messaging = [one.manifest for one in Providers.load() if one.manifest.category in ("sms", "email")]
    assert len(messaging) == 6
    paces = {manifest.id: manifest.pace(None) for manifest in messaging}
    assert all(paces.values())
    assert {name for name, pace in paces.items() if pace is not None and pace.counts_recipients} == {"ses"}
    [ses] = [manifest for manifest in messaging if manifest.id == "ses"]
    assert ses.pace(50.0) == Pace.at_most(50, counts_recipients=True)


async def test_absence_is_believed_sooner_where_an_operator_says_so_and_never_later(world: World) -> None:
    made = world.secret()
    world.connect(made)
    for most_s, refund_s in ((3.0, 3.0), (600.0, 60.0), (None, 60.0)):
        connection = await get(world.connections(absence_most_s=most_s), made.id)
        assert (connection.absence_settles_s("refund.create"), connection.absence_settles_s("refund.get")) == (
            refund_s,
            0,
        )


async def test_disabled_ones_are_not_routed_to_but_reached(world: World) -> None:
    off, on = world.secret(enabled=False), world.secret()
    world.connect(off, on)
    connections = world.connections()
    assert await route(connections) == [on.id]
    reached = await connections.get(TENANT_ID, "test", "payments", off.id)
    assert reached is not None
    assert await connections.get(TENANT_ID, "test", "payments", new_id(CONNECTION)) is None


async def test_answers_are_kept_for_a_minute_and_shared(world: World) -> None:
    made = world.secret()
    world.connect(made)
    connections = world.connections()
    first = await get(connections, made.id)
    second = await get(connections, made.id)
    assert first is second
    assert world.registry.asked == 1
    world.now += 61
    third = await get(connections, made.id)
    assert world.registry.asked == 2
    assert third is first  # unchanged: the client lives on


async def test_what_is_open_is_at_hand_while_the_answer_it_was_made_from_may_be_used(world: World) -> None:
    made = world.secret()
    world.connect(made)
    watched = [True]
    connections = world.connections(is_watched=lambda: watched[0])
    where = (TENANT_ID, "test", "payments", made.id)
    assert connections.at_hand(*where) is None
    await route(connections)
    assert connections.at_hand(*where) is None  # known, not opened
    opened = await get(connections, made.id)
    assert connections.at_hand(*where) is opened
    assert connections.at_hand(TENANT_ID, "live", "payments", made.id) is None
    world.now += 5.1
    watched[0] = False
    assert connections.at_hand(*where) is None
    watched[0] = True
    world.now += 55
    assert connections.at_hand(*where) is None
    assert await get(connections, made.id) is opened
    assert connections.at_hand(*where) is opened
    connections.invalidate(change())
    assert connections.at_hand(*where) is None
    assert world.registry.asked == 2


async def test_answers_are_kept_for_a_moment_while_no_changes_are_heard_of(world: World) -> None:
    world.connect(world.secret())
    connections = world.connections(is_watched=lambda: False)
    await route(connections)
    world.now += 4.9
    await route(connections)
    assert world.registry.asked == 1
    world.now += 0.2
    await route(connections)
    assert world.registry.asked == 2


async def test_one_question_at_a_time(world: World) -> None:
    world.connect(world.secret())
    world.registry.gate = asyncio.Event()
    connections = world.connections()
    asking = [asyncio.create_task(route(connections)) for _ in range(50)]
    while not world.registry.asked:
        await asyncio.sleep(0)
    asking[0].cancel()  # whoever asked first gives up; the others still get their answer
    world.registry.gate.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(answer == answers[1] for answer in answers[2:])
    assert world.registry.asked == 1


async def test_a_change_is_seen_at_once(world: World) -> None:
    old = world.secret()
    world.connect(old)
    connections = world.connections()
    before = await get(connections, old.id)
    world.connect(old.model_copy(update={"version": 2, "credentials_public": {"key_id": "rzp_test_Rotated"}}))
    connections.invalidate(change(entity="api_key"))
    connections.invalidate(change(tenant_id=new_id(TENANT)))
    connections.invalidate(change(environment="live"))
    assert world.registry.asked == 1
    assert await get(connections, old.id) is before
    connections.invalidate(change())
    after = await get(connections, old.id)
    assert after.client is not before.client
    connections.invalidate(change(entity="tenant", environment=None))
    await route(connections)
    assert world.registry.asked == 3


async def test_an_answer_from_before_a_change_is_not_kept(world: World) -> None:
    world.connect(world.secret())
    world.registry.gate = asyncio.Event()
    connections = world.connections()
    early = asyncio.create_task(route(connections))
    while not world.registry.asked:
        await asyncio.sleep(0)
    new = world.secret()
    world.connect(new)
    connections.invalidate(change())
    world.registry.gate.set()
    assert await early != [new.id]
    assert await route(connections) == [new.id]


async def test_a_registry_that_is_away_is_bridged_for_a_bounded_time(world: World) -> None:
    world.connect(world.secret())
    connections = world.connections(stale_s=600)
    expected = await route(connections)
    world.registry.away = True
    world.now += 61
    assert await route(connections) == expected
    asked = world.registry.asked
    assert await route(connections) == expected
    assert world.registry.asked == asked  # it is left alone for a moment
    world.now += 540
    with pytest.raises(Overloaded):
        await route(connections)
    world.registry.away = False
    assert await route(connections) == expected


async def test_what_was_changed_is_not_bridged(world: World) -> None:
    world.connect(world.secret())
    connections = world.connections()
    await route(connections)
    world.registry.away = True
    connections.invalidate(change(change="deleted"))
    with pytest.raises(Overloaded):
        await route(connections)


async def test_after_a_gap_everything_is_asked_again_and_still_bridged(world: World) -> None:
    world.connect(world.secret())
    connections = world.connections()
    expected = await route(connections)
    connections.invalidate_all()
    assert await route(connections) == expected
    assert world.registry.asked == 2
    world.registry.away = True
    connections.invalidate_all()
    assert await route(connections) == expected


async def test_the_cache_is_bounded(world: World) -> None:
    connections = world.connections(max_entries=3)
    tenants = [new_id(TENANT) for _ in range(4)]
    for tenant in [*tenants, tenants[-1]]:
        await route(connections, tenant)
    assert world.registry.asked == 4
    await route(connections, tenants[0])
    assert world.registry.asked == 5


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ({"provider": "nobody"}, ConnectionUnusable),
        ({"credentials_public": {}}, ConnectionUnusable),
        ({"data_keys": {}}, CredentialsUnreadable),
        ({"id": "con_moved"}, CredentialsUnreadable),
    ],
)
async def test_what_cannot_be_opened_here_says_who_can_mend_it(
    world: World, broken: dict[str, Any], expected: type[OneRouterError], capsys: pytest.CaptureFixture[str]
) -> None:
    bad = world.secret().model_copy(update=broken)
    world.connect(bad)
    with pytest.raises(expected):
        await world.connections().get(TENANT_ID, "test", "payments", bad.id)
    assert SECRET not in capsys.readouterr().out


async def test_a_provider_that_is_not_installed_takes_nothing(world: World) -> None:
    bad, good = world.secret(provider="nobody"), world.secret()
    world.connect(bad, good)
    assert await route(world.connections()) == [good.id]


async def test_what_is_disconnected_takes_nothing_and_is_reached(world: World) -> None:
    gone = world.secret(disconnected=True)
    world.connect(gone)
    connections = world.connections()
    assert (await connections.route(TENANT_ID, "test", "payments")).candidates == ()
    await get(connections, gone.id)


async def test_what_is_public_is_known_of_all_that_are_connected_without_opening_a_secret(world: World) -> None:
    enabled, disabled = world.secret(), world.secret(enabled=False, credentials={"key_secret": "not sealed"})
    off, gone = world.secret(available=False), world.secret(disconnected=True)
    world.connect(enabled, disabled, off, gone)
    known = await world.connections().known(TENANT_ID, "test", "payments")
    assert [(one.id, one.takes_new) for one in known] == [(enabled.id, True), (disabled.id, False), (off.id, False)]
    assert known[0].public == {"key_id": "rzp_test_1DP5mmOlF5G5ag"}
    assert [one.switched_off for one in known] == [False, False, True]


async def test_what_an_operator_switched_off_takes_nothing_and_is_reached(world: World) -> None:
    off = world.secret(available=False, unavailable_reason="an incident")
    world.connect(off)
    connections = world.connections()
    assert await route(connections) == []
    await get(connections, off.id)


async def test_a_switch_is_seen_at_once_by_every_tenant(world: World) -> None:
    made = world.secret()
    world.connect(made)
    connections = world.connections()
    assert await route(connections) == [made.id]
    world.connect(made.model_copy(update={"available": False}))
    switched = change(entity="provider", id="payments/razorpay", tenant_id=EVERY_TENANT, environment=None)
    connections.invalidate(switched)
    assert await route(connections) == []


async def test_a_route_says_whose_tenant_is_suspended_and_what_its_policy_is(world: World) -> None:
    policy = RoutingPolicy(version=3, default=Targets(failover=("con_1",)))
    answer = RouteSet(version="1", connections=(), suspended=True, policy=policy)
    world.registry.answers[TENANT_ID, "test", "payments"] = answer
    found = await world.connections().route(TENANT_ID, "test", "payments")
    assert (found.suspended, found.policy) == (True, policy)


async def test_nothing_connected_is_an_empty_route(world: World) -> None:
    assert await route(world.connections()) == []
