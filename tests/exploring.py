"""What schemathesis makes up from a description, sent to a real service. Every answer must have a status, a content type and
a body that the description names, and none may be an error of ours. The same requests in every run.

`Explorer.explore` makes up at random; half of it is about things that are there. `Explorer.cover` goes through the edges of
each field one by one, and through methods that a path does not have: what is wrong must be refused, what is right must not be
taken for malformed.
"""

import copy
import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Config, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import AcceptedNegativeData, Failure, FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ALL_CHECKS: Final = [
    *CHECKS,
    response_headers_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    missing_required_header,
    unsupported_method,
]
_MEANT: Final = ("2xx", "401", "402", "403", "404", "409", "422", "502", "503")
"""Answers to what is well formed: a description cannot say which ids exist, or what fits together."""
_READ_KINDLY: Final = {
    "process_immediately": "",
    "notes": " -> Object with invalid additional property",
    "metadata": " -> Object with invalid additional property",
}
"""What clients in the field write in several ways: yes and no, and texts as numbers."""
_MOST_EDGES: Final = 600
THE_CALLERS: Final = ("X-OneRouter-Tenant", "X-OneRouter-Environment", "Idempotency-Key")
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

    def explore(
        self,
        operation: Any,
        headers: Mapping[str, str],
        known: Mapping[str, str],
        good: Any,
        *,
        asked: Mapping[str, str] | None = None,
    ) -> set[int]:
        """The statuses it was answered with. Raises what schemathesis found. `asked`: a query that is good."""
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
            case.validate_response(answer, checks=CHECKS[1:] if self._is_excused(operation, answer) else CHECKS)

        send()
        if all(status >= 400 for status in statuses):
            statuses.add(self._send_good(operation, headers, known, good, asked))
        return statuses

    def cover(self, operation: Any, headers: Mapping[str, str], known: Mapping[str, str], most: int) -> list[str]:
        """What schemathesis found wrong with the answers to at most so many of its edge cases, spread evenly."""
        generation = operation.schema.config.generation_for(operation=operation)
        modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
        cases = operation.schema.iter_coverage_cases(operation, generation_modes=modes, generation_config=generation)
        made_up = list(itertools.islice(cases, _MOST_EDGES))
        found: list[str] = []
        for case in made_up[:: -(-len(made_up) // most)]:
            _place(case, known)
            answer = case.call(
                base_url=self._base_url, headers=dict(headers), session=self._session, timeout=self._timeout_s
            )
            try:
                case.validate_response(
                    answer, checks=ALL_CHECKS[1:] if self._is_excused(operation, answer) else ALL_CHECKS
                )
            except (FailureGroup, Failure) as failure:
                each = failure.exceptions if isinstance(failure, FailureGroup) else [failure]
                told = f"{operation.label}: {answer.status_code}, {case.body!r}, {answer.text}"[:1_000]
                is_open = [one for one in each if not _is_kindness(one) and not _is_told_of_its_item(one, answer)]
                found += [f"{told}: {one}"[:3_000] for one in is_open]
        return found

    def _is_excused(self, operation: Any, answer: Any) -> bool:
        """Whether an error is not ours: somebody is away who is known to be, or a provider does not know what was named."""
        if is_excused(answer):
            return True
        return answer.status_code == 503 and operation.definition.raw["operationId"] in self._away

    def _send_good(
        self,
        operation: Any,
        headers: Mapping[str, str],
        known: Mapping[str, str],
        good: Any,
        asked: Mapping[str, str] | None,
    ) -> int:
        """Once as its examples say, where none of those that were made up came so far."""
        url = self._base_url + operation.path.format_map({"issuer_id": "none", **known})
        answer = self._session.request(
            operation.method, url, params=asked, json=good, headers=dict(headers), timeout=self._timeout_s
        )
        return int(answer.status_code)


def is_excused(answer: Any) -> bool:
    """Whether it tells that a provider does not know what was named, or would not have it."""
    return answer.status_code == 502 and bool(answer.json().get("provider"))


def _place(case: Any, known: Mapping[str, str]) -> None:
    """At what is there, unless the path is what is wrong; an idempotency key is named once. Whose it is the key says."""
    case.headers.pop("X-OneRouter-Tenant", None)
    path = case.meta.components.get(ParameterLocation.PATH)
    if path is None or path.mode.is_positive:
        for name in case.path_parameters or {}:
            case.path_parameters[name] = known.get(name, case.path_parameters[name])
    if isinstance(case.body, dict) and "idempotency_key" in case.body:
        case.headers.pop("Idempotency-Key", None)


def _is_kindness(failure: Failure) -> bool:
    return isinstance(failure, AcceptedNegativeData) and any(
        f"{name}{of}: Incorrect type" in str(failure) for name, of in _READ_KINDLY.items()
    )


def _is_told_of_its_item(failure: Failure, answer: requests.Response) -> bool:
    """One bad item stops no other of a bulk: it is named in the answer in place of refusing them all."""
    if not isinstance(failure, AcceptedNegativeData) or "-> Array with invalid items" not in str(failure):
        return False
    told = answer.json()
    return bool(told.get("failed") or told.get("rejected"))


def _aim(case: Any, known: Mapping[str, str], good: Any, kept: int) -> None:
    """At what is there, as the caller is; of the body that was made up at most one field is kept."""
    for name in case.path_parameters or {}:
        case.path_parameters[name] = known.get(name, case.path_parameters[name])
    for name in THE_CALLERS:
        case.headers.pop(name, None)
    if good is None:
        return
    made_up = case.body if isinstance(case.body, dict) else {}
    fields = sorted(made_up)[kept : kept + 1]
    case.body = {**good, **{field: made_up[field] for field in fields}}
    case.media_type = "application/json"


def ours_to_say() -> Config:
    """Who calls: it would send credentials it made up beside the real ones."""
    return Config.from_dict(
        {
            "generation": {"with-security-parameters": False},
            "checks": {"positive_data_acceptance": {"expected-statuses": list(_MEANT)}},
        }
    )


def operations_of(document: Mapping[str, Any]) -> list[Any]:
    schema = schemathesis.openapi.from_dict(copy.deepcopy(dict(document)), config=ours_to_say())
    found: Iterator[Any] = schema.get_all_operations()
    return [one.ok() for one in found]
