"""The query language of `GET /v1/payment_intents/search`, as far as it is simulated: equality, joined with AND."""

import re
from typing import Final

from onerouter_sandbox.stripe.errors import invalid
from onerouter_sandbox.stripe.state import Intent

_CLAUSE: Final = re.compile(
    r"""^(?:metadata\[(["'])(?P<name>.+?)\1\]|(?P<field>status|currency)):(["'])(?P<value>.*)\4$"""
)
_AND: Final = re.compile(r"\s+AND\s+", re.IGNORECASE)


def matcher(query: str) -> "Matcher":
    """Raises Refused for a query that cannot be read."""
    clauses = [_CLAUSE.match(part.strip()) for part in _AND.split(query)]
    if not all(clauses):
        raise invalid("We were unable to parse your search query.", param="query")
    return Matcher([clause.groupdict() for clause in clauses if clause is not None])


class Matcher:
    def __init__(self, clauses: list[dict[str, str | None]]) -> None:
        self._clauses = clauses

    def fits(self, intent: Intent) -> bool:
        return all(self._value(intent, clause) == clause["value"] for clause in self._clauses)

    def _value(self, intent: Intent, clause: dict[str, str | None]) -> str | None:
        if clause["name"] is not None:
            return intent.metadata.get(clause["name"])
        return intent.status if clause["field"] == "status" else intent.currency
