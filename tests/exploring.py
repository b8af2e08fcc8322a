"""What schemathesis makes up from a description, sent to a real service. Every answer must have a status, a content type and
a body that the description names, and none may be an error of ours. The same requests in every run.
"""

import copy
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Config, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
_THE_CALLERS: Final = ("X-OneRouter-Tenant", "X-OneRouter-Environment", "Idempotency-Key")
"""Headers that would lead an aimed request elsewhere."""


class Explorer:
    """Sends what schemathesis makes up as one caller; half of it about things that are there, with a mostly good body."""

    def __init__(
        self,
        base_url: str,
        session: requests.Session,
        *,
        examples: int,
        away: Collection[str] = (),
        timeout_s: float = 10,
    ) -> None:
        """`away` are ids of operations that ask someone who is not there: 503 is their honest answer."""
        self._base_url = base_url
        self._session = session
        self._examples = examples
        self._away = away
        self._timeout_s = timeout_s

    def explore(self, operation: Any, headers: Mapping[str, str], known: Mapping[str, str], good: Any) -> set[int]:
        """The statuses it was answered with. Raises what schemathesis found."""
        name = operation.definition.raw["operationId"]
        made_up = operation.as_strategy(generation_mode=GenerationMode.POSITIVE) | operation.as_strategy(
            generation_mode=GenerationMode.NEGATIVE
        )
        statuses: set[int] = set()

        @settings(
            max_examples=self._examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        )
        @given(case=made_up, aimed=st.booleans(), kept=st.integers(0, 9))
        def send(case: Any, aimed: bool, kept: int) -> None:
            if aimed:
                _aim(case, known, good, kept)
            answer = case.call(
                base_url=self._base_url, headers=dict(headers), session=self._session, timeout=self._timeout_s
            )
            statuses.add(answer.status_code)
            excused = answer.status_code == 503 and name in self._away
            case.validate_response(answer, checks=CHECKS[1:] if excused else CHECKS)

        send()
        if all(status >= 400 for status in statuses):
            statuses.add(self._send_good(operation, headers, known, good))
        return statuses

    def _send_good(self, operation: Any, headers: Mapping[str, str], known: Mapping[str, str], good: Any) -> int:
        """Once as its examples say, where none of those that were made up came so far."""
        url = self._base_url + operation.path.format_map({"issuer_id": "none", **known})
        answer = self._session.request(operation.method, url, json=good, headers=dict(headers), timeout=self._timeout_s)
        return int(answer.status_code)


def _aim(case: Any, known: Mapping[str, str], good: Any, kept: int) -> None:
    """At what is there, as the caller is; of the body that was made up at most one field is kept."""
    for name in case.path_parameters or {}:
        case.path_parameters[name] = known.get(name, case.path_parameters[name])
    for name in _THE_CALLERS:
        case.headers.pop(name, None)
    if good is None:
        return
    made_up = case.body if isinstance(case.body, dict) else {}
    fields = sorted(made_up)[kept : kept + 1]
    case.body = {**good, **{field: made_up[field] for field in fields}}
    case.media_type = "application/json"


def operations_of(document: Mapping[str, Any]) -> list[Any]:
    # Who calls is ours to say: it would send credentials it made up beside the real ones.
    config = Config.from_dict({"generation": {"with-security-parameters": False}})
    schema = schemathesis.openapi.from_dict(copy.deepcopy(dict(document)), config=config)
    found: Iterator[Any] = schema.get_all_operations()
    return [one.ok() for one in found]
