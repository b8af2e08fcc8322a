"""Email as callers write and read it."""

from typing import Annotated, Any, Final, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from onerouter_common.recipients import HEADERS_MOST
from onerouter_gateway.edge.described import Described
from onerouter_gateway.messages.schemas import (
    MOST_RECIPIENTS,
    BatchShown,
    BulkItem,
    Engagement,
    MessageRequest,
    MessageShown,
    Sends,
)
from onerouter_gateway.payments.schemas import Listed

MOST_ADDRESSES: Final = 50
"""Of one email, `to`, `cc` and `bcc` together: what every provider takes."""
_ADDRESS_CHARACTERS: Final = 600
_ADDRESS_FORM: Final = (
    'must be an address such as "ada@example.com", "Ada <ada@example.com>" or {"email": …, "name": …}'
)


def _address(value: Any) -> Any:
    """A string, or `{email, name?}`; whether it is an address is looked at later."""
    if isinstance(value, str) and len(value) <= _ADDRESS_CHARACTERS:
        return value
    if isinstance(value, dict):
        email, name = value.get("email"), value.get("name")
        if isinstance(email, str) and len(email) <= _ADDRESS_CHARACTERS and (name is None or isinstance(name, str)):
            return {"email": email, "name": name}
    raise ValueError(_ADDRESS_FORM)


def _many(value: Any) -> Any:
    """One is a list of one. Bounded before each is looked at: a body has room for a hundred thousand."""
    if value is None:
        return []
    if isinstance(value, list) and len(value) > MOST_ADDRESSES:
        raise ValueError(f"must have at most {MOST_ADDRESSES} entries; a bulk send writes to more, each by itself")
    return value if isinstance(value, list) else [value]


def _few_headers(value: Any) -> Any:
    if isinstance(value, dict) and len(value) > HEADERS_MOST:
        raise ValueError(f"must have at most {HEADERS_MOST} entries")
    return value


_ADDRESS_SCHEMA: Final = {
    "anyOf": [
        {"type": "string", "maxLength": _ADDRESS_CHARACTERS, "examples": ["ada@example.com", "Ada <ada@example.com>"]},
        {
            "type": "object",
            "properties": {"email": {"type": "string"}, "name": {"type": "string"}},
            "required": ["email"],
        },
    ]
}
Address = Annotated[Any, BeforeValidator(_address), WithJsonSchema(_ADDRESS_SCHEMA)]
Addresses = Annotated[
    list[Address],
    BeforeValidator(_many),
    Field(max_length=MOST_ADDRESSES),
    WithJsonSchema(
        {
            "anyOf": [
                *_ADDRESS_SCHEMA["anyOf"],
                {"type": "array", "items": _ADDRESS_SCHEMA, "maxItems": MOST_ADDRESSES},
            ]
        }
    ),
]
"""One or many."""


class AttachmentIn(MessageRequest):
    """A file."""

    filename: Annotated[str, Field(min_length=1, max_length=200)]
    content: str = Field(description="Base64.", examples=["JVBERi0xLjcKJcOkw7zDtsOf"])
    content_type: Annotated[str, Field(max_length=127)] | None = Field(
        None,
        validation_alias=AliasChoices("content_type", "type"),
        description="Must be what the content is. Absent: by the name.",
        examples=["application/pdf"],
    )
    content_id: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[!-;=?-~]+$")] | None = Field(
        None, description="For what is shown inside the HTML, as `cid:…`."
    )


