"""Which events an endpoint asked for: by type, by channel, by what is in them."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from onerouter_webhooks.event.filter import passes

EVERYTHING: Final = "*"
_TYPE: Final = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)*(\.\*)?")
_CHANNEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")


class Interest(Protocol):
    """An endpoint, as far as it says which events it takes."""

    @property
    def event_types(self) -> Sequence[str] | None: ...
    @property
    def channels(self) -> Sequence[str] | None: ...
    @property
    def filter(self) -> Mapping[str, Any] | None: ...


def takes(interest: Interest, event_type: str, channel: str | None, body_of: Callable[[], Mapping[str, Any]]) -> bool:
    """Whether it gets this event. The body is asked for only if there is a filter; one whose data is only a reference is let
    through, for what the filter asks about may be in what was left out."""
    if not matches(interest.event_types, event_type) or not is_in(interest.channels, channel):
        return False
    return interest.filter is None or is_reference(body := body_of()) or passes(interest.filter, body)


def takes_as_kept(interest: Interest, event_type: str, body_of: Callable[[], Mapping[str, Any]]) -> bool:
    """The same for an event of which only the body is at hand. Of one whose data is only a reference the channel is not known
    any more: its type decides."""
    if not matches(interest.event_types, event_type):
        return False
    if interest.channels is None and interest.filter is None:
        return True
    body = body_of()
    return is_reference(body) or takes(interest, event_type, channel_of(body["data"]), lambda: body)


def is_reference(body: Mapping[str, Any]) -> bool:
    """Whether the event's data was too large to be in it."""
    data = body.get("data")
    return isinstance(data, Mapping) and data.get("truncated") is True


def is_pattern(pattern: str) -> bool:
    """An exact type (`payment.succeeded`), all below a name (`payment.*`) or all there is (`*`)."""
    return pattern == EVERYTHING or (len(pattern) <= 100 and _TYPE.fullmatch(pattern) is not None)


def matches(patterns: Sequence[str] | None, event_type: str) -> bool:
    """Whether an endpoint with these patterns gets events of this type; without patterns it gets all."""
    if patterns is None:
        return True
    return any(
        pattern in (event_type, EVERYTHING) or (pattern.endswith(".*") and event_type.startswith(pattern[:-1]))
        for pattern in patterns
    )


def is_channel(name: str) -> bool:
    """1 to 128 letters, digits, `.`, `_`, `:`, `/`, `-`."""
    return _CHANNEL.fullmatch(name) is not None


def channel_of(data: Mapping[str, Any]) -> str | None:
    """The channel of an event: what its resource's metadata calls `channel`, if that is one."""
    metadata = data.get("metadata")
    channel = metadata.get("channel") if isinstance(metadata, Mapping) else None
    return channel if isinstance(channel, str) and is_channel(channel) else None


def is_in(channels: Sequence[str] | None, channel: str | None) -> bool:
    """Whether an endpoint of these channels gets what is in this one; one without channels gets what is in any or none."""
    return channels is None or channel in channels
