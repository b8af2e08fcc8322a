"""Carrying an intent out: publish, wait, answer. Every promise about repeats and lost replies is kept here."""

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common import metric_names as metrics
from onerouter_common.clock import Clock
from onerouter_common.contracts.base import Environment
from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.replies import Reply
from onerouter_common.errors import OneRouterError, Overloaded
from onerouter_common.once.key import REPLAYED
from onerouter_common.registry_client import Principal
from onerouter_gateway.commands import answers
from onerouter_gateway.commands.accepted import AcceptedCommands
from onerouter_gateway.commands.intent import Intent, command_of, operation_id
from onerouter_gateway.commands.lookup import OperationLookup, is_answer
from onerouter_gateway.commands.pending import Pending, Waiter
from onerouter_gateway.commands.publish import CommandUnacknowledged, Publisher
from onerouter_gateway.commands.request import Patience
from onerouter_gateway.commands.unkeyed import UnkeyedRepeats, retries_without_key
from onerouter_gateway.quota.pot import Pot
from onerouter_gateway.quota.quotas import QuotaExceeded, Quotas

log = structlog.get_logger()

_LOOK_AGAIN_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, and how."""

    principal: Principal
    environment: Environment
    key: str | None
    patience: Patience


@dataclass(frozen=True, slots=True)
class Joined:
    """An answer to a request without a key, which a repeat of it gets too until somebody has taken it."""

    tenant_id: str
    environment: Environment
    fingerprint: str
    key: str


class Commands:
    def __init__(
        self,
        publisher: Publisher,
        pending: Pending,
        lookup: OperationLookup,
        repeats: UnkeyedRepeats,
        accepted: AcceptedCommands,
        *,
        quotas: Quotas,
        secret: bytes,
        clock: Clock,
    ) -> None:
        self._publisher = publisher
        self._pending = pending
        self._lookup = lookup
        self._repeats = repeats
        self._accepted = accepted
        self._quotas = quotas
        self._secret = secret
        self._clock = clock

    def digest(self, value: bytes) -> str:
        """Hex, keyed: for what must not stand in a fingerprint in a form that can be guessed."""
        return hmac.new(self._secret, value, hashlib.sha256).hexdigest()

    def operation_id(self, principal: Principal, environment: Environment, key: str) -> str:
        """Of what was asked for under that idempotency key, whether that was ever done or not."""
        return operation_id(self._secret, principal, environment, key)

    async def carry_out(
        self, intent: Intent, asked: Asked, request: Request, *, together: list[Joined] | None = None
    ) -> Response:
        """The outcome, or 202 when the wait ends before it. Raises what stands in `answers` and `publish`.

        `together`: the answer is one of several that are sent as one; what has to be `taken` then is added there.
        """
        if not _joins(intent, asked, request):
            return await self._carry_out(intent, asked, request, asked.key)
        owner = (asked.principal.tenant_id, asked.environment, intent.fingerprint)
        joined = await self._repeats.join(*owner)
        response = await self._carry_out(intent, asked, request, joined)
        if joined is not None and response.status_code != 202:
            await self._give([Joined(*owner, joined)], request, together)
        return response

    async def check_room(self, intent: Intent, asked: Asked) -> None:
        """Refuse before work is done for it what would be refused afterwards; nothing of the quota is taken.

        Raises QuotaExceeded or Overloaded.
        """
        command = self._command(intent, asked, asked.key)
        try:
            await self._quotas.check(asked.principal, command.category, intent.units)
        except QuotaExceeded:
            if asked.key is None or await self._lookup.find(command) is None:
                raise
        self._admit(command)

    async def repeated(
        self, intent: Intent, asked: Asked, request: Request, *, together: list[Joined] | None = None
    ) -> Response | None:
        """What an earlier request of the same key came to; None: there was none that is known.

        For requests that are checked against things that change: a repeat is answered before those are looked at. The
        intent needs no payload. Raises IdempotencyMismatch, OperationInFlight for one that the caller will not wait for.
        """
        owner = (asked.principal.tenant_id, asked.environment, intent.fingerprint)
        key = await self._repeats.first(*owner) if _joins(intent, asked, request) else asked.key
        if key is None:
            return None
        command = self._command(intent, asked, key)
        loop = asyncio.get_running_loop()
        until = loop.time() + asked.patience.wait_s
        found = await self._lookup.find(command)
        if found is None:
            return None
        is_other = found.fingerprint != command.fingerprint
        if asked.patience.wait_s <= 0 and asked.patience.respond_async and not is_answer(found) and not is_other:
            raise answers.in_flight(command.operation_id)
        while not is_answer(found) and not is_other and loop.time() < until:
            await asyncio.sleep(_LOOK_AGAIN_S)
            found = await self._lookup.find(command) or found
        response = self._answer(found, command, request)
        if asked.key is None and response.status_code != 202:
            await self._give([Joined(*owner, key)], request, together)
        return response

    async def taken(self, joined: Sequence[Joined], request: Request) -> None:
        """These answers are on their way: the next identical request is a new one, unless nobody is there any more."""
        if joined and not await request.is_disconnected():
            for one in joined:
                await self._repeats.delivered(one.tenant_id, one.environment, one.fingerprint, one.key)

    async def _give(self, joined: Sequence[Joined], request: Request, together: list[Joined] | None) -> None:
        if together is None:
            await self.taken(joined, request)
        else:
            together.extend(joined)

    def _command(self, intent: Intent, asked: Asked, key: str | None) -> Command:
        return command_of(
            intent,
            secret=self._secret,
            principal=asked.principal,
            environment=asked.environment,
            key=key,
            now=self._clock.now(),
        )

    async def _carry_out(self, intent: Intent, asked: Asked, request: Request, key: str | None) -> Response:
        command = self._command(intent, asked, key)
        if asked.patience.respond_async and asked.key is not None:
            earlier = await self._earlier(command, asked, request)
            if earlier is not None:
                return earlier
        charge = await self._charge(command, asked, key, intent.units)
        try:
            response = await self._admitted(command, asked, request)
        except CommandUnacknowledged:
            raise  # it may be carried out
        except OneRouterError:
            self._give_back(charge)  # shed, or an earlier request's key: nothing was begun
            raise
        if REPLAYED in response.headers:
            self._give_back(charge)
        return response

    async def _charge(self, command: Command, asked: Asked, key: str | None, units: int) -> list[Pot]:
        """So many operations of the key's monthly quota. A repeat of an earlier request begins nothing, so it needs none."""
        taken: list[Pot] = []
        try:
            if units > 1:  # what does not fit takes nothing away from others
                await self._quotas.check(asked.principal, command.category, units)
            for _ in range(units):
                pot = await self._quotas.take(asked.principal, command.category)
                if pot is None:
                    break
                taken.append(pot)
        except (OneRouterError, asyncio.CancelledError) as error:
            self._give_back(taken)
            if not isinstance(error, QuotaExceeded) or key is None or await self._lookup.find(command) is None:
                raise
            return []
        return taken

    def _give_back(self, charge: Sequence[Pot]) -> None:
        for pot in charge:
            self._quotas.give_back(pot)

    async def _admitted(self, command: Command, asked: Asked, request: Request) -> Response:
        self._admit(command)
        waiter = self._pending.add(command.operation_id, command.command_id, command.tenant_id, command.fingerprint)
        try:
            return await self._publish_and_wait(command, waiter, asked, request)
        finally:
            self._pending.remove(waiter)

    def _admit(self, command: Command) -> None:
        try:
            self._publisher.check_ready()
            self._pending.admit(command.tenant_id)
        except Overloaded:
            metrics.GATEWAY_OPERATIONS.labels(command.operation, "shed").inc()
            raise

    async def _publish_and_wait(self, command: Command, waiter: Waiter, asked: Asked, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            await self._publisher.publish(command, key=asked.key)
        except CommandUnacknowledged:
            if not waiter.reply.done():
                metrics.GATEWAY_OPERATIONS.labels(command.operation, "unacknowledged").inc()
                raise
            # The acknowledgement got lost, but who answers a command has read it.
        reply = await _within(waiter, asked.patience.wait_s - (loop.time() - started))
        if reply is None:
            return await self._after_the_wait(command, waiter, asked, request)
        metrics.GATEWAY_WAIT_SECONDS.labels(command.operation).observe(loop.time() - started)
        return self._answer(reply, command, request)

    async def _after_the_wait(self, command: Command, waiter: Waiter, asked: Asked, request: Request) -> Response:
        """The reply may have been lost, so the truth is asked once; if it has not ended either: 202."""
        is_repeat, found = False, None
        if asked.patience.wait_s > 0:
            found = await self._lookup.find(command)
            if found is None or found.state == "accepted":
                # Begun and not ended is a slow provider, one tenant's: no reason to shed what others ask.
                self._pending.ran_out(waiter)
            if found is not None and (is_answer(found) or found.fingerprint != command.fingerprint):
                return self._answer(found, command, request)
            if found is not None and asked.patience.respond_async and found.made_by != command.command_id:
                raise answers.in_flight(command.operation_id)
            is_repeat = found is not None and found.made_by != command.command_id
        if found is None:
            await self._accepted.note(command)
        metrics.GATEWAY_OPERATIONS.labels(command.operation, "accepted").inc()
        return answers.accepted(command, state="accepted", headers={REPLAYED: "true"} if is_repeat else None)

    async def _earlier(self, command: Command, asked: Asked, request: Request) -> Response | None:
        """For a caller that does not wait: what its idempotency key already stands for.

        Raises OperationInFlight when that is still being carried out and the caller will not wait for it.
        """
        if asked.patience.wait_s > 0:
            return None
        found = await self._lookup.find(command)
        if found is None:
            if self._pending.is_waiting(command.operation_id):
                raise answers.in_flight(command.operation_id)
            return None
        if is_answer(found) or found.fingerprint != command.fingerprint:
            return self._answer(found, command, request)
        raise answers.in_flight(command.operation_id)

    def _answer(self, reply: Reply, command: Command, request: Request) -> Response:
        request.state.provider_ms = reply.provider_ms if reply.made_by == command.command_id else 0.0
        kind = "replayed" if reply.made_by != command.command_id else reply.state
        metrics.GATEWAY_OPERATIONS.labels(command.operation, kind).inc()
        return answers.of_reply(reply, command=command, instance=request.url.path)


def _joins(intent: Intent, asked: Asked, request: Request) -> bool:
    return intent.is_joined and asked.key is None and retries_without_key(request.headers.get("user-agent", ""))


async def _within(waiter: Waiter, seconds: float) -> Reply | None:
    if waiter.reply.done():
        return waiter.reply.result()
    if seconds <= 0:
        return None
    done, _ = await asyncio.wait({waiter.reply}, timeout=seconds)
    return waiter.reply.result() if done else None
