"""Templates as callers write and read them."""

from typing import Annotated, Any, Final, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue

from onerouter_common.contracts.base import Environment
from onerouter_gateway.messages.schemas import MessageRequest, Variables
from onerouter_gateway.payments.schemas import Listed

_MOST: Final = 256 * 1024

Source = Annotated[str, Field(max_length=_MOST)]
_EMAIL: Final[dict[str, JsonValue]] = {
    "name": "Order shipped",
    "subject": "Order {{ order }} is on its way",
    "html": "<p>Hello {{ name | default: 'there' }}, order {{ order }} was sent today.</p>",
    "defaults": {"name": "there"},
}
_SMS: Final[dict[str, JsonValue]] = {
    "name": "Sign-in code",
    "body": "{{ code }} is your code for {{ shop }}.",
    "defaults": {"shop": "the shop"},
}


class TemplateParts(MessageRequest):
    """The texts, in Liquid. Of SMS: `body`; of email: `subject` with `html`, `text` or both."""

    subject: Source | None = None
    html: Source | None = Field(None, validation_alias=AliasChoices("html", "html_body"))
    text: Source | None = Field(None, validation_alias=AliasChoices("text", "text_body"))
    body: Source | None = None
    defaults: Variables | None = Field(None, description="Values of variables that need not be given.")


class TemplateCreate(TemplateParts):
    """A draft; it is sent once it is published."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EMAIL, _SMS]})

    name: Annotated[str, Field(min_length=1, max_length=100)]
    environment: Environment | None = Field(None, description="A live key may ask for `test`; never the other way.")


class TemplateUpdate(TemplateParts):
    """What is given changes the draft, or the name; what is published stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"subject": "Order {{ order }} was sent"}]})

    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class TemplatePublish(MessageRequest):
    """Without a version: the draft becomes the next one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"version": 3}]})

    version: int | None = Field(None, ge=1, le=1_000_000, description="An earlier one, to go back to it.")


class TemplatePreview(MessageRequest):
    model_config = ConfigDict(json_schema_extra={"examples": [{"variables": {"order": 1042, "name": "Ada"}}]})

    variables: Variables = Field(default_factory=dict)
    version: int | None = Field(None, ge=1, le=1_000_000, description="Absent: the draft, else what is published.")


class TemplateVersion(BaseModel):
    version: int
    subject: str | None
    html: str | None
    text: str | None
    body: str | None
    defaults: dict[str, Any]
    variables: dict[str, Any] = Field(description="A JSON schema of what has to be given, derived from use.")
    created_at: str


class TemplateVersionListed(TemplateVersion):
    is_current: bool


class TemplateDraft(BaseModel):
    subject: str | None
    html: str | None
    text: str | None
    body: str | None
    defaults: dict[str, Any]
    variables: dict[str, Any]


class Template(BaseModel):
    id: str = Field(examples=["tpl_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    object: Literal["template"]
    channel: Literal["sms", "email"]
    name: str
    current: TemplateVersion | None = Field(description="What is sent. Null: it was never published.")
    draft: TemplateDraft | None = Field(description="What publishing makes the next version.")
    versions: int = Field(description="How many were published.")
    created_at: str
    created: int = Field(description="Unix seconds.")
    updated_at: str


class TemplateDeleted(BaseModel):
    id: str
    object: Literal["template"]
    deleted: Literal[True]


class TemplateList(Listed):
    data: list[Template]


class TemplateVersionList(Listed):
    data: list[TemplateVersionListed]


class TemplateRendered(BaseModel):
    """What would be sent."""

    subject: str | None = None
    html: str | None = None
    text: str | None = None
    body: str | None = None
    segments: int | None = Field(None, description="Of SMS.")
    encoding: Literal["GSM-7", "UCS-2"] | None = Field(None, description="Of SMS.")
    version: int | None
