"""What a category writes: pure rules around one provider call.

    begin   (pure)   may it be done, and what exactly is asked of the provider
    call    (I/O)    the wire call, with no transaction open
    settle  (pure)   what the outcome makes of the resource, the answer and the events

The heart loads the resource before `begin` and again, locked, before `settle`, and saves what they return.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import JsonValue

from onerouter_common.contracts.base import Contract
from onerouter_common.errors import CapabilityUnsupported, OneRouterError, Overloaded, ProviderError
from onerouter_common.routing.route import NO_FACTS, Facts, Route
from onerouter_common.worker.pace.rule import Pace


class Idempotency(StrEnum):
    """What makes a repeat of a capability safe at a provider (its manifest says which)."""

    NATIVE = "native"
    """The provider takes a key and answers a repeat with the first result."""
    LOOKUP = "lookup"
    """The provider can be asked whether it was done."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Operation:
    """One accepted command, as its row says."""

    id: str
    operation: str
    tenant_id: str
    environment: str
    category: str
    resource_id: str
    ordering_key: str
    payload: Mapping[str, JsonValue]
    fingerprint: str
    made_by: str
    api_key_id: str
    accepted_at: datetime
    created_at: datetime
    not_before: datetime | None = None
    priority: int = 0
    """0: somebody waits for it. 1: bulk, which lets those go first."""
    state: str = "accepted"
    connection_id: str | None = None
    """The connection that was chosen; once an attempt was made it never changes unless that attempt had no effect."""
    provider: str | None = None
    attempts: int = 0
    """Wire calls begun so far."""
    failures: int = 0
    """Consecutive failures without effect; decides the backoff."""
    generation: int = 0
    """Counts claims: a result of an older claim is not applied."""
    refusals: Mapping[str, ProviderError] = field(default_factory=dict)
    """By connection, the latest last: who said no to it before it went elsewhere (`Handler.may_go_elsewhere`)."""
    unsent: int = 0
    """Calls so far that never left us, because something of ours was away."""
    doubted: bool = False
    """A call of it got no answer, and is believed to have done nothing (`CategoryRules.holds_in_doubt`)."""


