"""Walks that schemathesis makes up: from what an answer names on to what can be asked of that, several steps in a row.

It infers by the description where an id leads: a payment's to its refund, capture, cancel. Every step is checked as in
`exploring`, and beside it that what a POST has just made is there, and that what was deleted is not.
"""

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import ensure_resource_availability, use_after_free
from tests.exploring import CHECKS, THE_CALLERS, is_excused, ours_to_say

from onerouter_common.ids import is_ours

_CHECKS: Final = [*CHECKS, ensure_resource_availability, use_after_free]
_WALKS: Final = 4
"""Of one round."""

Good = Callable[[str], Any]
"""A label (`POST /v1/refunds`) → a good body; None: as it was made up."""
Seen = Counter[tuple[str, str, int]]
"""Operation before (empty: it began there), operation, status → how often."""


def wander(
    document: Mapping[str, Any],
    base_url: str,
    session: requests.Session,
    headers: Mapping[str, str],
    good: Good,
    known: Mapping[str, str],
    *,
    rounds: int,
    steps: int,
) -> tuple[Seen, list[str]]:
    """What was answered, and what of it was wrong. Walks begin at what is `known`, and choose the same in every run."""
    schema = schemathesis.openapi.from_dict(copy.deepcopy(dict(document)), config=ours_to_say())
    seen: Seen = Counter()
    wrong: list[str] = []
    machine: Any = schema.as_state_machine()

    class Walk(machine):  # type: ignore[misc]  # made by schemathesis
        def before_call(self, case: Any) -> None:
            for name in THE_CALLERS:
                case.headers.pop(name, None)
            if self.recorder.find_parent(case_id=case.id) is None:
                case.path_parameters = {name: known.get(name, one) for name, one in case.path_parameters.items()}
            # What is wrong with a query is seen by `exploring`; here it would end the walk.
            case.query = {name: one for name, one in case.query.items() if _leads(one)}
            body = good(case.operation.label)
            if body is not None:
                made_up = case.body if isinstance(case.body, dict) else {}
                case.body = {**body, **{name: one for name, one in made_up.items() if name in body and _leads(one)}}
                case.media_type = "application/json"

        def get_call_kwargs(self, _: Any) -> dict[str, Any]:
            return {"base_url": base_url, "headers": dict(headers), "session": session, "timeout": 30}

        def validate_response(self, response: Any, case: Any, *_: Any, **kwargs: Any) -> None:
            before = self.recorder.find_parent(case_id=case.id)
            seen["" if before is None else before.operation.label, case.operation.label, response.status_code] += 1
            checks = _CHECKS[1:] if is_excused(response) or _is_on_its_way(response) else _CHECKS
            try:
                case.validate_response(response, checks=checks, transport_kwargs=kwargs, recorder=self.recorder)
            except (FailureGroup, Failure) as failure:
                wrong.append(f"{case.operation.label}: {response.status_code}, {case.body!r}: {failure}"[:3_000])

    for number in range(rounds):
        # The same beginning may lead elsewhere the second time, as things are there by then: no error, but this round's end.
        with suppress(FlakyStrategyDefinition):
            seed(number)(Walk).run(settings=_settings(steps))
    return seen, wrong


def _settings(steps: int) -> settings:
    return settings(
        max_examples=_WALKS,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def _is_on_its_way(response: Any) -> bool:
    """What was answered with 202, on a slow machine: the honest answer to who asks for it at once."""
    return response.status_code == 503 and str(response.json().get("detail")).startswith("It is still being made")


def _leads(value: Any) -> bool:
    """Whether it is the id of something, which an answer named."""
    return isinstance(value, str) and is_ours(value)
