"""The query language of the email logs, as far as its documentation goes: conditions joined by AND, without nesting."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from onerouter_sandbox.sendgrid.errors import invalid
from onerouter_sandbox.sendgrid.state import Line

Fits = Callable[[Line], bool]

_TEXT: Final = r"'(?:[^']|'')*'"
_CONDITION: Final = re.compile(
    rf"\s*(?:(?P<field>to_email|subject|sg_message_id|reason)\s*=\s*(?P<text>{_TEXT})"
    rf"|(?P<listed>status|categories)\s+IN\s*\((?P<values>\s*{_TEXT}(?:\s*,\s*{_TEXT})*\s*)\)"
    r"|sg_message_id_created_at\s*(?P<sign>>=|<=|>|<)\s*TIMESTAMP\s*\"(?P<at>[^\"]*)\")\s*"
)
_AND: Final = re.compile(r"AND\s", re.IGNORECASE)


def matcher(query: str) -> Fits:
    """Whether a line fits a query. Raises Refused for what is none."""
    conditions: list[Fits] = []
    place = 0
    while query.strip():
        found = _CONDITION.match(query, place)
        if found is None:
            raise invalid("invalid query", "query")
        conditions.append(_condition(found))
        place = found.end()
        if place == len(query):
            break
        joined = _AND.match(query, place)
        if joined is None:
            raise invalid("invalid query", "query")
        place = joined.end()
    return lambda line: all(fits(line) for fits in conditions)


def _condition(found: re.Match[str]) -> Fits:
    if found["field"]:
        wanted, field = _unquoted(found["text"]), found["field"]
        return lambda line: _value(line, field) == wanted
    if found["listed"]:
        values = {_unquoted(each) for each in re.findall(_TEXT, found["values"])}
        if found["listed"] == "status":
            return lambda line: line.status in values
        return lambda line: bool(values.intersection(line.categories))
    at, sign = _moment(found["at"]), found["sign"]
    compare: dict[str, Fits] = {
        ">": lambda line: line.created > at,
        "<": lambda line: line.created < at,
        ">=": lambda line: line.created >= at,
        "<=": lambda line: line.created <= at,
    }
    return compare[sign]


def _value(line: Line, field: str) -> str | None:
    return {"to_email": line.email, "subject": line.subject, "sg_message_id": line.id, "reason": line.reason}[field]


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")


def _moment(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as problem:
        raise invalid("invalid timestamp", "query") from problem
    if at.tzinfo is None:
        raise invalid("invalid timestamp", "query")
    return at.timestamp()
