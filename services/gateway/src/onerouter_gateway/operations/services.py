"""The operations of every category, wherever they are carried out: each service is asked, and its part is put together."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeAlias
from urllib.parse import urlencode

from pydantic import TypeAdapter
from starlette.datastructures import QueryParams

from onerouter_common.errors import InvalidRequest, NotPermitted, Overloaded
from onerouter_common.reads.merging import View, merged
from onerouter_common.registry_client import Principal
from onerouter_gateway.admission import Reading
from onerouter_gateway.commands.accepted import AcceptedCommands, Noted
from onerouter_gateway.upstream import Answer, Upstream

Outcome: TypeAlias = Answer | Overloaded

EVERY_OPERATION: Final = "operations:read"
_PATH: Final = "/internal/operations"
_LIMIT: Final = 20
_NUMBER: Final = TypeAdapter(int)


class OperationServices:
    def __init__(self, upstreams: Mapping[str, Upstream], accepted: AcceptedCommands) -> None:
        """`upstreams`: category → the service that carries out its operations."""
        self._upstreams = upstreams
        self._accepted = accepted

    @property
    def scopes(self) -> tuple[str, ...]:
        """Each permits to see operations, of a category at least."""
        return (EVERY_OPERATION, *(_scope(category) for category in self._upstreams))

    async def find(self, reading: Reading, path: str, query: QueryParams) -> Answer:
        """What the service that knows the operation says. `path`: its id, and what is asked of it.

        One that is away hides nothing that another one has. Raises Overloaded where it may be the one that knows it.
        """
        seen = _seen_by(reading.principal, self._upstreams)
        refused: Answer | None = None
        away: Overloaded | None = None
        async with self._asked(reading, seen, f"{_PATH}/{path}", query) as asked:
            for answered in asyncio.as_completed(asked):
                outcome = await answered
                if isinstance(outcome, Overloaded):
                    away = outcome
                elif outcome.is_success:
                    return outcome
                elif refused is None or outcome.status != 404:
                    refused = outcome
        if away is not None or refused is None:
            raise away or Overloaded("Operations cannot be looked for right now.", retry_after_s=2)
        return refused

    async def find_accepted(self, reading: Reading, operation_id: str) -> Noted | None:
        """What was answered with 202 a moment ago, for while no service knows it. Raises NotPermitted."""
        noted = await self._accepted.find(reading.principal.tenant_id, reading.environment, operation_id)
        seen = _seen_by(reading.principal, self._upstreams)
        return noted if noted is not None and noted.id == operation_id and noted.category in seen else None

    async def page(self, reading: Reading, query: QueryParams) -> View | Answer:
        """The services' pages as one, newest first; an answer where one of them refuses the question.

        Raises Overloaded when one is away: a page with a gap would never be filled by the pages behind it. Raises
        InvalidRequest and NotPermitted for a category that there is not, or that the key may not see.
        """
        seen = _seen_by(reading.principal, self._upstreams, query.get("category"))
        async with self._asked(reading, seen, _PATH, query) as asked:
            outcomes = await asyncio.gather(*asked)
        answers: list[Answer] = []
        for outcome in outcomes:
            if isinstance(outcome, Overloaded):
                raise outcome
            if not outcome.is_success:
                return outcome
            answers.append(outcome)
        # Every service has read the limit as this does.
        limit = _NUMBER.validate_strings(query.get("limit", str(_LIMIT)))
        return merged([answer.json() for answer in answers], limit)

    @asynccontextmanager
    async def _asked(
        self, reading: Reading, seen: Sequence[str], path: str, query: QueryParams
    ) -> AsyncIterator[list[asyncio.Task[Outcome]]]:
        """All at once; what is not waited for any more is given up."""
        of_each: dict[Upstream, list[str]] = {}
        for category in seen:
            of_each.setdefault(self._upstreams[category], []).append(category)
        tasks = [
            asyncio.create_task(_ask(upstream, reading, path, self._narrowed(query, upstream, categories)))
            for upstream, categories in of_each.items()
        ]
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _narrowed(self, query: QueryParams, upstream: Upstream, categories: Sequence[str]) -> str:
        """The caller's query for these categories; a service whose all are meant is told none."""
        asked = [(name, value) for name, value in query.multi_items() if name != "category"]
        if any(upstream is one and category not in categories for category, one in self._upstreams.items()):
            asked += [("category", category) for category in categories]
        return urlencode(asked)


def _seen_by(principal: Principal, categories: Mapping[str, Upstream], wanted: str | None = None) -> list[str]:
    """The categories whose operations the key may see, of them the wanted one. Raises InvalidRequest, NotPermitted."""
    if wanted is not None and wanted not in categories:
        raise InvalidRequest.of("category", f"must be one of {', '.join(categories)}")
    asked = list(categories) if wanted is None else [wanted]
    seen = [one for one in asked if principal.may(EVERY_OPERATION) or principal.may(_scope(one))]
    if not seen:
        raise NotPermitted(f"This needs an API key with the scope {EVERY_OPERATION} or {_scope(asked[0])}.")
    return seen


def _scope(category: str) -> str:
    return f"{category}:read"


async def _ask(upstream: Upstream, reading: Reading, path: str, query: str) -> Outcome:
    try:
        return await upstream.get(
            path, tenant_id=reading.principal.tenant_id, environment=reading.environment, query=query
        )
    except Overloaded as away:
        return away
