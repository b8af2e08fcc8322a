"""What an endpoint missed is sent again: all of it, at a pace that leaves room for what is new."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import asyncpg
import pytest
from aiohttp import web

from onerouter_common.ids import DELIVERY, EVENT, new_id
from onerouter_webhooks.database import database_pool
from onerouter_webhooks.delivery.worker import DeliveryWorker
from onerouter_webhooks.recovery.model import Candidate, choose, progress_of, room_of
from onerouter_webhooks.recovery.runner import RecoveryRunner
from onerouter_webhooks.recovery.waiting import FULL_S, PAUSED_S, Waiting

from ..conftest import CreateDatabase, Receiver, Running, StartService, eventually

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LONG_AGO = "2020-01-01T00:00:00Z"


def candidate(number: int, is_wanted: bool = True) -> Candidate:
    return Candidate(f"dlv_{number}", f"evt_{number}", NOW, "payment.succeeded", NOW, is_wanted)


class TestRules:
    def test_a_fifth_of_the_places_beside_live_deliveries_and_plenty_alone(self) -> None:
        assert room_of(0, 10, has_live=True) == 2
        assert room_of(2, 10, has_live=True) == 0
        assert room_of(0, 1, has_live=True) == 1
        assert room_of(0, 10, has_live=False) == 50
        assert room_of(60, 10, has_live=False) == 0

    def test_a_step_ends_where_the_room_does_and_the_next_begins_there(self) -> None:
        found = [candidate(1), candidate(2, False), candidate(3), candidate(4, False), candidate(5)]
        step = choose(found, room=2, page=5)
        assert ([one.id for one in step.chosen], step.last, step.looked_at) == (["dlv_1", "dlv_3"], found[3], 4)
        assert not step.is_last
        assert choose(found[4:], room=2, page=5) == ([found[4]], found[4], 1, True)
        assert not choose(found, room=5, page=5).is_last
        assert choose([], room=5, page=5) == ([], None, 0, True)

    def test_progress(self) -> None:
        until = NOW + timedelta(hours=4)
        assert progress_of("running", NOW, until, NOW + timedelta(hours=1)) == 0.25
        assert progress_of("running", NOW, until, NOW - timedelta(hours=1)) == 0
        assert progress_of("finished", NOW, until, NOW) == 1


async def ask(
    service: Running, endpoint: dict[str, Any], path: str, body: dict[str, Any] | None = None, **owner: Any
) -> tuple[int, dict[str, Any]]:
    answer = await service.http.request(
        "GET" if body is None else "POST",
        f"/internal/webhook-endpoints/{endpoint['id']}/{path}",
        headers=service.owner(**owner),
        json=body,
    )
    answered: dict[str, Any] = answer.json()
    return answer.status_code, answered


async def recover(service: Running, endpoint: dict[str, Any], **wish: Any) -> dict[str, Any]:
    status, started = await ask(service, endpoint, "recover", {"since": LONG_AGO, **wish})
    assert status == 201, started
    return started


async def finished(service: Running, endpoint: dict[str, Any], started: dict[str, Any]) -> dict[str, Any]:
    async def there() -> dict[str, Any] | None:
        _, now = await ask(service, endpoint, f"recoveries/{started['id']}")
        return now if now["status"] == "finished" else None

    ended: dict[str, Any] = await eventually(there, what="the end of the recovery")
    return ended


async def fill(service: Running, endpoint: dict[str, Any], count: int, outcome: str = "exhausted") -> list[str]:
    """So many finished deliveries of as many events; the events' ids."""
    events = [new_id(EVENT) for _ in range(count)]
    owner = (service.connection.tenant_id, "test")
    await service.admin.execute(
        "INSERT INTO events (id, occurred_at, tenant_id, environment, category, type, resource_kind, resource_id, "
        "sequence, body, log_partition, log_offset) SELECT id, now(), $2, $3, 'payments', 'payment.succeeded', "
        "'payment', 'pay_1', 1, '{\"data\":{}}', 0, 0 FROM unnest($1::text[]) AS id",
        events,
        *owner,
    )
    await service.admin.execute(
        "INSERT INTO deliveries (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, outcome, "
        "attempts, trigger, created_at, finished_at) SELECT d.id, $3, $4, $5, e.id, e.occurred_at, e.type, $6, 10, "
        "'event', now(), now() FROM unnest($1::text[], $2::text[]) AS d(id, event_id) JOIN events e ON e.id = d.event_id",
        [new_id(DELIVERY) for _ in events],
        events,
        *owner,
        endpoint["id"],
        outcome,
    )
    return events


