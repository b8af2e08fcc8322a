"""What a worker tells the gateway that asks. Topic `replies.v1`, explicit partition, key: the operation id."""

from typing import Literal

from pydantic import JsonValue

from onerouter_common.contracts.base import Contract

OperationState = Literal["scheduled", "accepted", "executing", "retrying", "unknown", "succeeded", "failed", "canceled"]
FINAL_STATES: frozenset[str] = frozenset({"succeeded", "failed", "canceled"})


class Problem(Contract):
    """An error as it is stored with the operation and shown to the tenant (RFC 9457 fields plus ours)."""

    status: int
    code: str
    title: str
    detail: str
    retryable: bool = False
    effect: Literal["none", "unknown", "committed"] = "none"
    provider: str | None = None
    provider_code: str | None = None
    errors: tuple[dict[str, str], ...] = ()
    retry_after_s: float | None = None


class Reply(Contract):
    """The state of one operation, sent when it is final or cannot be known soon, and again to each duplicate command.

    `made_by` is the id of the command that made the operation: a gateway whose own command id differs is replaying.
    `result` is the resource as the public API shows it; `problem` says why there is none.
    """

    operation_id: str
    made_by: str
    fingerprint: str | None = None
    """The operation's own fingerprint: of several requests that wait for one operation each can tell whether it is theirs."""
    state: OperationState
    resource_id: str
    status: int = 200
    """HTTP status of a first answer (201 for something created)."""
    result: dict[str, JsonValue] | None = None
    problem: Problem | None = None
    mismatch: bool = False
    """The command's fingerprint differs from the operation's: answered with 422, nothing changed."""
    provider_ms: float = 0.0
