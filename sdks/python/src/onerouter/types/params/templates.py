"""Parameters: templates.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

__all__ = ["TemplateCreate", "TemplatePreview", "TemplatePublish", "TemplateUpdate"]


class _TemplateCreateRequired(TypedDict):
    name: str


class TemplateCreate(_TemplateCreateRequired, total=False):
    """A draft; it is sent once it is published."""

    body: str | None
    defaults: Mapping[str, object] | None
    """Values of variables that need not be given."""
    html: str | None
    subject: str | None
    text: str | None


class TemplatePreview(TypedDict, total=False):
    """Template preview."""

    variables: Mapping[str, object]
    version: int | None
    """Absent: the draft, else what is published."""


class TemplatePublish(TypedDict, total=False):
    """Without a version: the draft becomes the next one."""

    version: int | None
    """An earlier one, to go back to it."""


class TemplateUpdate(TypedDict, total=False):
    """What is given changes the draft, or the name; what is published stays as it is."""

    body: str | None
    defaults: Mapping[str, object] | None
    """Values of variables that need not be given."""
    html: str | None
    name: str | None
    subject: str | None
    text: str | None
