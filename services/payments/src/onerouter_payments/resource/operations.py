"""The two forms in which resources are made and changed; each operation of a kind fills one of them in."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Final, Generic, TypeVar

from pydantic import JsonValue
from typing_extensions import override

from onerouter_common.clock import Clock
from onerouter_common.contracts.base import Contract
from onerouter_common.errors import InvalidRequest, NotFound
from onerouter_common.worker.handler import (
    Begun,
    CommandDraft,
    Connection,
    Failed,
    Handler,
    Operation,
    Outcome,
    RouteHint,
    Settled,
    Succeeded,
)
from onerouter_payments.payment.operations import guarantee_of
from onerouter_payments.payment.settlement import failure_of
from onerouter_payments.resource import confirmation
from onerouter_payments.resource.change import refuse, settled, versioned, view
from onerouter_payments.resource.kind import Kind
from onerouter_payments.resource.state import UNCHANGED, Resource, answered, merge
from onerouter_providers.resources import ResourceSnapshot

Command = TypeVar("Command", bound=Contract)

_NOTHING_NEW: Final = ResourceSnapshot(UNCHANGED, "")
"""What is told of a resource whose own record shows it already."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the provider is asked, and of when our knowledge was when we asked."""

    what: Any
    known_as_of: datetime
    resource: Resource | None = None
    """What it is about, to be read by an id that a person gives; None: it cannot be."""


class ResourceHandler(Handler[Command, Resource], Generic[Command]):
    kind: ClassVar[Kind]

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def owned(self, op: Operation, resource: Resource | None) -> Resource:
        """The resource the operation speaks of. Raises NotFound, also for another tenant's, environment's or kind."""
        if (
            resource is None
            or resource.kind is not self.kind
            or (resource.tenant_id, resource.environment) != (op.tenant_id, op.environment)
        ):
            name = self.kind.name.replace("_", " ")
            raise NotFound(f"There is no {name} {op.ordering_key} in the {op.environment} environment.")
        return resource

    def shows(self, resource: Resource, command: Command) -> bool:  # noqa: ARG002
        """Whether it is as this operation would leave it. False where only the provider can tell."""
        return False

    @override
    def held(self, op: Operation, command: Command, resource: Resource | None) -> ResourceSnapshot | None:
        return _NOTHING_NEW if resource is not None and self.shows(resource, command) else None

    @override
    def ids_of(self, result: ResourceSnapshot) -> Collection[str]:
        return [result.provider_id]

    def is_another(self, resource: Resource | None, provider_id: str) -> bool:
        """Whether the provider itself has named another id than the one a person gives."""
        return resource is not None and resource.provider_id not in (None, provider_id)

    def require_same(self, op: Operation, resource: Resource | None, provider_id: str) -> None:
        """Raises InvalidRequest."""
        if self.is_another(resource, provider_id):
            raise InvalidRequest.of("provider_id", f"is not what {op.provider} has of this operation")

    def stamped(self, told: ResourceSnapshot, question: Question) -> ResourceSnapshot:
        return answered(told, self._clock.now(), question.known_as_of)


class CreateResource(ResourceHandler[Command], Generic[Command]):
    """Make one at the provider that the route decides, or at the one connection the command names."""

    def ask(self, resource: Resource, command: Command, connection: Connection) -> Any:
        """Pure. What `make` and `find` are asked. Raises a CallerError for what this provider cannot be asked."""
        raise NotImplementedError

    async def make(self, client: Any, request: Any, key: str) -> ResourceSnapshot:
        raise NotImplementedError

    async def find(self, client: Any, request: Any) -> ResourceSnapshot | None:
        raise NotImplementedError

    @override
    def shows(self, resource: Resource, command: Command) -> bool:
        return resource.is_at_provider

    def where(self, command: Command) -> RouteHint:  # noqa: ARG002
        return RouteHint()

    def data(self, command: Command) -> Mapping[str, JsonValue]:
        """What is kept of the command, and shown."""
        return command.model_dump(mode="json", exclude_none=True)

    def parent(self, command: Command) -> str | None:  # noqa: ARG002
        return None

    def customer(self, command: Command) -> str | None:  # noqa: ARG002
        return None

    @override
    def hint(self, op: Operation, command: Command, resource: Resource | None) -> RouteHint:
        return self.where(command)

    @override
    def begin(
        self, op: Operation, command: Command, resource: Resource | None, connection: Connection
    ) -> Begun[Resource]:
        if resource is None:
            resource = self._new(op, command, connection)
        elif resource.connection_id != connection.id and resource.version == 0:
            # The connection chosen before surely did nothing; this one takes its place.
            resource = replace(
                resource,
                connection_id=connection.id,
                provider=connection.provider,
                effect_guarantee=guarantee_of(connection, self.capability),
                revision=resource.revision + 1,
            )
        question = Question(self.ask(resource, command, connection), resource.known_as_of, resource)
        return Begun(question, resource)

    @override
    async def call(self, client: Any, request: Question, provider_key: str) -> ResourceSnapshot:
        return self.stamped(await self.make(client, request.what, provider_key), request)

    @override
    async def lookup(self, client: Any, request: Question, provider_key: str) -> ResourceSnapshot | None:
        told = await self.find(client, request.what)
        return None if told is None else self.stamped(told, request)

    @override
    async def confirm(
        self, client: Any, request: Question, provider_id: str, provider_key: str
    ) -> ResourceSnapshot | None:
        """What the provider finds for our own reference, where it can; else what stands under the id."""
        if request.resource is None or self.is_another(request.resource, provider_id):
            return None
        found = await confirmation.found(self.find(client, request.what))
        if found is None:
            found = await self.under(client, request, replace(request.resource, provider_id=provider_id))
        if found is None or not confirmation.fits(found, provider_id, request.what, self.kind):
            return None
        return self.stamped(found, request)

    async def under(self, client: Any, request: Question, named: Resource) -> ResourceSnapshot | None:  # noqa: ARG002
        """The provider's read of what a person says it made. Raises a ProviderError, also where there is no such thing."""
        told: ResourceSnapshot = await self.kind.get(client, named)
        return told

    @override
    def believed(
        self, op: Operation, command: Command, resource: Resource | None, provider_id: str
    ) -> ResourceSnapshot:
        self.require_same(op, resource, provider_id)
        return ResourceSnapshot(self.kind.first, provider_id)

    @override
    def settle(self, op: Operation, command: Command, resource: Resource | None, outcome: Outcome) -> Settled[Resource]:
        if resource is None:
            return Settled(None)
        now = self._clock.now()
        if isinstance(outcome, Succeeded):
            after = merge(resource, outcome.result, now)
            return settled(resource, versioned(resource, after, now), status=201)
        if isinstance(outcome, Failed):
            if resource.is_at_provider:  # a callback proved the error wrong
                return Settled(None)
            change = refuse(resource, *failure_of(outcome.error), now)
            return replace(settled(resource, change), view=None)
        return Settled(None, view=view(resource), status=202)

    def _new(self, op: Operation, command: Command, connection: Connection) -> Resource:
        return Resource(
            id=op.resource_id,
            kind=self.kind,
            tenant_id=op.tenant_id,
            environment=op.environment,
            connection_id=connection.id,
            provider=connection.provider,
            data=self.data(command),
            created_at=op.created_at,
            updated_at=op.created_at,
            status="pending",
            status_as_of=op.created_at,
            parent_id=self.parent(command),
            customer_id=self.customer(command),
            effect_guarantee=guarantee_of(connection, self.capability),
        )


