"""What can be said about one call, beside its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypedDict, TypeVar


class NotGiven:
    """The argument was left out: nothing is sent for it. `None` is sent as null where null means something."""

    __slots__ = ()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN: Final = NotGiven()

CONNECT_S: Final = 5.0

_T = TypeVar("_T")


def given(values: Mapping[str, _T | NotGiven]) -> dict[str, _T]:
    """Only what was given."""
    return {name: value for name, value in values.items() if not isinstance(value, NotGiven)}


class Timeout:
    """In seconds. `total` is one whole attempt, from connecting to the last byte of the answer.

    The gateway waits 20 seconds for a provider, so `total` should be longer than that. It holds however slowly an answer
    comes in; of headers that drip only where the connections are the client's own, and not of an `http_client`.
    """

    __slots__ = ("connect", "total")

    def __init__(self, total: float = 30.0, connect: float = CONNECT_S) -> None:
        if not total > 0 or not connect > 0:
            raise ValueError("A timeout is a number of seconds above 0.")
        self.total = total
        self.connect = connect

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeout) and (self.total, self.connect) == (other.total, other.connect)

    def __hash__(self) -> int:
        return hash((self.total, self.connect))

    def __repr__(self) -> str:
        return f"Timeout(total={self.total}, connect={self.connect})"


class FollowOptions(TypedDict, total=False):
    """What can be said of every request, also of those that follow an operation."""

    max_retries: int | None

    environment: Literal["test", "live"] | None
    """A live key may act in `test`; a test key never in `live`. None: the client's."""

    extra_headers: Mapping[str, str]
    extra_query: Mapping[str, object]


class _CallOptions(FollowOptions, total=False):
    """What can be said of every call."""

    timeout: float | Timeout | None
    """Seconds for one attempt."""

    deadline: float | None
    """Seconds for the whole call: all attempts and all waiting between them."""

    extra_body: Mapping[str, object]
    """Fields this version has no argument for. They win over the arguments."""


class ReadOptions(_CallOptions, total=False):
    """What every method takes beside its own arguments."""

    wait: bool | float
    """False: do not wait for the outcome; the result is the operation (`Accepted`), also where it is being carried out
    already or has ended, and its `wait()` follows it. A number: have the server wait so many seconds for the outcome (up
    to 60; it waits 20 unless told)."""


class RequestOptions(ReadOptions, total=False):
    """Those, and that of calls which change something."""

    idempotency_key: str | None
    """Ours if you give none: made once per call and kept over its retries. At most 255 characters. Not for what only
    reads: TypeError."""


class NotWaitingOptions(_CallOptions, total=False):
    """What methods take beside `wait=False`."""

    idempotency_key: str | None


_NAMES: Final = frozenset(RequestOptions.__annotations__)


def check_names(options: RequestOptions) -> None:
    """Raises TypeError for a keyword that no method has: a typing error must not go unseen where money is moved."""
    for name in options:
        if name not in _NAMES:
            raise TypeError(
                f"There is no argument {name!r}. What this version has no argument for goes in `extra_body`."
            )


def refuse_key(options: RequestOptions) -> None:
    """Raises TypeError for a key of what only reads: it would say nothing, and look like a filter."""
    if options.get("idempotency_key") is not None:
        raise TypeError("This call changes nothing, and so takes no idempotency_key.")
