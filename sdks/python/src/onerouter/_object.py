"""What comes back: dictionaries whose fields can also be read as attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from onerouter._secret import redacted

if TYPE_CHECKING:
    from onerouter._response import Response

MASK: Final = "***"
SECRET_FIELDS: Final = frozenset(
    {"secret", "client_secret", "signing_secret", "api_key", "key", "password", "token", "access_token", "private_key"}
)
"""Fields that never show in a `repr`. They can be read as any other."""

RESERVED_FIELDS: Final = frozenset({*dir(dict), "response", "wait"})
"""What a field must not be called: the attribute would be a method. `["name"]` reads it all the same."""

_T = TypeVar("_T")
_HIDDEN: Final = frozenset({"_response", "_follow", "_meant"})


class Object(dict[str, Any]):
    """One result: `payment.status` and `payment["status"]` are the same. Fields this version does not know are kept.

    It is a plain dictionary to everything else: `json.dumps(payment)`, `dict(payment)` and `payment == {...}` work.
    """

    __slots__ = ("_follow", "_response")

    _nested: ClassVar[Mapping[str, type[Object]]] = {}
    """The classes of fields that are objects, or lists of them. Others become `OpenObject`."""

    _response: Response | None
    _follow: Any

    @property
    def response(self) -> Response:
        """How it came: status, headers, request id, attempts, time. A part of a result has none: AttributeError."""
        found: Response | None = _hidden(self, "_response")
        if found is None:
            raise AttributeError
        return found

    @property
    def idempotency_key(self) -> str | None:
        """The key its request was sent under: repeating it with that key has no second effect."""
        named = self.get("idempotency_key")
        if isinstance(named, str):
            return named
        response = _hidden(self, "_response")
        return response.idempotency_key if response is not None else None

    def wait(self, timeout: float | None = None) -> Any:
        """Follow the operation behind a 202 (`wait=False`) to its end, and return what it came to.

        To be awaited on results of the asynchronous client. Of an operation: itself, when it has succeeded; of anything
        else: itself, at once. `timeout` is in seconds, 60 unless said. Raises the operation's own error, or
        OutcomeUnknownError when the time is over.
        """
        follow = _hidden(self, "_follow")
        if follow is None:
            raise AttributeError("Only what a client returned can be waited for.")
        return follow(self, timeout)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            try:
                return self[name]
            except KeyError:
                raise AttributeError(_missing(self, name)) from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HIDDEN:
            super().__setattr__(name, value)
        else:
            self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *self})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({masked(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)


class OpenObject(Object):
    """One whose fields are not all known beforehand, to the type checker either."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class Accepted(OpenObject):
    """A 202 in place of the result: stored, and not ended within the wait. `wait()` follows it to its result.

    `status` says how far it is, `effect` whether anything may have happened, `operation_id` what to ask for later.
    """

    __slots__ = ("_meant",)

    _meant: type[Object]

    operation_id: str
    operation: str | None
    """`payment.create`, say. None: it was being carried out already, and its answer did not say."""
    status: str
    effect: str


class Objects(list[_T]):
    """A bare list of results, with the response it came in."""

    __slots__ = ("response",)

    response: Response


def masked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A copy to be shown: without secrets."""
    secrets = SECRET_FIELDS - {"key"} if "bucket" in fields else SECRET_FIELDS  # the key of an object is its name
    return {name: _shown(value, secret=name in secrets) for name, value in fields.items()}


def _shown(value: Any, *, secret: bool = False) -> Any:
    if isinstance(value, str):
        return MASK if secret else redacted(value) if "X-Amz-Signature" in value else value
    if isinstance(value, (list, tuple)):
        return [_shown(each, secret=secret) for each in value]
    if isinstance(value, Mapping) and not isinstance(value, Object):  # which masks itself
        return masked(value)
    return value


def _missing(of: Object, name: str) -> str:
    if name == "response":
        return "Only what a call returned has a response; this is a part of it, or was made by hand."
    return f"{type(of).__name__} has no field {name!r}; it has {', '.join(of)}."


def _hidden(of: Object, name: str) -> Any:
    try:
        return object.__getattribute__(of, name)
    except AttributeError:
        return None
