"""Templates as values: what is written, which versions there are. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_common.errors import Conflict, InvalidRequest
from onerouter_messaging.template.characters import all_sendable, sendable
from onerouter_messaging.template.schemas import SOURCE_BYTES, Channel

PARTS: Final[Mapping[str, tuple[str, ...]]] = {"sms": ("body",), "email": ("subject", "html", "text")}
_DEFAULTS_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Written:
    """What a version says, immutable once published."""

    parts: Mapping[str, str]
    """`body`, or `subject` with `html`, `text` or both."""
    defaults: Mapping[str, JsonValue] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    """The schema derived from the parts."""

    def to_json(self) -> dict[str, Any]:
        return {"parts": dict(self.parts), "defaults": dict(self.defaults), "variables": dict(self.variables)}

    def view(self) -> dict[str, JsonValue]:
        shown = {part: self.parts.get(part) for parts in PARTS.values() for part in parts}
        return {**shown, "defaults": dict(self.defaults), "variables": dict(self.variables)}


@dataclass(frozen=True, slots=True)
class Version:
    version: int
    content: Written
    created_at: datetime

    def view(self) -> dict[str, JsonValue]:
        return {"version": self.version, **self.content.view(), "created_at": isoformat(self.created_at)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    id: str
    channel: Channel
    name: str
    created_at: datetime
    updated_at: datetime
    draft: Written | None = None
    current: Version | None = None
    last_version: int = 0

    def renamed(self, name: str | None) -> "Template":
        return self if name is None else replace(self, name=name)

    def published(self, at: datetime) -> "Template":
        """The draft is the next version, and the current one. Raises Conflict."""
        if self.draft is None:
            raise Conflict("There is no draft to publish: change the template first, or name a version to go back to.")
        version = Version(self.last_version + 1, self.draft, at)
        return replace(self, draft=None, current=version, last_version=version.version, updated_at=at)

    def view(self) -> dict[str, JsonValue]:
        return {
            "id": self.id,
            "object": "template",
            "channel": self.channel,
            "name": self.name,
            "current": None if self.current is None else self.current.view(),
            "draft": None if self.draft is None else self.draft.view(),
            "versions": self.last_version,
            "created_at": isoformat(self.created_at),
            "created": int(self.created_at.timestamp()),
            "updated_at": isoformat(self.updated_at),
        }


def changed(
    channel: Channel, before: Written | None, given: Mapping[str, str | None], defaults: Mapping[str, JsonValue] | None
) -> Written:
    """What is written with what is given; an empty part is taken away. Raises InvalidRequest. Its schema is not known yet."""
    parts = dict(before.parts) if before is not None else {}
    for name, source in given.items():
        if name not in PARTS[channel]:
            raise InvalidRequest.of(name, f"is no part of a template for {channel}")
        if source:
            parts[name] = source
        else:
            parts.pop(name, None)
    _check(channel, parts)
    kept = before.defaults if before is not None and defaults is None else (defaults or {})
    if len(str(kept).encode("utf-8", "replace")) > _DEFAULTS_BYTES:
        raise InvalidRequest.of("defaults", f"must have at most {_DEFAULTS_BYTES} bytes")
    all_sendable("defaults", kept)
    return Written(parts, kept)


def _check(channel: Channel, parts: Mapping[str, str]) -> None:
    if channel == "sms" and "body" not in parts:
        raise InvalidRequest.of("body", "is required")
    if channel == "email" and "subject" not in parts:
        raise InvalidRequest.of("subject", "is required")
    if channel == "email" and not {"html", "text"} & parts.keys():
        raise InvalidRequest.of("html", "or text is required")
    for name, source in parts.items():
        sendable(name, source)
    if sum(len(source.encode()) for source in parts.values()) > SOURCE_BYTES:
        raise InvalidRequest.of(
            next(iter(parts)), f"and the other parts must have at most {SOURCE_BYTES} bytes together"
        )
