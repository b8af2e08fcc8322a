"""An endpoint is changed, stopped and started again; what is secret in it is never shown."""

import asyncio
import json
from typing import Any

import pytest

from ..conftest import Receiver, Running, eventually

URL = "https://example.com/hook"
PATH = "/internal/webhook-endpoints"
EVERYTHING: dict[str, Any] = {
    "url": "https://example.com/other",
    "event_types": ["*"],
    "channels": ["shop/eu"],
    "filter": {"data": {"amount": {"$gte": 100}}},
    "description": "all of it",
    "metadata": {"team": "shop"},
    "headers": {"X-Api-Key": "hush-header"},
    "auth": {"type": "basic", "username": "we", "password": "hush-password"},
    "timeout_s": 3.5,
    "max_in_flight": 3,
    "retry_schedule_s": [1, 60],
}


async def _change(service: Running, endpoint_id: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer = await service.http.patch(f"{PATH}/{endpoint_id}", json=body, headers=service.owner())
    assert answer.status_code == status, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


async def _do(service: Running, endpoint_id: str, what: str, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = await service.http.post(f"{PATH}/{endpoint_id}/{what}", json=body, headers=service.owner())
    assert answer.status_code == status, answer.text
    done: dict[str, Any] = answer.json()
    return done


class TestUpdate:
    async def test_every_field_is_set_kept_and_taken_back(self, service: Running) -> None:
        created = await service.create_endpoint(URL)
        changed = await _change(service, created["id"], EVERYTHING)
        secret = {"headers", "auth"}
        assert {name: changed[name] for name in EVERYTHING.keys() - secret} == {
            name: value for name, value in EVERYTHING.items() if name not in secret
        }
        assert changed["header_names"] == ["X-Api-Key"]
        assert changed["auth"]["username"] == "we"
        assert "hush" not in json.dumps(changed)
        assert await _change(service, created["id"], {"description": "else"}) == {
            **changed,
            "description": "else",
            "updated_at": (await _shown(service, created["id"]))["updated_at"],
        }
        emptied = await _change(service, created["id"], {name: None for name in EVERYTHING if name != "url"})
        unset = {"event_types", "channels", "filter", "description", "auth", "timeout_s", "max_in_flight"}
        assert {emptied[name] for name in unset} == {None}
        assert (emptied["metadata"], emptied["header_names"], emptied["retry_schedule_s"]) == ({}, [], None)
        assert emptied["public_key"] == created["public_key"]

    async def test_made_with_all_of_it_it_is_the_same(self, service: Running) -> None:
        created = await service.create_endpoint(**EVERYTHING)
        assert created["filter"] == EVERYTHING["filter"]
        for table in ("endpoint_secrets", "webhook_endpoints"):
            for row in await service.admin.fetch(f"SELECT t::text AS text FROM {table} t"):
                assert "hush" not in row["text"]
        listed = await service.http.get(PATH, headers=service.owner())
        assert "hush" not in listed.text

    async def test_what_is_wrong_changes_nothing(self, service: Running) -> None:
        created = await service.create_endpoint(URL, headers={"Authorization": "Custom x"})
        for body, field in (
            ({"url": None}, "url"),
            ({"url": "ftp://example.com"}, "url"),
            ({"filter": {"$or": []}}, "filter"),
            ({"status": "enabled"}, "status"),
            ({"auth": {"type": "bearer", "token": "t"}}, "auth"),
        ):
            problem = await _change(service, created["id"], body, 422)
            assert problem["errors"][0]["field"].startswith(field), body
        assert await _shown(service, created["id"]) == {k: v for k, v in created.items() if k not in {"secret", "note"}}

    async def test_anothers_is_not_there(self, service: Running) -> None:
        created = await service.create_endpoint(URL)
        stranger = service.owner("ten_stranger")
        answers = [await service.http.patch(f"{PATH}/{created['id']}", json={}, headers=stranger)]
        for what in ("pause", "enable", "secret/rotate"):
            answers.append(await service.http.post(f"{PATH}/{created['id']}/{what}", json={}, headers=stranger))
        assert {answer.status_code for answer in answers} == {404}

    async def test_the_next_delivery_goes_to_the_new_address(self, service: Running, receiver: Receiver) -> None:
        created = await service.create_endpoint("http://127.0.0.1:9/none", retry_schedule_s=[1, 1, 1])
        await service.publish(service.event())
        await eventually(lambda: service.admin.fetchval("SELECT count(*) > 0 FROM delivery_attempts"))
        await _change(service, created["id"], {"url": receiver.url})
        await eventually(lambda: receiver.got)


class TestPause:
    async def test_what_is_owed_is_kept_and_flows_again_the_oldest_first(
        self, service: Running, receiver: Receiver
    ) -> None:
        endpoint = await service.create_endpoint(receiver.url, max_in_flight=1)
        assert (await _do(service, endpoint["id"], "pause"))["status"] == "paused"
        assert (await _do(service, endpoint["id"], "pause"))["status"] == "paused", "again is no harm"
        events = [service.event() for _ in range(12)]
        for event in events:
            await service.publish(event)
            await eventually(
                lambda event=event: service.admin.fetchval(
                    "SELECT count(*) FROM delivery_queue WHERE event_id = $1 AND state = 2", event.id
                )
            )
        assert not receiver.got
        assert (await _do(service, endpoint["id"], "enable"))["status"] == "enabled"
        await eventually(lambda: len(receiver.got) == len(events))
        assert [got.headers["webhook-id"] for got in receiver.got] == [event.id for event in events]

    async def test_what_waits_for_its_next_attempt_is_kept_too(self, service: Running, receiver: Receiver) -> None:
        endpoint = await service.create_endpoint("http://127.0.0.1:9/none", retry_schedule_s=[3_600])
        await service.publish(service.event())
        await eventually(lambda: service.admin.fetchval("SELECT count(*) = 1 FROM delivery_queue WHERE state = 0"))
        await _do(service, endpoint["id"], "pause")
        await eventually(lambda: service.admin.fetchval("SELECT count(*) = 1 FROM delivery_queue WHERE state = 2"))
        await _change(service, endpoint["id"], {"url": receiver.url})
        await _do(service, endpoint["id"], "enable")
        await eventually(lambda: receiver.got, what="at once, not in an hour")

    async def test_nothing_is_left_behind_by_whoever_reads_an_old_status(
        self, service: Running, receiver: Receiver
    ) -> None:
        """Events come in while the endpoint is stopped and started: each arrives in the end."""
        endpoint = await service.create_endpoint(receiver.url)
        events = [service.event() for _ in range(60)]

        async def publish() -> None:
            for event in events:
                await service.publish(event)

        async def toggle() -> None:
            for _ in range(10):
                await _do(service, endpoint["id"], "pause")
                await _do(service, endpoint["id"], "enable")

        await asyncio.gather(publish(), toggle())
        wanted = {event.id for event in events}
        await eventually(lambda: {got.headers["webhook-id"] for got in receiver.got} == wanted, timeout_s=15)
        await eventually(lambda: service.admin.fetchval("SELECT count(*) = 0 FROM delivery_queue"))

    async def test_one_that_was_disabled_is_enabled_and_not_paused(self, service: Running, receiver: Receiver) -> None:
        endpoint = await service.create_endpoint(receiver.url)
        await service.admin.execute(
            "UPDATE webhook_endpoints SET status = 'disabled', disabled_reason = 'why', consecutive_failures = 7, "
            "first_failed_at = now(), version = version + 1"
        )
        await service.publish(service.event())
        await _do(service, endpoint["id"], "pause", 409)
        enabled = await _do(service, endpoint["id"], "enable")
        assert (enabled["status"], enabled["disabled_reason"]) == ("enabled", None)
        await eventually(lambda: receiver.got)
        health = await service.admin.fetchrow("SELECT consecutive_failures, first_failed_at FROM webhook_endpoints")
        assert tuple(health or ()) == (0, None)


async def _shown(service: Running, endpoint_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await service.http.get(f"{PATH}/{endpoint_id}", headers=service.owner())).json()
    return shown


@pytest.mark.parametrize("what", ["pause", "enable", "secret/rotate"])
async def test_what_is_not_there_is_said_to_be_not_there(service: Running, what: str) -> None:
    await _do(service, "we_00000000000000000000000000", what, 404)
