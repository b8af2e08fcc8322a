"""A process dies around the wire call: what was never sent is sent soon, what was sent is looked for as it was sent."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from tests.libs.common.worker.rig import FAST, ScriptedConnection, ScriptedConnections
from tests.services.messaging.examples import EMAIL_COMMAND, NOW, SMS_COMMAND, AsAsked, an_operation, nobody_else

from onerouter_common.clock import SystemClock
from onerouter_common.contracts.messages import CancelMessage, EmailAddress, SendEmail, SendSms
from onerouter_common.db.engine import Pool
from onerouter_common.errors import Overloaded, ProviderUnavailable
from onerouter_common.ids import EMAIL, SMS, new_id
from onerouter_common.routing.route import Route
from onerouter_common.worker import following, outbox
from onerouter_common.worker.handler import CommandDraft, Idempotency
from onerouter_common.worker.pace.pacer import Pacer
from onerouter_common.worker.pace.rule import Pace
from onerouter_common.worker.runtime import Worker
from onerouter_messaging.batch.repository import BatchStore
from onerouter_messaging.batch.state import Batch
from onerouter_messaging.composition import repository as compositions
from onerouter_messaging.composition.notes import CompositionNotes
from onerouter_messaging.content.batches import BatchContents
from onerouter_messaging.content.composer import MessageComposer
from onerouter_messaging.content.source import Source
from onerouter_messaging.message.noted import Noted
from onerouter_messaging.message.repository import MessageStore
from onerouter_messaging.message.scheduling import sending_of
from onerouter_messaging.message.sending import Tools
from onerouter_messaging.message.state import Party, Suppression
from onerouter_messaging.rules import category_rules
from onerouter_messaging.suppression.checking import SuppressionCheck
from onerouter_messaging.suppression.repository import SuppressionList
from onerouter_messaging.template.renderer.process import Renderers
from onerouter_messaging.template.rendering import Rendering
from onerouter_providers.messages import EmailRequest, MessageSnapshot, SmsRequest


@dataclass
class Provider:
    """Keeps what it was given; may be slow to answer, and is asked by what was sent."""

    default_sender: str | None = "+15005550006"
    sent: list[SmsRequest | EmailRequest] = field(default_factory=list)
    asked: list[SmsRequest | EmailRequest] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    has_it: bool = True
    is_away: bool = False

    async def send_sms(self, request: SmsRequest, *, key: str) -> MessageSnapshot:
        return await self._send(request)

    async def send_email(self, request: EmailRequest, *, key: str) -> MessageSnapshot:
        return await self._send(request)

    async def find_sms(self, request: SmsRequest, *, since: datetime, but_not: Any = ()) -> MessageSnapshot | None:
        return self._find(request)

    async def find_email(self, request: EmailRequest, *, since: datetime) -> MessageSnapshot | None:
        return self._find(request)

    async def _send(self, request: SmsRequest | EmailRequest) -> MessageSnapshot:
        if self.is_away:
            raise ProviderUnavailable("away", provider="scripted", reason="provider_unavailable")
        self.sent.append(request)
        await self.answers.wait()
        return MessageSnapshot("sent", "P1")

    def _find(self, request: SmsRequest | EmailRequest) -> MessageSnapshot | None:
        self.asked.append(request)
        return MessageSnapshot("sent", "P1") if self.has_it else None


@dataclass
class Post:
    pool: Pool
    renderers: Renderers
    idempotency: Idempotency = Idempotency.LOOKUP
    provider: Provider = field(default_factory=Provider)
    default_from: str = "then@example.org"
    composing: Callable[[], Awaitable[None]] | None = None
    """What hinders the composing."""
    pacer: Pacer | None = None
    pace: Pace | None = None

    def worker(self) -> Worker:
        store, clock = MessageStore(SuppressionList()), SystemClock()
        rendering = Rendering(self.renderers)
        real = MessageComposer(
            Source(self.pool), BatchContents(self.pool, rendering), rendering, SuppressionCheck(self.pool)
        )
        post = self

        class Hindered(AsAsked):
            async def sms(self, op: Any, command: SendSms, *, noted: Noted | None = None) -> SmsRequest:
                if noted is None and post.composing is not None:
                    await post.composing()
                return await real.sms(op, command, noted=noted)

            async def email(self, op: Any, command: SendEmail, **given: Any) -> EmailRequest:
                return await real.email(op, command, **given)

        connection = ScriptedConnection(
            self.provider,
            idempotency=dict.fromkeys(("sms.send", "email.send"), self.idempotency),
            timeout_s=5.0,
            max_in_flight=1,
            pace=self.pace,
        )
        connection.public = {"default_from": self.default_from}  # type: ignore[attr-defined]
        tools = Tools(Hindered(), nobody_else, {}, clock, CompositionNotes(self.pool))
        return Worker(
            rules=category_rules(tools, store, {}),
            callbacks=None,
            connections=ScriptedConnections([connection]),
            pool=self.pool,
            producer=None,  # type: ignore[arg-type]
            bootstrap_servers="localhost:1",
            clock=clock,
            options=FAST,
            pacer=self.pacer,
        )

    async def accept(self, command: SendSms | SendEmail) -> str:
        kind, prefix = ("sms", SMS) if isinstance(command, SendSms) else ("email", EMAIL)
        id_ = new_id(prefix)
        await self._store(id_, kind, sending_of(command, id_, f"{kind}.send"))
        return id_

    async def cancel(self, id_: str) -> None:
        await self._store(
            id_, "sms", CommandDraft("sms.cancel", id_, CancelMessage(message_id=id_), "no longer", on_behalf=True)
        )

    async def _store(self, id_: str, kind: str, draft: CommandDraft) -> None:
        sending = outbox.commands_of(
            [draft],
            tenant_id="ten_1",
            environment="test",
            category=kind,
            accepted_at=datetime.now(UTC),
            ordering_key=id_,
            api_key_id="key_1",
        )
        async with self.pool.acquire() as connection, connection.transaction():
            await following.store(connection, [(one, None) for one in sending], now=datetime.now(UTC))

    async def claimed(self, worker: Worker, only: str = "%") -> Any:
        (started,) = await self.claim(worker, only)
        return started

    async def claim(self, worker: Worker, only: str = "%") -> Any:
        await self.pool.execute(
            "UPDATE operations SET due_at = now() + CASE WHEN operation LIKE $1 THEN '0 s' ELSE '1 h' END::interval "
            "WHERE due_at IS NOT NULL",
            only,
        )
        await worker._lease.renew()
        return await worker._claims.claim()

    async def go_on(self, only: str = "%") -> None:
        """One claim by another process, and what it comes to."""
        worker = self.worker()
        started = await self.claimed(worker, only)
        finished = worker._execution.uncalled(started)
        if started.attempt is not None:
            finished = await worker._execution.run(started)
        await worker._settlement.commit([finished])

    async def die_when(self, is_there: Callable[[], bool]) -> tuple[Worker, Any]:
        worker = self.worker()
        started = await self.claimed(worker)
        running = asyncio.create_task(worker._execution.run(started))
        async with asyncio.timeout(60):
            while not is_there():
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return worker, started

    async def state(self) -> str:
        state: str = await self.pool.fetchval("SELECT state FROM operations")
        return state


@pytest.fixture
def post(pool: Pool, renderers: Renderers) -> Post:
    return Post(pool, renderers)


async def test_where_recipients_are_counted_an_email_takes_a_token_for_each(post: Post) -> None:
    post.pacer, post.pace = Pacer(None, category="email"), Pace(0.001, 3.0, counts_recipients=True)
    post.provider.answers.set()
    to = [EmailAddress(email="ann@example.com"), EmailAddress(email="bob@example.com")]
    one = EMAIL_COMMAND.model_copy(update={"to": to[:1], "cc": [], "bcc": []})
    for command in (one.model_copy(update={"cc": to[1:]}), one):
        await post.accept(command)
        await post.go_on()
    assert len(post.provider.sent) == 2
    await post.accept(one)
    assert await post.claim(post.worker()) == []


@pytest.mark.parametrize("idempotency", list(Idempotency))
async def test_who_died_while_composing_has_sent_nothing(post: Post, idempotency: Idempotency) -> None:
    """Also where the provider can never be asked, and at once, however long its lists take to settle."""
    post.idempotency, composing = idempotency, asyncio.Event()

    async def for_ever() -> None:
        composing.set()
        await asyncio.Event().wait()

    post.composing = for_ever
    post.provider.answers.set()
    await post.accept(SMS_COMMAND)
    await post.die_when(composing.is_set)
    post.composing = None
    await post.go_on()
    assert (await post.state(), post.provider.asked, post.provider.sent) == ("retrying", [], [])
    await post.go_on()
    assert (await post.state(), len(post.provider.sent)) == ("succeeded", 1)


async def test_one_that_was_declared_dead_too_early_sends_nothing_any_more(post: Post) -> None:
    let_go, composing = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        composing.set()
        await let_go.wait()

    post.composing = slowly
    post.provider.answers.set()
    await post.accept(SMS_COMMAND)
    slow = post.worker()
    started = await post.claimed(slow)
    running = asyncio.create_task(slow._execution.run(started))
    await composing.wait()
    post.composing = None
    await post.go_on()  # another one finds that nothing was composed
    let_go.set()
    assert isinstance((await running).error, Overloaded)
    assert not post.provider.sent
    await post.go_on()
    assert len(post.provider.sent) == 1


async def test_a_call_that_was_made_stays_in_doubt_where_nobody_can_be_asked(post: Post) -> None:
    post.idempotency = Idempotency.NONE
    post.provider.has_it = False
    await post.accept(SMS_COMMAND)
    await post.die_when(lambda: bool(post.provider.sent))
    await post.go_on()
    assert (await post.state(), len(post.provider.sent)) == ("unknown", 1)


async def test_what_an_earlier_call_noted_is_not_of_the_next(post: Post) -> None:
    """The first did nothing, the second died before it composed anything."""
    post.idempotency, post.provider.is_away, composing = Idempotency.NONE, True, asyncio.Event()
    await post.accept(SMS_COMMAND)
    await post.go_on()
    assert await post.pool.fetchval("SELECT composed IS NOT NULL FROM compositions")

    async def for_ever() -> None:
        composing.set()
        await asyncio.Event().wait()

    post.composing = for_ever
    await post.die_when(composing.is_set)
    post.composing, post.provider.is_away = None, False
    await post.go_on()
    assert await post.state() == "retrying"


async def test_an_sms_is_looked_for_with_the_sender_of_then(post: Post) -> None:
    await post.accept(SMS_COMMAND)
    await post.die_when(lambda: bool(post.provider.sent))
    post.provider.default_sender = "+15005550009"
    await post.go_on()
    (sent,), (asked,) = post.provider.sent, post.provider.asked
    assert isinstance(asked, SmsRequest)
    assert (asked, asked.sender) == (sent, "+15005550006")
    assert await post.state() == "succeeded"


@pytest.mark.parametrize("idempotency", [Idempotency.NATIVE, Idempotency.LOOKUP])
async def test_an_email_is_looked_for_and_repeated_as_it_was_whatever_the_list_says_now(
    post: Post, idempotency: Idempotency
) -> None:
    post.idempotency = idempotency
    await post.accept(EMAIL_COMMAND.model_copy(update={"sender": None}))
    await post.die_when(lambda: bool(post.provider.sent))
    post.provider.answers.set()
    post.default_from = "now@example.org"
    now = datetime.now(UTC)
    gone = Suppression("email", "bob@example.com", "bounce", "resend", now, tenant_id="ten_1", environment="test")
    async with post.pool.acquire() as connection:
        await SuppressionList().keep(connection, [gone])
    await post.go_on()
    first, *again = [*post.provider.sent, *post.provider.asked]
    assert again == [first]
    assert isinstance(first, EmailRequest)
    assert first.sender.email == "then@example.org"
    (stored,) = await post.pool.fetch("SELECT recipients, sender FROM messages")
    assert [one["word"]["status"] for one in stored["recipients"]] == ["sent", "sent"]
    assert stored["sender"]["address"] == "then@example.org"


def _no_room(worker: Worker) -> None:
    assert worker._slots.take("ten_2", "con_1", 1, 0)


def _no_registry(worker: Worker) -> None:
    async def route(*_: object) -> Route:
        raise Overloaded("The registry is away.")

    worker._claims._router._connections.route = route  # type: ignore[method-assign, assignment]


def _no_wits(worker: Worker) -> None:
    async def routes(*_: object, **__: object) -> Any:
        raise ValueError("made by a newer version")

    worker._claims._router.routes = routes  # type: ignore[method-assign]


class TestPutOff:
    """The provider is away: until it is asked again, the message waits with us."""

    @pytest.mark.parametrize("hinder", [_no_room, _no_registry, _no_wits])
    async def test_it_can_be_canceled_though_its_turn_came_and_was_put_back(
        self, post: Post, hinder: Callable[[Worker], None]
    ) -> None:
        post.provider.is_away = True
        id_ = await post.accept(SMS_COMMAND)
        await post.go_on()
        worker = post.worker()
        hinder(worker)
        assert await post.claim(worker) == []
        assert await post.state() == "retrying"
        await post.cancel(id_)
        await post.go_on("sms.cancel")
        assert await post.pool.fetchval("SELECT status FROM messages") == "canceled"

    async def test_a_cancel_waits_where_it_may_be_known_already_as_being_sent(self, post: Post) -> None:
        """That it is begun was stored, and the answer was lost: it is handed back, and is sent soon."""
        post.provider.is_away = True
        await post.accept(SMS_COMMAND)
        await post.go_on()
        worker = post.worker()
        begin = worker._claims._begin

        async def lost(taken: Any) -> Any:
            await begin(taken)
            raise asyncpg.ConnectionDoesNotExistError("gone")

        worker._claims._begin = lost  # type: ignore[method-assign]
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await post.claim(worker)
        assert not await post.pool.fetchval("SELECT is_put_off FROM messages")
        await worker._claims._hand_back(worker._claims.due.in_hand, due_in_s=1)
        assert await post.state() == "accepted"

    async def test_it_can_be_canceled_where_it_is_due_at_once_and_waits_for_its_turn(self, post: Post) -> None:
        """Nothing was sent, and there is nothing to wait for but the pace of its connection."""
        composing = asyncio.Event()

        async def for_ever() -> None:
            composing.set()
            await asyncio.Event().wait()

        post.composing, post.pacer, post.pace = for_ever, Pacer(None, category="sms"), Pace(0.001, 1.0)
        id_ = await post.accept(SMS_COMMAND.model_copy(update={"priority": "bulk"}))
        await post.die_when(composing.is_set)
        post.composing = None
        await post.go_on()
        assert await post.claim(post.worker()) == []
        assert await post.state() == "scheduled"
        await post.cancel(id_)
        await post.go_on("sms.cancel")
        assert await post.pool.fetchval("SELECT status FROM messages") == "canceled"
        assert not post.provider.sent

    async def test_it_can_be_canceled_without_waiting_for_the_next_try(self, post: Post) -> None:
        post.provider.is_away = True
        id_ = await post.accept(SMS_COMMAND)
        await post.go_on()
        assert await post.state() == "retrying"
        await post.cancel(id_)
        await post.go_on("sms.cancel")
        assert await post.pool.fetchval("SELECT status FROM messages") == "canceled"
        post.provider.is_away = False
        await post.go_on()
        rows = await post.pool.fetch("SELECT operation, state FROM operations")
        assert {row["operation"]: row["state"] for row in rows} == {"sms.cancel": "succeeded", "sms.send": "failed"}
        assert not post.provider.sent

    async def test_it_cannot_while_it_is_being_sent(self, post: Post) -> None:
        post.provider.is_away = True
        id_ = await post.accept(SMS_COMMAND)
        await post.go_on()
        post.provider.is_away = False
        await post.die_when(lambda: bool(post.provider.sent))
        assert not await post.pool.fetchval("SELECT is_put_off FROM messages")
        await post.cancel(id_)
        worker = post.worker()
        await worker._lease.renew()
        await post.pool.execute("UPDATE operations SET due_at = now() WHERE operation = 'sms.cancel'")
        assert await worker._claims.claim() == []

    async def test_a_bulk_send_finds_it_among_those_that_wait(self, post: Post) -> None:
        post.provider.is_away = True
        batch = Batch(id="smb_1", channel="sms", tenant_id="ten_1", environment="test", total=1, created_at=NOW)
        async with post.pool.acquire() as connection:
            await BatchStore(MessageStore(SuppressionList())).save(connection, [batch])
        id_ = await post.accept(SMS_COMMAND.model_copy(update={"batch_id": "smb_1", "priority": "bulk"}))
        await post.go_on()
        async with post.pool.acquire() as connection:
            found = await BatchStore(MessageStore(SuppressionList())).load(connection, ["smb_1"], lock=False)
        assert list(found["smb_1"].waiting) == [id_]


class TestForget:
    async def test_only_what_is_needed_no_more(self, post: Post) -> None:
        await post.accept(SMS_COMMAND)
        await post.die_when(lambda: bool(post.provider.sent))
        now = datetime.now(UTC)
        assert await compositions.forget(post.pool, now, 10) == 0
        await post.go_on()
        assert await compositions.forget(post.pool, now, 10) == 1


class TestNotes:
    async def test_of_many_at_once_each_is_its_own(self, pool: Pool) -> None:
        notes = CompositionNotes(pool)
        ops = [an_operation("sms.send", f"sms_{n}", generation=1) for n in range(300)]
        await asyncio.gather(*(notes.write(op, Noted(sender=Party(op.resource_id), body="Hi")) for op in ops))
        assert [await notes.read(op) for op in ops[:3]] == [
            Noted(sender=Party(f"sms_{n}"), body="Hi") for n in range(3)
        ]
        older, newer = replace(ops[0], generation=1), replace(ops[0], generation=2)
        assert await notes.read(newer) == Noted(sender=Party("sms_0"), body="Hi")
        with pytest.raises(Overloaded):
            await notes.write(older, Noted(body="late"))
        with pytest.raises(Overloaded):
            await notes.read(older)