class _EmailContent(Sends):
    from_email: Address | None = Field(
        None,
        validation_alias=AliasChoices("from_email", "from"),
        description="Of a domain that is yours at the provider. Absent: the connection's own.",
    )
    from_name: Annotated[str, Field(max_length=200)] | None = None
    reply_to: Addresses = Field(default_factory=list)
    subject: Annotated[str, Field(max_length=2_000)] | None = None
    html_body: str | None = Field(
        None,
        validation_alias=AliasChoices("html_body", "html"),
        description="With `text_body` or without: then a text is made of it.",
    )
    text_body: str | None = Field(None, validation_alias=AliasChoices("text_body", "text"))
    provider_template: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None,
        description="In place of the text: the id or name of a template at `provider`, which has to be given. A `subject` "
        "may stand beside it at Mailgun and Resend.",
    )
    headers: Annotated[dict[str, str], BeforeValidator(_few_headers)] = Field(
        default_factory=dict,
        description="Further ones, such as `List-Unsubscribe` or `X-…`; not what has a field here.",
        examples=[{"List-Unsubscribe": "<https://example.com/leave?u=77>"}],
    )
    attachments: Annotated[list[AttachmentIn], Field(max_length=20)] = Field(
        default_factory=list, description="Up to 20; the whole request has at most 10 MiB."
    )


class EmailSend(_EmailContent):
    """One email; all recipients in `to` and `cc` see each other."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "to": "Ada <ada@example.com>",
                    "from_email": "Shop <orders@shop.example>",
                    "subject": "Your order 1042",
                    "html_body": "<p>It is on its way.</p>",
                    "tags": ["order"],
                    "metadata": {"order": "1042"},
                },
                {
                    "to": ["ada@example.com", {"email": "grace@example.com", "name": "Grace"}],
                    "template_id": "tpl_01k9zq3v7m8e5t2r4w6y8a0c1d",
                    "variables": {"order": 1042},
                    "attachments": [
                        {
                            "filename": "invoice.pdf",
                            "content": "JVBERi0xLjcKJcOkw7zDtsOf",
                            "content_type": "application/pdf",
                        }
                    ],
                },
            ]
        }
    )

    to: Annotated[Addresses, Field(min_length=1)]
    cc: Addresses = Field(default_factory=list)
    bcc: Addresses = Field(default_factory=list)


class EmailBulkItem(BulkItem):
    """One message of a bulk send."""

    to: Address


class EmailBulk(_EmailContent):
    """One email, or one template, to many; each is a message of its own, and one that is wrong stops no other."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "template_id": "tpl_01k9zq3v7m8e5t2r4w6y8a0c1d",
                    "recipients": [
                        {"to": "ada@example.com", "variables": {"name": "Ada"}},
                        {"to": "Grace <grace@example.com>", "variables": {"name": "Grace"}},
                    ],
                }
            ]
        }
    )

    recipients: Annotated[
        list[Annotated[Any, Described(EmailBulkItem)]], Field(min_length=1, max_length=MOST_RECIPIENTS)
    ] = Field(description="Each is a message of its own.")


class AddressShown(BaseModel):
    email: str
    name: str | None


class RecipientShown(BaseModel):
    """What became of it for one of the recipients."""

    email: str
    status: Literal[
        "scheduled", "queued", "sent", "deferred", "delivered", "bounced", "failed", "suppressed", "canceled"
    ]
    bounce_type: Literal["hard", "soft", "undetermined"] | None = None
    smtp_status: str | None = None
    reason: str | None = None
    message: str | None = None
    at: str


class AttachmentShown(BaseModel):
    filename: str
    content_type: str
    size_bytes: int


class Email(MessageShown):
    """An email as it stands."""

    id: str = Field(examples=["em_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    email_id: str = Field(description="The same as `id`.")
    object: Literal["email"]
    direction: Literal["outbound", "inbound"]
    status: Literal["scheduled", "queued", "sent", "deferred", "delivered", "bounced", "failed", "canceled"] = Field(
        description="Of several recipients: that of the least advanced, until all are final."
    )
    sender: AddressShown | None = Field(alias="from")
    to: list[AddressShown]
    cc: list[AddressShown]
    bcc: list[AddressShown]
    reply_to: list[AddressShown]
    subject: str | None
    html: str | None = Field(None, description="Only with `include=content`.")
    text: str | None = Field(None, description="Only with `include=content`.")
    recipients: list[RecipientShown]
    opened: Engagement | None
    clicked: Engagement | None
    complained: Engagement | None
    unsubscribed: Engagement | None
    attachments: list[AttachmentShown]


class EmailList(Listed):
    data: list[Email]


class EmailBatch(BatchShown):
    object: Literal["email_batch"]
