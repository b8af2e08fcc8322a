"""What the gateway may ask of templates, and how one is shown."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

Channel = Literal["sms", "email"]

SOURCE_BYTES: Final = 256 * 1024
"""Of all parts of a template together."""

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Source = Annotated[str, Field(max_length=SOURCE_BYTES)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Parts(_Asked):
    """The sources, in Liquid. sms: `body`. email: `subject` with `html`, `text` or both."""

    subject: Source | None = None
    html: Source | None = None
    text: Source | None = None
    body: Source | None = None
    defaults: dict[str, JsonValue] | None = Field(None, max_length=200)
    """Of variables that need not be given."""


class CreateTemplate(Parts):
    """POST /internal/templates/{channel}: a draft; it is sent once it is published."""

    name: Name


class ChangeTemplate(Parts):
    """PATCH …/{id}: what is given changes the draft (made of the current version where there is none), or the name."""

    name: Name | None = None


class PublishTemplate(_Asked):
    """POST …/{id}/publish."""

    version: int | None = Field(None, ge=1, le=2_147_483_647)
    """An older one, to go back to it. Absent: the draft becomes the next version."""


class PreviewTemplate(_Asked):
    """POST …/{id}/preview: `{subject?, html?, text?, body?, segments?, version}`."""

    variables: dict[str, JsonValue] = Field({}, max_length=200)
    version: int | None = Field(None, ge=1, le=2_147_483_647)
    """Absent: the draft, or the current version where there is none."""


class ShownVersion(BaseModel):
    """Of a template view's `current`, and of `GET …/{id}/versions` (each also with `is_current`)."""

    version: int
    subject: str | None
    html: str | None
    text: str | None
    body: str | None
    defaults: dict[str, JsonValue]
    variables: dict[str, JsonValue]
    """A JSON schema of what is to be given, derived from use: `{type, properties, required}`."""
    created_at: str


class PublishedTemplate(BaseModel):
    """GET …/{id}/published(?version=): what a send with it needs; 404 where there is none, 409 while it is a draft."""

    id: str
    version: int
    variables: dict[str, JsonValue]
    """`required` names those without which it cannot be sent."""