def ids_of(receiver: Receiver) -> list[str]:
    return [one.headers["webhook-id"] for one in receiver.got]


class TestFailed:
    async def test_every_one_arrives_once_and_nothing_that_was_taken(
        self, service: Running, receiver: Receiver
    ) -> None:
        endpoint = await service.create_endpoint(receiver.url)
        failed = await fill(service, endpoint, 450)
        await fill(service, endpoint, 30, "succeeded")
        taken_since = failed[7]
        await service.admin.execute(
            "INSERT INTO deliveries SELECT $1, tenant_id, environment, endpoint_id, event_id, event_at, event_type, "
            "'succeeded', 1, 'manual', created_at, finished_at FROM deliveries WHERE event_id = $2",
            new_id(DELIVERY),
            taken_since,
        )
        started = await recover(service, endpoint)
        assert (started["status"], started["what"], started["queued"]) == ("running", "failed", 0)
        ended = await finished(service, endpoint, started)
        assert (ended["looked_at"], ended["queued"], ended["skipped"], ended["progress"]) == (481, 449, 1, 1.0)
        await eventually(lambda: len(receiver.got) >= 449)
        assert sorted(ids_of(receiver)) == sorted(set(failed) - {taken_since})
        again = await finished(service, endpoint, await recover(service, endpoint))
        assert (again["queued"], again["skipped"]) == (0, 450)

    async def test_only_of_the_types_and_the_period(self, service: Running, receiver: Receiver) -> None:
        endpoint = await service.create_endpoint(receiver.url)
        await fill(service, endpoint, 3)
        for wish, queued in (
            ({"types": ["refund.*"]}, 0),
            ({"until": "2020-01-02T00:00:00Z"}, 0),
            ({"types": ["refund.*", "payment.succeeded"]}, 3),
        ):
            assert (await finished(service, endpoint, await recover(service, endpoint, **wish)))["queued"] == queued

    async def test_goes_on_where_it_was_after_a_restart(self, start_service: StartService, receiver: Receiver) -> None:
        async def refused(_: web.Request, __: int) -> web.StreamResponse:
            return web.Response(status=500)

        receiver.answer = refused
        async with start_service(retry_schedule_s=(3_600,)) as service:
            endpoint = await service.create_endpoint(receiver.url)
            failed = await fill(service, endpoint, 400)
            started = await recover(service, endpoint)
            await eventually(lambda: service.admin.fetchval("SELECT looked_at > 50 FROM recoveries"))
        looked_at = 0
        async with start_service() as service:
            looked_at = await service.admin.fetchval("SELECT looked_at FROM recoveries")
            assert 50 < looked_at < 400
            receiver.answer = _ok
            await service.admin.execute("UPDATE webhook_endpoints SET breaker_until = now(), consecutive_failures = 1")
            ended = await finished(service, endpoint, started)
            assert (ended["looked_at"], ended["queued"]) == (400, 400)
            await service.admin.execute("UPDATE delivery_queue SET next_at = now() WHERE state = 0")
            await eventually(lambda: set(ids_of(receiver)) == set(failed))


async def _ok(_: web.Request, __: int) -> web.StreamResponse:
    return web.Response()