class Connection(Protocol):
    """One tenant's account at one provider, ready to be called."""

    @property
    def id(self) -> str: ...
    @property
    def tenant_id(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def currency(self) -> str | None: ...
    @property
    def max_in_flight(self) -> int: ...
    @property
    def timeout_s(self) -> float:
        """The longest a wire call may take; past it the outcome is unknown."""
        ...

    @property
    def pace(self) -> Pace | None:
        """How fast calls that do something may follow one another over it, all workers together; None: as they come."""
        ...

    @property
    def client(self) -> Any:
        """The provider's client: implements the category's Protocol of capabilities."""
        ...

    def idempotency_of(self, capability: str) -> Idempotency | None:
        """None: the provider does not have this capability."""
        ...

    def retention_s(self, capability: str) -> float | None:
        """How long after an attempt a repeat under its key is safe; then it is looked up. None: for ever."""
        ...

    def instead_of(self, capability: str) -> str | None:
        """A sentence for the caller about what to do where the provider lacks a capability."""
        ...

    def absence_settles_s(self, capability: str) -> float:
        """How long after a call's deadline a look-up that finds nothing may be believed."""
        ...


class NeverSent(OneRouterError):
    """Raised by `lookup`, and by `call` where it repeats: what we wrote down ourselves proves that the call in doubt never
    left us, and that nobody sends it any more. Believed at once, and of any provider: it is called anew."""

    def __init__(self) -> None:
        super().__init__("Nothing was sent.")


class ConnectionUnusable(Overloaded):
    """This one cannot be used in this process now; another may take its place."""


class Connections(Protocol):
    """Where the heart gets connections from. Raises Overloaded when the registry cannot be asked and nothing is cached."""

    async def route(self, tenant_id: str, environment: str, category: str) -> Route:
        """What may be taken, and the tenant's policy; an empty one when nothing is connected."""
        ...

    def at_hand(self, tenant_id: str, environment: str, category: str, connection_id: str) -> Connection | None:
        """What `get` would return without waiting for anybody; None: not known without asking."""
        ...

    async def get(self, tenant_id: str, environment: str, category: str, connection_id: str) -> Connection | None:
        """One connection, also when it takes no new operation: a refund must reach the account that took the payment.

        Raises CredentialsUnreadable when only its tenant can mend it, ConnectionUnusable when an operator must.
        """
        ...


class Resource(Protocol):
    """What operations of one ordering key change: an immutable value. Loaded and saved by the category's store."""

    @property
    def tenant_id(self) -> str: ...
    @property
    def environment(self) -> str: ...


StateT = TypeVar("StateT", bound=Resource)
CommandT = TypeVar("CommandT", bound=Contract)


@dataclass(frozen=True, slots=True)
class RouteHint:
    """What the handler knows about where the operation must go."""

    connection_id: str | None = None
    """Pinned: the connection the resource lives at."""
    provider: str | None = None
    """The caller asked for this provider."""
    facts: Facts = NO_FACTS
    """What the tenant's rules may ask for, where the route decides."""
    providers: tuple[str, ...] = ()
    """Only these, the earlier the better: before the order of the tenant's policy. Empty: any. `provider` outweighs it."""


@dataclass(frozen=True, slots=True)
class Begun(Generic[StateT]):
    """The operation may be done. `request` is what `call` and `lookup` get; `resource` is saved before the call.

    `request` must follow from the operation and the resource alone, so that it can be made again after a crash.
    """

    request: Any
    resource: StateT


@dataclass(frozen=True, slots=True)
class Succeeded:
    result: Any
    """What the provider's method returned."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Final: nothing was changed in the outside world."""

    error: OneRouterError


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, no answer. The operation stays `unknown` until the provider tells."""

    error: OneRouterError


Outcome = Succeeded | Failed | Unknown


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event to publish with the same commit. `sequence` counts per `resource_id`."""

    type: str
    kind: str
    resource_id: str
    sequence: int
    data: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class CommandDraft:
    """An operation of ours that has to follow, stored or published with the same commit. It runs like any other."""

    operation: str
    resource_id: str
    payload: Contract
    cause: str
    """What it follows from: the same cause makes the same operation, however often it is told."""
    ordering_key: str | None = None
    """Of another resource than the one it follows from; None: of the same."""
    not_before: datetime | None = None
    """When it is due; None: at once."""
    priority: int = 0
    """0: somebody waits for it. 1: bulk, which lets those go first."""
    on_behalf: bool = False
    """Whose it is. True: of the API key of the operation that it follows from, and retried like that one. False (always
    where it follows from a callback): ours, retried for days."""


@dataclass(frozen=True, slots=True)
class Settled(Generic[StateT]):
    """What an outcome makes of things. `resource` None: nothing to save (it was refused before it existed)."""

    resource: StateT | None
    view: dict[str, JsonValue] | None = None
    """The resource as the public API shows it: the answer's body. None with a Failed outcome: the problem is the body."""
    status: int = 200
    events: tuple[EventDraft, ...] = ()
    commands: tuple[CommandDraft, ...] = ()
    """What has to be done next by ourselves, published as commands: it comes in behind what the log already holds."""
    operations: tuple[CommandDraft, ...] = ()
    """The same, without the log: stored as operations by the very commit (each once, by its cause), due at once or at their
    time. For many that follow from one, and for what has to be there when its caller is answered. Same category, same tenant.
    """


class Handler(Generic[CommandT, StateT]):
    """One operation of a category. Subclass, decorate with `@operation("refund.create")`, register in a Registry."""

    name: ClassVar[str] = ""
    capability: ClassVar[str] = ""
    is_local: ClassVar[bool] = False
    """It never needs a connection: no route is looked for, `hint`, `begin` and `call` are never run, `concluded` tells the
    result of each."""
    passes_retries: ClassVar[bool] = False
    """It need not wait for earlier operations of its resource whose call surely did nothing and that wait to be tried again:
    that is what it may end (a cancellation)."""
    is_passed_in_retries: ClassVar[bool] = False
    """Later operations of its resource need not wait for it while its call surely did nothing and it waits to be tried again:
    nobody is helped by its turn, and it may be denied for days."""
    makes_resource: ClassVar[bool] = False
    """Where it comes through the log and orders itself, its resource does not exist: no lock is taken and nothing is loaded
    before it is begun. One that follows from another (`Settled.operations`) may find a resource. So is `<kind>.create`."""
    changes_its_own: ClassVar[bool] = False
    """It changes the resource of its `resource_id`, and only takes its turn with what else is done at its ordering key.
    False: what it changes is the resource of the ordering key."""
    command: type[CommandT]

    def hint(self, op: Operation, command: CommandT, resource: StateT | None) -> RouteHint:
        """Pure. Where it must go. Raises a CallerError to refuse (NotFound when the resource must exist and does not)."""
        raise NotImplementedError

    def begin(self, op: Operation, command: CommandT, resource: StateT | None, connection: Connection) -> Begun[StateT]:
        """Pure. Raises a CallerError to refuse before anything is called. Runs again for a retry that is safe.

        `resource` may already hold what an earlier `begin` of the same operation saved.
        """
        raise NotImplementedError

    def request(self, op: Operation, command: CommandT, resource: StateT | None, connection: Connection) -> Any:
        """Pure. The same request as `begin` made, for asking about a call whose outcome is not known.

        Must not refuse for what has happened since (that may be the very effect that is asked about): override it where
        `begin` guards a state that its own effect changes.
        """
        return self.begin(op, command, resource, connection).request

    async def call(self, client: Any, request: Any, provider_key: str) -> Any:
        """The wire call; raises a ProviderError. `provider_key` is the same for each repeat of this operation.

        Raises Overloaded when what it needs of ours is away, before anything was sent: it is tried again for hours, there;
        and a CallerError when it turns out, before anything was sent, that it must not be.
        """
        raise NotImplementedError

    async def lookup(self, client: Any, request: Any, provider_key: str) -> Any | None:
        """Ask the provider whether `call` was done: its result, or None when it surely was not. Raises a ProviderError.

        Raises Superseded where that can never be told any more, and the call must not be made again: believed, and the end,
        as soon as finding nothing would be.
        """
        raise NotImplementedError

    async def confirm(self, client: Any, request: Any, provider_id: str, provider_key: str) -> Any | None:
        """Ask the provider about what a person says it has: the result as `call` gives it, or None when that is not what
        this operation asked for. Raises a ProviderError."""
        found = await self.lookup(client, request, provider_key)
        return found if found is not None and provider_id in self.ids_of(found) else None

    def ids_of(self, result: Any) -> Collection[str]:
        """Pure. The provider's ids of what `call` or `lookup` gave: a person must name one of them."""
        raise NotImplementedError

    def believed(self, op: Operation, command: CommandT, resource: StateT | None, provider_id: str) -> Any:  # noqa: ARG002
        """Pure. What to take for the result on a person's word, where the provider cannot be asked any more.

        Raises CapabilityUnsupported where a word is not enough.
        """
        raise CapabilityUnsupported(
            f"{op.provider} cannot be asked, and {self.name} cannot be taken for done without: it can be resolved as failed."
        )

    def concluded(self, op: Operation, command: CommandT, resource: StateT | None) -> Any | None:  # noqa: ARG002
        """Pure. What it comes to without asking any provider: settled as Succeeded(that). None: a provider has to be asked.

        Run each time it is about to be begun, while no call of it was ever made, with the resource locked; it outweighs
        what the route says, also that there is none. Raises a CallerError to refuse.
        """
        return None

    def may_go_elsewhere(self, error: ProviderError) -> bool:  # noqa: ARG002
        """Pure. Whether another connection may say yes where one declined (ProviderDeclined) or refused us
        (ProviderRefusedUs): then the next candidate of the decision is tried at once, each at most once, and the last one's
        error is the operation's. Not asked while an earlier call is in doubt, nor where the connection is pinned; nor for
        what `call` says only this one cannot be told (`CallerError.is_of_connection`): that goes on without a question.

        `begin` then runs again for the other connection, with what it saved for the first.
        """
        return False

    def tokens(self, command: CommandT, pace: Pace) -> int:  # noqa: ARG002
        """Pure. How many tokens of its connection's pace a call takes; at least 1."""
        return 1

    def put_off(self, op: Operation, command: CommandT, resource: StateT | None) -> StateT | None:  # noqa: ARG002
        """Pure. The resource to save where a call surely did nothing and is made again, at once or after a while; None: as
        it was."""
        return None

    def held(self, op: Operation, command: CommandT, resource: StateT | None) -> Any | None:  # noqa: ARG002
        """Pure. What to take for the result where the resource already shows what this operation asks for; None: it does not.

        A provider that says it did nothing may be wrong: a callback tells that it did. Then nothing is called any more.
        """
        return None

    def settle(self, op: Operation, command: CommandT, resource: StateT | None, outcome: Outcome) -> Settled[StateT]:
        """Pure and repeatable: applied to a resource that already shows the outcome it changes nothing, emits nothing."""
        raise NotImplementedError


def operation(name: str, *, capability: str | None = None) -> Any:
    """Class decorator: names the operation a handler carries out and the provider capability it needs (default: same)."""

    def decorate(handler: type[Handler[Any, Any]]) -> type[Handler[Any, Any]]:
        handler.name = name
        handler.capability = capability or name
        return handler

    return decorate


class Store(Protocol[StateT]):
    """The category's resources, by ordering key. SQL lives in its repository."""

    async def load(self, connection: Any, keys: Sequence[str], *, lock: bool) -> dict[str, StateT]:
        """Those that exist. `lock`: FOR UPDATE, in key order (no deadlock between two batches)."""
        ...

    async def save(self, connection: Any, resources: Sequence[StateT]) -> None:
        """Insert or update; the resource's own version decides what is newer."""
        ...


class Turns(Protocol):
    """With whom operations take turns, where their commands do not say it."""

    async def __call__(self, pool: Any, ops: Sequence[Operation]) -> Mapping[str, str]:
        """By operation id: the ordering key in place of the command's. Those that are not in it keep theirs. `pool`: the
        worker's."""
        ...


@dataclass(frozen=True)
class CategoryRules(Generic[StateT]):
    """All a category brings to the heart."""

    category: str
    """Names its metrics and circuits."""
    service: str
    """The service that owns the database: names its roles."""
    store: Store[StateT]
    handlers: Mapping[str, Handler[Any, StateT]] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    """Whose commands and callbacks it consumes, where they are not those of `category`: one worker for many."""
    holds_in_doubt: bool = False
    """An operation of unknown outcome keeps its turn: nothing else is begun at its ordering key until it is known. For where
    a late repeat would undo what was done since; its handlers are told that they repeat (`Operation.doubted`)."""
    turns: Turns | None = None
    """None: as their commands say."""

    @property
    def consumed(self) -> tuple[str, ...]:
        """The categories whose topics it reads, in a consumer group each."""
        return self.categories or (self.category,)

    def resource_key(self, op: Operation) -> str:
        """Of the resource that the operation changes, as the store knows it."""
        handler = self.handlers.get(op.operation)
        return op.resource_id if handler is not None and handler.changes_its_own else op.ordering_key

    def resource_keys(self, ops: Sequence[Operation]) -> list[str]:
        """Sorted: every process locks in one order, so none waits in a circle."""
        return sorted({self.resource_key(op) for op in ops})


def handlers_by_name(*handlers: Handler[Any, StateT]) -> dict[str, Handler[Any, StateT]]:
    """Raises ValueError when two handlers claim one operation or one was not decorated."""
    found: dict[str, Handler[Any, StateT]] = {}
    for handler in handlers:
        if not handler.name or handler.name in found:
            raise ValueError(f"{type(handler).__name__} needs an operation name of its own")
        found[handler.name] = handler
    return found
