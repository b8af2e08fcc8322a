"""Webhook endpoints for the documentation; the webhooks service owns their rules."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from onerouter_common.contracts.base import Environment
from onerouter_gateway.payments.schemas import Page

_ID = "we_01k9zq3v7m8e5t2r4w6y8a0c1d"


class WebhookBasicAuth(BaseModel):
    """`Authorization: Basic …` (RFC 7617)."""

    type: Literal["basic"]
    username: str = Field(max_length=500, examples=["onerouter"])
    password: str = Field(max_length=500, description="Never shown again.", examples=["correct horse battery staple"])


class WebhookBearerAuth(BaseModel):
    """`Authorization: Bearer …` (RFC 6750)."""

    type: Literal["bearer"]
    token: str = Field(max_length=4_000, description="Never shown again.", examples=["eyJhbGciOiJub25lIn0"])


class WebhookOAuth2Auth(BaseModel):
    """A bearer token of your authorization server, by the client credentials grant (RFC 6749 §4.4). It is kept until shortly
    before it expires, and dropped when your endpoint answers 401."""

    type: Literal["oauth2_client_credentials"]
    token_url: str = Field(max_length=2_048, examples=["https://login.example.com/oauth2/token"])
    client_id: str = Field(max_length=500, examples=["onerouter"])
    client_secret: str = Field(max_length=1_000, description="Never shown again.", examples=["8f14e45fceea167a"])
    scope: str | None = Field(None, max_length=500, examples=["hooks.write"])
    audience: str | None = Field(None, max_length=500, description="Asked for by some servers.")
    client_authentication: Literal["basic", "body"] = Field(
        "basic", description="How the client's credentials are sent: in a header, or in the form."
    )


class _Wanted(BaseModel):
    event_types: list[str] | None = Field(
        None,
        max_length=100,
        description="`payment.succeeded`, `payment.*` for all below a name, `*` for all. Absent: every event.",
        examples=[["payment.*", "refund.succeeded"]],
    )
    channels: list[str] | None = Field(
        None,
        max_length=10,
        description="Only events of resources whose `metadata` has one of these as its `channel`. Absent: any, or none.",
        examples=[["shop/eu"]],
    )
    filter: dict[str, Any] | None = Field(
        None,
        description="Conditions on the event's body, all of which must hold. A name leads into an object, a plain value must "
        "be equal, and `$eq $ne $gt $gte $lt $lte $in $nin $startsWith $endsWith $exist $and $or $not` compare. At most 50 "
        "conditions, 6 levels deep.",
        examples=[{"data": {"amount": {"$gte": 1000}, "currency": {"$in": ["INR", "USD"]}}}],
    )
    description: str | None = Field(None, max_length=500, examples=["Orders"])
    metadata: dict[str, str] | None = Field(None, max_length=50, examples=[{"team": "shop"}])
    headers: dict[str, str] | None = Field(
        None,
        max_length=20,
        description="Sent with each delivery. Their values are never shown again. Those that belong to the request, such as "
        "`host`, `content-*`, `cookie` and `webhook-*`, cannot be set.",
        examples=[{"X-Api-Key": "k_9f2c"}],
    )
    auth: Annotated[
        WebhookBasicAuth | WebhookBearerAuth | WebhookOAuth2Auth | None,
        Field(
            description="How deliveries are authorized, beyond their signature.",
            examples=[{"type": "bearer", "token": "eyJhbGciOiJub25lIn0"}],
        ),
    ] = None
    timeout_s: float | None = Field(None, ge=1, le=30, description="Of one attempt. Absent: 15.", examples=[10])
    max_in_flight: int | None = Field(
        None, ge=1, le=100, description="Requests at once from one of our senders. Absent: 10.", examples=[4]
    )
    retry_schedule_s: list[int] | None = Field(
        None,
        max_length=20,
        description="Waits before attempt 2, 3, … in seconds, each spread by ± 20 %; at most 7 days in all. `[]`: only one "
        "attempt. Absent: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.",
        examples=[[5, 60, 600, 3600]],
    )
    rate_per_s: float | None = Field(
        None,
        ge=0.1,
        le=1_000,
        description="Most requests a second, of all our senders. Absent: no bound.",
        examples=[25],
    )
    ordering: Literal["none", "resource"] | None = Field(
        None,
        description="`resource`: the next event of one resource is sent only when the one before was taken, or was given up "
        "at the end of its schedule; other resources do not wait for it. Absent: `none`.",
        examples=["resource"],
    )


class WebhookEndpointCreate(_Wanted):
    """Where events are to be delivered."""

    url: str = Field(max_length=2048, description="An https address.", examples=["https://example.com/hooks/onerouter"])


class WebhookEndpointUpdate(_Wanted):
    """What is absent stays as it is; what is null goes back to what it is without."""

    url: str | None = Field(
        None, max_length=2048, description="An https address; not null.", examples=["https://example.com/hooks/new"]
    )


class WebhookEndpointSwitch(BaseModel):
    """Nothing need be said."""


class WebhookSecretRotate(BaseModel):
    expire_old_after_s: int = Field(
        86_400,
        ge=0,
        le=604_800,
        description="For how many seconds the secrets so far sign beside the new one. 0: they end now.",
        examples=[3600],
    )


class WebhookAuth(BaseModel):
    """`auth` without what is secret."""

    type: Literal["basic", "bearer", "oauth2_client_credentials"]
    username: str | None
    token_url: str | None
    client_id: str | None
    scope: str | None
    audience: str | None
    client_authentication: str | None


class WebhookEndpoint(BaseModel):
    id: str = Field(examples=[_ID])
    object: Literal["webhook_endpoint"]
    url: str = Field(examples=["https://example.com/hooks/onerouter"])
    event_types: list[str] | None = Field(examples=[["payment.*"]])
    channels: list[str] | None = Field(examples=[["shop/eu"]])
    filter: dict[str, Any] | None = Field(examples=[{"data": {"amount": {"$gte": 1000}}}])
    description: str | None = Field(examples=["Orders"])
    metadata: dict[str, str] = Field(examples=[{"team": "shop"}])
    header_names: list[str] = Field(description="Which `headers` are set; not to what.", examples=[["X-Api-Key"]])
    auth: WebhookAuth | None
    timeout_s: float | None = Field(examples=[10])
    max_in_flight: int | None = Field(examples=[4])
    retry_schedule_s: list[int] | None = Field(examples=[[5, 60, 600, 3600]])
    rate_per_s: float | None = Field(examples=[25])
    ordering: Literal["none", "resource"]
    public_key: str | None = Field(
        description="`whpk_…`: verifies `v1a` signatures (ed25519). Null, for old endpoints, until the next rotation.",
        examples=["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="],
    )
    status: Literal["enabled", "paused", "disabled"]
    disabled_reason: str | None
    environment: Environment
    created_at: str
    updated_at: str


class CreatedWebhookEndpoint(WebhookEndpoint):
    secret: str | None = Field(
        description="`whsec_…`: verifies deliveries (Standard Webhooks). Shown only here, and to who repeats the request "
        "under its idempotency key; null in a repeat once it signs nothing any more.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    note: str | None = Field(description="Why there is no secret, where there is none.", examples=[None])


class RotatedWebhookSecret(BaseModel):
    id: str = Field(examples=[_ID])
    object: Literal["webhook_endpoint"]
    secret: str | None = Field(
        description="The new one, which signs at once. Shown only here, and to who repeats the request under its idempotency "
        "key; null in a repeat once it signs nothing any more.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    note: str | None = Field(description="Why there is no secret, where there is none.", examples=[None])
    old_expire_at: str = Field(description="The others sign until then, or until they were to end anyway.")
    live_secrets: int = Field(description="How many sign now, at most 10.", examples=[2])
    public_key: str = Field(description="It stays.", examples=["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="])


class WebhookTest(BaseModel):
    type: str | None = Field(
        None,
        max_length=100,
        description="Of which event the example of `GET /v1/event-types` is sent. Absent: the first that the endpoint takes.",
        examples=["payment.succeeded"],
    )


class SentWebhookTest(BaseModel):
    """What is on its way."""

    object: Literal["webhook_test"]
    endpoint_id: str = Field(examples=[_ID])
    event_id: str = Field(examples=["evt_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    delivery_id: str = Field(description="`GET /v1/deliveries/{id}` says what became of it.")
    type: str = Field(examples=["payment.succeeded"])


class WebhookEndpointList(Page):
    data: list[WebhookEndpoint]


class DeletedWebhookEndpoint(BaseModel):
    id: str
    object: Literal["webhook_endpoint"]
    deleted: Literal[True]
