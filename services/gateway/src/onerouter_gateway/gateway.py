"""What the endpoints work with: one object a process, put together in `app.py`."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from onerouter_common.registry_client import RegistryClient
from onerouter_gateway.admission import Admission
from onerouter_gateway.commands.accepted import AcceptedCommands
from onerouter_gateway.commands.wait import Commands
from onerouter_gateway.events.streaming import EventStreams
from onerouter_gateway.operations.services import OperationServices
from onerouter_gateway.storage.streaming import ObjectStreams
from onerouter_gateway.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Gateway:
    admission: Admission
    commands: Commands
    accepted: AcceptedCommands
    registry: RegistryClient
    payments: Upstream
    messaging: Upstream
    storage: Upstream
    webhooks: Upstream
    objects: ObjectStreams
    streams: EventStreams
    operations: OperationServices
    providers: Mapping[str, frozenset[str]]
    """Category → ids of the providers this installation knows."""


def gateway_of(request: Request) -> Gateway:
    """The process's gateway, as the lifespan made it."""
    gateway: Gateway = request.app.state.gateway
    return gateway