class ChangeResource(ResourceHandler[Command], Generic[Command]):
    """Change one where it is. Whether an unanswered change was done is read from the thing itself."""

    def check(self, resource: Resource, command: Command) -> None:
        """Raises a CallerError when it may not be done in the state it is in."""

    def ask(self, resource: Resource, command: Command, connection: Connection) -> Any:  # noqa: ARG002
        """Pure. What `change` is asked."""
        return resource.reference

    async def change(self, client: Any, request: Any, key: str) -> ResourceSnapshot:
        raise NotImplementedError

    async def read(self, client: Any, request: Any) -> ResourceSnapshot:
        """How it stands now."""
        raise NotImplementedError

    def reached(self, request: Any, told: ResourceSnapshot) -> bool:
        """Whether it stands as the change would leave it."""
        raise NotImplementedError

    def amended(self, resource: Resource, command: Command, told: ResourceSnapshot) -> Mapping[str, JsonValue]:  # noqa: ARG002
        """What of our own data changes with it: names and their new values."""
        return {}

    def dropped(self, resource: Resource, command: Command) -> Mapping[str, JsonValue]:  # noqa: ARG002
        """What of our own data does not hold any more, now that it was refused."""
        return {}

    def follows(self, op: Operation, resource: Resource, command: Command) -> tuple[CommandDraft, ...]:  # noqa: ARG002
        """What has to be done next, by ourselves. `resource` is as the change left it."""
        return ()

    @override
    def hint(self, op: Operation, command: Command, resource: Resource | None) -> RouteHint:
        return RouteHint(connection_id=self.owned(op, resource).connection_id)

    @override
    def begin(
        self, op: Operation, command: Command, resource: Resource | None, connection: Connection
    ) -> Begun[Resource]:
        found = self.owned(op, resource)
        self.check(found, command)
        return Begun(self._question(found, command, connection), found)

    @override
    def request(self, op: Operation, command: Command, resource: Resource | None, connection: Connection) -> Question:
        return self._question(self.owned(op, resource), command, connection)

    @override
    async def call(self, client: Any, request: Question, provider_key: str) -> ResourceSnapshot:
        return self.stamped(await self.change(client, request.what, provider_key), request)

    @override
    async def lookup(self, client: Any, request: Question, provider_key: str) -> ResourceSnapshot | None:
        told = self.stamped(await self.read(client, request.what), request)
        return told if self.reached(request.what, told) else None

    @override
    def believed(
        self, op: Operation, command: Command, resource: Resource | None, provider_id: str
    ) -> ResourceSnapshot:
        """Nobody can be asked how it stands now, so nothing is changed but what is ours to note."""
        self.require_same(op, resource, provider_id)
        return _NOTHING_NEW

    def _question(self, resource: Resource, command: Command, connection: Connection) -> Question:
        return Question(self.ask(resource, command, connection), resource.known_as_of)

    @override
    def settle(self, op: Operation, command: Command, resource: Resource | None, outcome: Outcome) -> Settled[Resource]:
        if resource is None:
            return Settled(None)
        if isinstance(outcome, Failed):
            change = versioned(resource, _with(resource, self.dropped(resource, command)), self._clock.now())
            return replace(settled(resource, change), view=None)
        if not isinstance(outcome, Succeeded):
            return Settled(None, view=view(resource), status=202)
        now = self._clock.now()
        told: ResourceSnapshot = outcome.result
        after = merge(resource, told, now)
        amended = self.amended(after, command, after.as_told if told is _NOTHING_NEW else told)
        change = versioned(resource, _with(after, amended), now)
        return settled(resource, change, commands=self.follows(op, change.resource, command))


def _with(resource: Resource, amended: Mapping[str, JsonValue]) -> Resource:
    """With these of our own data; None takes one away."""
    if not amended:
        return resource
    data = {**resource.data, **amended}
    return replace(resource, data={name: value for name, value in data.items() if value is not None})
