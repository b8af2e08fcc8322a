"""What was accepted a moment ago, and whose service may not have it yet: reads of it and changes that need it wait."""

import asyncio
from typing import Final
from urllib.parse import urlencode

from onerouter_common.contracts.replies import FINAL_STATES
from onerouter_common.errors import Overloaded
from onerouter_common.ids import is_ours
from onerouter_gateway.admission import Reading, Writing
from onerouter_gateway.commands.accepted import AcceptedCommands
from onerouter_gateway.upstream import Answer, Upstream

_WAIT_S: Final = 2.0
_PAUSE_S: Final = 0.1
_OPERATIONS: Final = "/internal/operations"
_MOST_LOOKED_AT: Final = 5
"""Of a resource that is not there few operations can be."""


class NotThereYet(Overloaded):
    """It is being made."""


async def read(
    upstream: Upstream,
    accepted: AcceptedCommands,
    who: Reading | Writing,
    path: str,
    query: str = "",
    *,
    id_: str | None = None,
) -> Answer:
    """The service's answer. Of what is being made there is none for a moment, which is waited for.

    `id_`: what is meant, where `path` does not end with it.

    Raises Overloaded; NotThereYet for what is not there at the end of that wait, while its operation has not ended.
    """

    async def get(asked: str, query: str = "") -> Answer:
        return await upstream.get(asked, tenant_id=who.principal.tenant_id, environment=who.environment, query=query)

    async def making(resource_id: str) -> str | None:
        """The operation that makes it: noted where its service may not know it, else one that has not begun."""
        noted = await accepted.find(who.principal.tenant_id, who.environment, resource_id)
        if noted is not None:
            return noted.id
        known = await get(_OPERATIONS, urlencode({"resource_id": resource_id, "limit": _MOST_LOOKED_AT}))
        listed = known.json()["data"] if known.is_success else []
        return next((str(one["id"]) for one in listed if one["status"] not in FINAL_STATES), None)

    answer = await get(path, query)
    meant = id_ or path.rpartition("/")[2]
    if answer.status != 404 or not is_ours(meant):
        return answer
    operation_id = await making(meant)
    if operation_id is None:
        return await get(path, query)  # it may have been made meanwhile
    until = asyncio.get_running_loop().time() + _WAIT_S
    while answer.status == 404:
        made = await get(f"{_OPERATIONS}/{operation_id}")
        answer = await get(path, query)  # after its operation: what has ended has made it before
        if made.is_success and made.json()["status"] in FINAL_STATES:
            return answer
        if asyncio.get_running_loop().time() >= until:
            break
        await asyncio.sleep(_PAUSE_S)
    if answer.status == 404:
        raise NotThereYet(
            f"It is still being made, by GET /v1/operations/{operation_id}. Ask again in a moment.", retry_after_s=1
        )
    return answer
