"""`onerouter admin callbacks`, against a webhooks service that runs."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.services.registry.conftest import Registry, opened
from tests.services.registry.test_changes import environment_of
from tests.services.webhooks.callback.conftest import over_http
from tests.services.webhooks.conftest import INTERNAL_TOKEN, Running, razorpay_body, rows_of, start_service
from typer.testing import CliRunner

from onerouter_local.testing import Cluster
from onerouter_registry.audit.chain import PLATFORM
from onerouter_registry.audit.model import Filter
from onerouter_server.admin import app as admin_app
from onerouter_webhooks.callback.stored import repository

__all__ = ["start_service"]  # a fixture

_LOGGED = re.compile(r"(\x1b\[2m)?20\d\d-\d\d-\d\dT")


@pytest.fixture(scope="module")
async def registry(postgres: Cluster) -> AsyncIterator[Registry]:
    made = await postgres.create("registry")
    async with opened(made) as one:
        yield one
    await postgres.drop(made)


@dataclass
class Lab:
    registry: Registry
    webhooks: Running
    url: str

    async def run(self, *arguments: str, **changes: str) -> tuple[int, str]:
        """Exit code, and what it tells people."""
        environment = {
            **environment_of(self.registry),
            "ONEROUTER_REGISTRY_WEBHOOKS_URL": self.url,
            "ONEROUTER_INTERNAL_TOKENS": INTERNAL_TOKEN,
            **changes,
        }
        result = await asyncio.to_thread(CliRunner().invoke, admin_app, ("callbacks", *arguments), env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        # The service runs in this process: what it logs meanwhile comes here, too.
        told = [line for line in result.stderr.splitlines() if not _LOGGED.match(line)]
        return result.exit_code, " ".join(" ".join(told).split())

    async def booked(self, chain: str) -> list[tuple[str, Any]]:
        entries = (await self.registry.admin.audit_trail.of_chain(chain, Filter(), limit=100)).entries
        return [(entry.action, entry.after) for entry in entries if entry.action.startswith("callbacks.")]


@pytest.fixture
async def lab(registry: Registry, start_service: Callable[..., Any]) -> AsyncIterator[Lab]:
    async with start_service() as service, over_http(service) as http:
        yield Lab(registry, service, str(http.base_url))


class TestReplay:
    async def test_all_pages_are_read_and_it_stands_in_the_books(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(repository, "_EXAMINED", 2)
        for _ in range(5):
            await lab.webhooks.send_callback(razorpay_body("invoice.expired"))
        await lab.webhooks.send_callback(razorpay_body())
        assert await lab.run("replay", "--provider", "razorpay", "--since", "2026-01-01") == (
            0,
            "0 of 5 told something new, in 0 records.",
        )
        assert await lab.run("replay", "--state", "read") == (0, "0 of 1 told something new, in 0 records.")
        (_, first), _ = reversed(await lab.booked(PLATFORM))
        assert (first["provider"], first["since"], first["examined"]) == ("razorpay", "2026-01-01T00:00:00+00:00", 6)

    async def test_what_is_wrong_is_said(self, lab: Lab) -> None:
        code, told = await lab.run("replay", "--state", "some")
        assert (code, "Traceback" in told) == (2, False)
        assert "states" in told
        code, told = await lab.run("replay", ONEROUTER_REGISTRY_WEBHOOKS_URL="http://127.0.0.1:1")
        assert (code, told) == (2, "The webhooks service cannot be asked right now; try again in a few seconds.")


class TestRedact:
    async def test_the_books_do_not_keep_what_is_to_be_forgotten(self, lab: Lab) -> None:
        tenant = await lab.registry.admin.tenants.create("Acme")
        lab.webhooks.connection.tenant_id = tenant.id
        lab.webhooks.connection.__post_init__()
        await lab.webhooks.send_callback(razorpay_body(email="zoe@example.net"))
        await lab.webhooks.send_callback(razorpay_body(id="pay_ORTEST00000009"))
        await lab.webhooks.send_callback(razorpay_body())
        wish = ("--tenant", tenant.id, "--address", "zoe@example.net", "--resource", "pay_ORTEST00000009")
        assert await lab.run("redact", *wish) == (0, "2 of 3 callbacks were redacted.")
        assert [row["redacted_at"] is None for row in await rows_of(lab.webhooks)] == [False, False, True]
        booked = await lab.booked(tenant.id)
        assert {action for action, _ in booked} == {"callbacks.redaction_requested", "callbacks.redacted"}
        assert "zoe" not in str(booked)
        assert "pay_ORTEST00000009" in str(booked)

    async def test_nobody_is_redacted_by_mistake(self, lab: Lab) -> None:
        assert (await lab.run("redact", "--tenant", "ten_x"))[0] == 2
        code, told = await lab.run("redact", "--tenant", "ten_x", "--address", "zoe@example.net")
        assert (code, "There is no tenant ten_x" in told) == (2, True)
