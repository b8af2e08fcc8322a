"""What operators ask of stored callbacks, and what they are told."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from onerouter_common.contracts.base import Moment

_Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=320)]
"""A shorter one would be found by chance."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")

    since: Moment | None = None
    until: Moment | None = None
    after: _Id | None = None
    """`next_after` of the page before."""


class ReplayRequest(_Request):
    tenant_id: _Id | None = None
    provider: _Id | None = None
    connection_id: _Id | None = None
    states: Annotated[list[Literal["unhandled", "unparsed", "partial", "read"]], Field(min_length=1)] = [
        "unhandled",
        "unparsed",
        "partial",
    ]


class RedactRequest(_Request):
    tenant_id: _Id
    environment: Literal["test", "live"] | None = None
    mentioning: Annotated[list[_Text], Field(min_length=1, max_length=20)]
    """Addresses of a person, or ids of a resource: ours or the provider's. Whatever mentions one of them is redacted."""


class Progress(BaseModel):
    """Of one page. The next one begins at `next_after`; None: this was the last."""

    examined: int
    unopenable: int
    """Sealed with a key that is gone."""
    reached: Moment | None
    """Received until then, all that was asked for is dealt with."""
    next_after: str | None


class Replayed(Progress):
    read_again: int
    understood: int
    """Callbacks that told something new."""
    records: int
    """What they told, each handed to the worker."""


class Redacted(Progress):
    redacted: int