class TestAll:
    async def test_every_event_the_endpoint_wants_even_if_it_is_younger_than_they_are(
        self, service: Running, receiver: Receiver
    ) -> None:
        first = await service.create_endpoint(receiver.url)
        events = [service.event((number % 2 and "payment.succeeded") or "payment.failed") for number in range(20)]
        for event in events:
            await service.publish(event)
        await eventually(lambda: len(receiver.got) == 20)
        receiver.got.clear()
        late = await service.create_endpoint(receiver.url, event_types=["payment.failed"])
        ended = await finished(service, late, await recover(service, late, what="all"))
        assert (ended["looked_at"], ended["queued"]) == (20, 10)
        await eventually(lambda: len(receiver.got) == 10)
        assert sorted(ids_of(receiver)) == sorted(one.id for one in events if one.type == "payment.failed")
        ended = await finished(service, first, await recover(service, first, what="all"))
        assert ended["queued"] == 20

    async def test_what_an_endpoint_takes_is_decided_as_it_is_for_what_is_new(
        self, service: Running, receiver: Receiver
    ) -> None:
        """By channel and filter; an event whose data was left out, and its channel with it, goes by its type."""
        wanted, other = {"amount": 5, "metadata": {"channel": "eu"}}, {"amount": 5, "metadata": {"channel": "us"}}
        large = {**wanted, "note": "x" * 30_000}
        events = [
            service.event(data=wanted),
            service.event(data={**wanted, "amount": 1}),
            service.event(data=other),
            service.event(data=large),
            service.event("refund.failed", data=large),
        ]
        for event in events:
            await service.publish(event)
        mine = service.connection.tenant_id
        stored = "SELECT count(*) = 5 FROM events WHERE tenant_id = $1"
        await eventually(lambda: service.admin.fetchval(stored, mine))
        endpoint = await service.create_endpoint(
            receiver.url, event_types=["payment.*"], channels=["eu"], filter={"data": {"amount": {"$gte": 5}}}
        )
        ended = await finished(service, endpoint, await recover(service, endpoint, what="all"))
        assert (ended["looked_at"], ended["queued"]) == (5, 2)
        await eventually(lambda: len(receiver.got) == 2)
        assert sorted(ids_of(receiver)) == sorted([events[0].id, events[3].id])


class TestHeld:
    async def test_to_enable_the_endpoint_frees_all_of_it_without_a_recovery(
        self, service: Running, receiver: Receiver
    ) -> None:
        endpoint = await service.create_endpoint(receiver.url)
        assert (await ask(service, endpoint, "pause", {}))[0] == 200
        events = [service.event() for _ in range(30)]
        for event in events:
            await service.publish(event)
        await eventually(lambda: service.admin.fetchval("SELECT count(*) = 30 FROM delivery_queue WHERE state = 2"))
        status, problem = await ask(service, endpoint, "recover", {"since": LONG_AGO})
        assert (status, "paused" in problem["detail"]) == (409, True)
        assert (await ask(service, endpoint, "enable", {}))[0] == 200
        await eventually(lambda: len(receiver.got) == 30)
        assert sorted(ids_of(receiver)) == sorted(event.id for event in events)


