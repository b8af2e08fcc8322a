"""What the transaction log is asked, in the words of the services that hold parts of it."""

from typing import Final

from starlette.datastructures import QueryParams

from onerouter_common.errors import InvalidRequest
from onerouter_common.reads.pairs import asked_pairs
from onerouter_gateway.admission import Reading
from onerouter_gateway.commands.request import is_key
from onerouter_gateway.commands.wait import Commands

_KEY: Final = "idempotency_key"
_RESOURCE: Final = "resource"
_OURS: Final = frozenset({_KEY, _RESOURCE, "operation_id"})


def asked_of_services(query: QueryParams, reading: Reading, commands: Commands) -> QueryParams:
    """A key stands for one operation, whose id follows from it: nobody keeps keys. Raises InvalidRequest."""
    asked_pairs("metadata", query.multi_items())
    told = [(name, value) for name, value in query.multi_items() if name not in _OURS]
    key, resource = query.get(_KEY), query.get(_RESOURCE)
    if key is not None:
        if not is_key(key):
            raise InvalidRequest.of(_KEY, "must have 1 to 255 printable ASCII characters")
        told.append(("operation_id", commands.operation_id(reading.principal, reading.environment, key)))
    if resource is not None:
        if "\x00" in resource:  # said here, by the name that was used
            raise InvalidRequest.of(_RESOURCE, "must not contain NUL")
        if query.get("resource_id", resource) != resource:
            raise InvalidRequest.of(_RESOURCE, "differs from resource_id, which means the same")
        told.append(("resource_id", resource))
    return QueryParams(told)
