"""What was decided, and what was passed over for which reason."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from pydantic import JsonValue

DecidedBy = Literal["rule", "default", "priority", "override"]
RefusalReason = Literal[
    "provider_not_asked_for",
    "not_named",
    "disconnected",
    "disabled",
    "policy_disabled",
    "not_installed",
    "capability_missing",
    "currency_unsupported",
    "currency_excluded",
    "country_excluded",
    "method_excluded",
    "amount_excluded",
    "switched_off",
    "circuit_open",
    "declined",
]

_BECAUSE: Final = {
    "default": "No rule matches, so the policy's default decides.",
    "priority": "No rule decides, so the connections are taken in their order of priority.",
    "override": "The request names the provider, and the policy names the connection for that.",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A connection that may be used."""

    connection_id: str
    provider: str


@dataclass(frozen=True, slots=True)
class Refused:
    """One that was passed over."""

    connection_id: str
    provider: str | None
    """None: the connection is gone, nobody knows of which provider it was."""
    reason: RefusalReason
    detail: str
    """A sentence for the tenant."""

    def to_json(self) -> dict[str, JsonValue]:
        return {
            "connection_id": self.connection_id,
            "provider": self.provider,
            "reason": self.reason,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Decision:
    by: DecidedBy
    rule: str | None
    """Its name, where a rule decided."""
    policy_version: int
    """0: there is no policy."""
    candidates: tuple[Taken, ...]
    """The first is taken; each further one only where those before it surely did nothing. Empty: it is refused."""
    refused: tuple[Refused, ...]
    asked_for: tuple[str, ...] = ()
    """The providers that the request named, the best first. Empty: it named none."""

    @property
    def because(self) -> str:
        because = f"The rule '{self.rule}' matches." if self.by == "rule" else _BECAUSE[self.by]
        if len(self.asked_for) < 2:
            return because
        return f"{because} The request prefers {', then '.join(self.asked_for)}."

    def passing_over(self, kept: Mapping[str, str], reason: RefusalReason = "circuit_open") -> "Decision":
        """Without these candidates (those whose circuit is open); for each the sentence that says why."""
        left = tuple(one for one in self.candidates if one.connection_id not in kept)
        over = tuple(
            Refused(one.connection_id, one.provider, reason, kept[one.connection_id])
            for one in self.candidates
            if one.connection_id in kept
        )
        return replace(self, candidates=left, refused=(*over, *self.refused))

    def to_json(self, connection_id: str | None) -> dict[str, JsonValue]:
        """As it is stored with an operation and shown to its tenant. `connection_id`: the one that was taken."""
        return {
            "by": self.by,
            "rule": self.rule,
            "reason": self.because,
            "policy_version": self.policy_version,
            "connection_id": connection_id,
            "candidates": [{"connection_id": one.connection_id, "provider": one.provider} for one in self.candidates],
            "refused": [one.to_json() for one in self.refused],
        }


def stays_with_resource(
    connection_id: str, provider: str | None, *, waits_because: str | None = None
) -> dict[str, JsonValue]:
    """The same form for an operation that has no choice: a refund goes where its payment went.

    `waits_because`: its circuit is open, and so it does not go there yet.
    """
    kept = Refused(connection_id, provider, "circuit_open", waits_because) if waits_because is not None else None
    return {
        "by": "resource",
        "rule": None,
        "reason": "The resource lives at this connection.",
        "policy_version": 0,
        "connection_id": connection_id,
        "candidates": [] if kept else [{"connection_id": connection_id, "provider": provider}],
        "refused": [kept.to_json()] if kept else [],
    }