class TestWaiting:
    """A job without room is looked at ever less often, and hardly written."""

    def test_waits_double_up_to_half_a_minute_until_there_is_room(self) -> None:
        waiting = Waiting()
        now, waits = 0.0, []
        for _ in range(10):
            waits.append(waiting.put_off("rcv_1", now, FULL_S))
            now += waits[-1]
        assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30])
        assert waiting.put_off("rcv_1", now, PAUSED_S) == 30
        waiting.forget("rcv_1")
        assert waiting.put_off("rcv_1", now, PAUSED_S) == 1

    def test_only_who_is_due_is_looked_at_and_who_has_ended_is_forgotten(self) -> None:
        waiting = Waiting()
        assert waiting.next_in(0.0) is None
        waiting.put_off("rcv_1", 0.0, 1.0)
        waiting.put_off("rcv_2", 0.0, 2.0)
        assert (waiting.ids(0.5), waiting.next_in(0.5)) == (["rcv_1", "rcv_2"], 0.5)
        assert (waiting.ids(1.5), waiting.next_in(1.5)) == (["rcv_2"], 0.0)
        waiting.drop_due(1.5)
        assert (waiting.ids(1.5), waiting.next_in(1.5)) == (["rcv_2"], 0.5)
        assert waiting.put_off("rcv_1", 1.5, 1.0) == 1.0

    async def test_jobs_without_room_are_left_alone_and_others_have_their_turn(
        self, database: CreateDatabase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 100.0
        monkeypatch.setattr("onerouter_webhooks.recovery.runner.monotonic", lambda: now)
        made = await database("webhooks")
        async with AsyncExitStack() as stack:
            pool = await stack.enter_async_context(database_pool(made.dsn, size=1))
            admin = await stack.enter_async_context(asyncpg.create_pool(made.admin_dsn, min_size=1, max_size=1))
            await admin.execute(_THREE_JOBS)
            # Nothing is queued here, so no worker is woken.
            runner = RecoveryRunner(pool, cast(DeliveryWorker, None), max_in_flight=1, poll_interval_s=1.0)

            async def steps() -> list[str]:
                return [await runner.step() for _ in range(5)]

            async def row_versions() -> list[str]:
                rows = await admin.fetch("SELECT ctid::text AS at FROM recoveries WHERE status = 'running' ORDER BY id")
                return [row["at"] for row in rows]

            before = await row_versions()
            assert await steps() == ["waits", "waits", "worked", "nothing", "nothing"]
            assert await admin.fetchval("SELECT array_agg(id) FROM recoveries WHERE status = 'finished'") == ["rcv_3"]
            full, paused = await row_versions()
            assert full == before[0], "it is looked at again soon, and nothing was written"
            assert paused != before[1], "its turn comes after the others'"
            now += 0.9
            assert await steps() == ["waits", *["nothing"] * 4]
            assert await row_versions() == [full, paused]
            now += 0.2
            assert await steps() == ["waits", "waits", *["nothing"] * 3]
            await admin.execute("UPDATE webhook_endpoints SET status = 'enabled'")
            now += 1.9
            assert "worked" not in await steps()
            now += 0.2
            assert "worked" in await steps()


_THREE_JOBS = """
INSERT INTO webhook_endpoints (id, tenant_id, environment, url, metadata, status, created_at, updated_at)
SELECT id, 'ten_1', 'test', 'https://example.com', '{}', status, now(), now()
FROM (VALUES ('we_1', 'enabled'), ('we_2', 'paused'), ('we_3', 'enabled')) AS w(id, status);
INSERT INTO delivery_queue (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, state, next_at, trigger,
                            created_at)
SELECT 'dlv_' || n, 'ten_1', 'test', 'we_1', 'evt_' || n, now(), 'payment.created', 0, now(), 'recovery', now()
FROM generate_series(1, 5) n;
INSERT INTO recoveries (id, tenant_id, environment, endpoint_id, what, since, until, status, cursor, reached_at, stepped_at,
                        created_at)
SELECT 'rcv_' || n, 'ten_1', 'test', 'we_' || n, 'failed', now() - interval '1 hour', now(), 'running', 'dlv_0', now(), now(),
       now()
FROM generate_series(1, 3) n;
"""


class TestPace:
    async def test_leaves_four_fifths_to_live_deliveries(self, start_service: StartService, receiver: Receiver) -> None:
        """The endpoint hangs; 10 live deliveries are under way and more wait: of the recovery 2 join them."""
        async with start_service(poll_interval_s=0.05) as service:
            endpoint = await service.create_endpoint(receiver.url)
            worker = service.app.state.services.worker
            worker._draining = True  # nothing is claimed
            worker.wake()
            await fill(service, endpoint, 100)
            await service.admin.execute(
                "INSERT INTO delivery_queue (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, "
                "state, next_at, created_at) SELECT 'dlv_live', tenant_id, environment, endpoint_id, 'evt_live', "
                "now(), 'payment.succeeded', 0, now() - interval '1 hour', now() FROM deliveries LIMIT 1"
            )
            await recover(service, endpoint)
            counted = "SELECT count(*) FROM delivery_queue WHERE trigger = 'recovery'"
            await eventually(lambda: service.admin.fetchval(f"{counted} HAVING count(*) = 2"))
            before = await service.admin.fetchval("SELECT stepped_at FROM recoveries")
            # It was looked at again, several times.
            await eventually(
                lambda: service.admin.fetchval("SELECT stepped_at > $1::timestamptz FROM recoveries", before)
            )
            assert await service.admin.fetchval(counted) == 2
            await service.admin.execute("DELETE FROM delivery_queue WHERE id = 'dlv_live'")
            await eventually(lambda: service.admin.fetchval(f"{counted} HAVING count(*) = 50"))


class TestManaged:
    async def test_one_at_a_time_listed_and_canceled(self, service: Running, receiver: Receiver) -> None:
        endpoint = await service.create_endpoint(receiver.url)
        worker = service.app.state.services.worker
        worker._draining = True  # nothing is claimed, so the job has to wait for room
        worker.wake()
        await fill(service, endpoint, 200)
        started = await recover(service, endpoint)
        status, _ = await ask(service, endpoint, "recover", {"since": LONG_AGO})
        assert status == 409
        await eventually(lambda: service.admin.fetchval("SELECT looked_at >= 50 FROM recoveries"))
        _, now = await ask(service, endpoint, f"recoveries/{started['id']}")
        assert (now["status"], now["queued"], now["looked_at"]) == ("running", 50, 50)
        status, canceled = await ask(service, endpoint, f"recoveries/{started['id']}/cancel", {})
        assert (status, canceled["status"], canceled["finished_at"] is None) == (200, "canceled", False)
        assert await ask(service, endpoint, f"recoveries/{started['id']}/cancel", {}) == (200, canceled)
        await service.admin.execute("DELETE FROM delivery_queue")
        second = await recover(service, endpoint)
        _, listed = await ask(service, endpoint, "recoveries?limit=1")
        assert ([one["id"] for one in listed["data"]], listed["has_more"]) == ([second["id"]], True)
        _, rest = await ask(service, endpoint, f"recoveries?cursor={listed['next_cursor']}")
        assert [one["id"] for one in rest["data"]] == [started["id"]]

    async def test_the_job_of_a_deleted_endpoint_ends(self, service: Running, receiver: Receiver) -> None:
        endpoint = await service.create_endpoint(receiver.url)
        service.app.state.services.worker._draining = True
        await fill(service, endpoint, 200)
        await recover(service, endpoint)
        await service.http.delete(f"/internal/webhook-endpoints/{endpoint['id']}", headers=service.owner())
        await eventually(lambda: service.admin.fetchval("SELECT status = 'canceled' FROM recoveries"))

    async def test_strangers_see_and_start_nothing(self, service: Running, receiver: Receiver) -> None:
        endpoint = await service.create_endpoint(receiver.url)
        started = await recover(service, endpoint)
        for stranger in ({"tenant_id": "ten_stranger"}, {"environment": "live"}):
            for path, body in (
                ("recover", {"since": LONG_AGO}),
                ("recoveries", None),
                (f"recoveries/{started['id']}", None),
                (f"recoveries/{started['id']}/cancel", {}),
            ):
                assert (await ask(service, endpoint, path, body, **stranger))[0] == 404

    @pytest.mark.parametrize(
        ("wish", "field"),
        [
            ({}, "since"),
            ({"since": "2999-01-01T00:00:00Z"}, "since"),
            ({"since": "0001-01-01T00:00:00+14:00"}, "since"),
            ({"since": LONG_AGO, "until": LONG_AGO}, "until"),
            ({"since": LONG_AGO, "what": "lost"}, "what"),
            ({"since": LONG_AGO, "what": "held"}, "what"),
            ({"since": LONG_AGO, "types": ["Payment"]}, "types"),
            ({"since": LONG_AGO, "rate": 1}, "rate"),
        ],
    )
    async def test_what_is_wrong_is_named(
        self, service: Running, receiver: Receiver, wish: dict[str, Any], field: str
    ) -> None:
        endpoint = await service.create_endpoint(receiver.url)
        status, problem = await ask(service, endpoint, "recover", wish)
        assert (status, problem["errors"][0]["field"]) == (422, field)
