"""What a wait without a reply says about the workers."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request
from tests.services.gateway.quota.test_quotas import Registry

from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.replies import Reply
from onerouter_common.errors import Overloaded
from onerouter_gateway.commands.intent import Intent
from onerouter_gateway.commands.pending import Pending
from onerouter_gateway.commands.request import Patience
from onerouter_gateway.commands.wait import Asked, Commands
from onerouter_gateway.quota.quotas import QuotaExceeded, Quotas

INTENT = Intent("payment.create", "payments", "POST /v1/payments", {}, {}, resource_prefix="pay")


class _Lookup:
    def __init__(self, state: Any) -> None:
        self._state = state

    async def find(self, command: Command) -> Reply | None:
        if self._state is None:
            return None
        return Reply(
            operation_id=command.operation_id,
            made_by=command.command_id,
            fingerprint=command.fingerprint,
            state=self._state,
            resource_id=command.resource_id,
        )


async def _noted(_: Command) -> None:
    pass


def _commands(state: str | None, lend: Any = None) -> Commands:
    async def publish(command: Command, *, key: str | None) -> None:
        pass

    publisher: Any = SimpleNamespace(check_ready=lambda: None, publish=publish)
    pending = Pending(most=10, most_of_tenant=10, slow_wait_s=0, window_s=60, share=0.5, least=1)
    clock: Any = SimpleNamespace(now=lambda: datetime.now(UTC))
    lookup: Any = _Lookup(state)
    repeats: Any = None
    accepted: Any = SimpleNamespace(note=_noted)
    quotas = Quotas(lend, clock, debt=0)
    return Commands(publisher, pending, lookup, repeats, accepted, quotas=quotas, secret=b"s" * 32, clock=clock)


def _asked(**quotas: int) -> Asked:
    principal: Any = SimpleNamespace(tenant_id="ten_1", api_key_id="key_1", family="key_1", quotas=quotas)
    return Asked(principal, "test", "key", Patience(0.01))


def _request() -> Request:
    return Request({"type": "http", "headers": [], "path": "/v1/payments", "method": "POST"})


@pytest.mark.parametrize("state", ["executing", "retrying"])
async def test_a_slow_provider_of_one_tenant_sheds_nobody(state: str) -> None:
    commands = _commands(state)
    for _ in range(3):
        assert (await commands.carry_out(INTENT, _asked(), _request())).status_code == 202


@pytest.mark.parametrize("state", [None, "accepted"])
async def test_workers_that_do_not_get_to_it_shed_what_comes_next(state: str | None) -> None:
    commands = _commands(state)
    assert (await commands.carry_out(INTENT, _asked(), _request())).status_code == 202
    with pytest.raises(Overloaded):
        await commands.carry_out(INTENT, _asked(), _request())


class TestQuota:
    """Of what takes many operations of it at once."""

    async def test_what_is_looked_at_before_work_is_done_for_it_takes_nothing_from_others(self) -> None:
        registry = Registry(100)
        commands, asked = _commands(None, registry.lend), _asked(payments=100)
        await commands.check_room(replace(INTENT, units=100), asked)
        assert registry.granted <= 1, "what is lent in advance"

    @pytest.mark.parametrize("is_only_looked_at", [True, False])
    async def test_what_does_not_fit_takes_nothing_even_for_a_moment(self, is_only_looked_at: bool) -> None:
        registry = Registry(100)
        commands, asked, intent = _commands(None, registry.lend), _asked(payments=100), replace(INTENT, units=101)
        with pytest.raises(QuotaExceeded):
            if is_only_looked_at:
                await commands.check_room(intent, asked)
            else:
                await commands.carry_out(intent, asked, _request())
        assert registry.granted <= 1, "another gateway may lend the rest"

    async def test_a_repeat_needs_none(self) -> None:
        registry = Registry(100)
        await _commands("succeeded", registry.lend).check_room(replace(INTENT, units=101), _asked(payments=100))
