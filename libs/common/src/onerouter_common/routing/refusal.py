"""What a caller is told when no connection can take an operation."""

from collections.abc import Sequence
from typing import Final

from onerouter_common.errors import (
    CapabilityUnsupported,
    OneRouterError,
    Overloaded,
    ProviderDisabled,
    ServiceNotConfigured,
)
from onerouter_common.routing.decision import Decision, Refused
from onerouter_common.routing.route import Candidate, RoutingRequest

_PASSED_OVER: Final = frozenset({"provider_not_asked_for", "not_named"})
_NOT_THERE: Final = frozenset({"disabled", "disconnected"})
_RETRY_AFTER_S: Final = 5.0
_TOLD: Final = 3


def refusal_of(
    decision: Decision, candidates: Sequence[Candidate], request: RoutingRequest, *, category: str, environment: str
) -> OneRouterError:
    """For a decision without candidates. Overloaded: waiting helps, the operator is at it."""
    nearly = [one for one in decision.refused if one.reason not in _PASSED_OVER]
    reasons = {one.reason for one in nearly}
    if "not_installed" in reasons:
        return Overloaded("The connection cannot be used right now; operators are told.", retry_after_s=_RETRY_AFTER_S)
    if "switched_off" in reasons:
        what = " and ".join(request.asked_for) or f"every {category} provider that could take this"
        return ProviderDisabled(f"The operator of this service has switched {what} off; nothing was sent.")
    if not reasons - _NOT_THERE:
        wanted = " or ".join(f"'{one}'" for one in request.asked_for) or f"any {category} provider"
        detail = f"No enabled connection to {wanted} exists in the {environment} environment."
        return ServiceNotConfigured(f"{detail}{_told(decision)}" if decision.by != "priority" else detail)
    if reasons - _NOT_THERE == {"capability_missing"}:
        return CapabilityUnsupported(_lacking(nearly, candidates, request))
    why = " ".join(f"{one.connection_id}: {one.detail}" for one in nearly[:_TOLD])
    return ServiceNotConfigured(f"No connection may take this.{_told(decision)} {why}", code="NO_ROUTE")


def _told(decision: Decision) -> str:
    return "" if decision.by == "priority" else f" {decision.because}"


def _lacking(nearly: Sequence[Refused], candidates: Sequence[Candidate], request: RoutingRequest) -> str:
    first = next(one for one in nearly if one.reason == "capability_missing")
    candidate = next(one for one in candidates if one.connection_id == first.connection_id)
    instead = candidate.instead.get(request.capability)
    return f"{first.detail} {instead}" if instead else first.detail
