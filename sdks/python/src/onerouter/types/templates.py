"""Results: templates.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object, OpenObject

__all__ = [
    "Template",
    "TemplateDeleted",
    "TemplateDraft",
    "TemplateRendered",
    "TemplateVersion",
    "TemplateVersionListed",
]


class Template(Object):
    """Template."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    channel: Literal["sms", "email"] | str
    created: int
    """Unix seconds."""
    created_at: str
    current: TemplateVersion | None
    """What is sent. Null: it was never published."""
    draft: TemplateDraft | None
    """What publishing makes the next version."""
    id: str
    name: str
    object: Literal["template"]
    updated_at: str
    versions: int
    """How many were published."""


class TemplateDeleted(Object):
    """Template deleted."""

    deleted: Literal[True]
    id: str
    object: Literal["template"]


class TemplateDraft(Object):
    """Template draft."""

    body: str | None
    defaults: OpenObject
    html: str | None
    subject: str | None
    text: str | None
    variables: OpenObject


class TemplateRendered(Object):
    """What would be sent."""

    body: str | None
    encoding: Literal["GSM-7", "UCS-2"] | str | None
    """Of SMS."""
    html: str | None
    segments: int | None
    """Of SMS."""
    subject: str | None
    text: str | None
    version: int | None


class TemplateVersion(Object):
    """Template version."""

    body: str | None
    created_at: str
    defaults: OpenObject
    html: str | None
    subject: str | None
    text: str | None
    variables: OpenObject
    """A JSON schema of what has to be given, derived from use."""
    version: int


class TemplateVersionListed(Object):
    """Template version listed."""

    body: str | None
    created_at: str
    defaults: OpenObject
    html: str | None
    is_current: bool
    subject: str | None
    text: str | None
    variables: OpenObject
    """A JSON schema of what has to be given, derived from use."""
    version: int


Template._nested = {"current": TemplateVersion, "draft": TemplateDraft}
