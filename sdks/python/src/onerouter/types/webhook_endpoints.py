"""Results: webhook endpoints.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object, OpenObject

__all__ = [
    "CreatedWebhookEndpoint",
    "DeletedWebhookEndpoint",
    "RotatedWebhookSecret",
    "SentWebhookTest",
    "WebhookAuth",
    "WebhookEndpoint",
]


class CreatedWebhookEndpoint(Object):
    """Created webhook endpoint."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    auth: WebhookAuth | None
    channels: list[str] | None
    created_at: str
    description: str | None
    disabled_reason: str | None
    environment: Literal["test", "live"] | str
    event_types: list[str] | None
    filter: OpenObject | None
    header_names: list[str]
    """Which `headers` are set; not to what."""
    id: str
    max_in_flight: int | None
    metadata: dict[str, str]
    note: str | None
    """Why there is no secret, where there is none."""
    object: Literal["webhook_endpoint"]
    ordering: Literal["none", "resource"] | str
    public_key: str | None
    """`whpk_…`: verifies `v1a` signatures (ed25519). Null, for old endpoints, until the next rotation."""
    rate_per_s: float | None
    retry_schedule_s: list[int] | None
    secret: str | None
    """`whsec_…`: verifies deliveries (Standard Webhooks). Shown only here, and to who repeats the request under
    its idempotency key; null in a repeat once it signs nothing any more.
    """
    status: Literal["enabled", "paused", "disabled"] | str
    timeout_s: float | None
    updated_at: str
    url: str


class DeletedWebhookEndpoint(Object):
    """Deleted webhook endpoint."""

    deleted: Literal[True]
    id: str
    object: Literal["webhook_endpoint"]


class RotatedWebhookSecret(Object):
    """Rotated webhook secret."""

    id: str
    live_secrets: int
    """How many sign now, at most 10."""
    note: str | None
    """Why there is no secret, where there is none."""
    object: Literal["webhook_endpoint"]
    old_expire_at: str
    """The others sign until then, or until they were to end anyway."""
    public_key: str
    """It stays."""
    secret: str | None
    """The new one, which signs at once. Shown only here, and to who repeats the request under its idempotency key;
    null in a repeat once it signs nothing any more.
    """


class SentWebhookTest(Object):
    """What is on its way."""

    delivery_id: str
    """`GET /v1/deliveries/{id}` says what became of it."""
    endpoint_id: str
    event_id: str
    object: Literal["webhook_test"]
    type: str


class WebhookAuth(Object):
    """`auth` without what is secret."""

    audience: str | None
    client_authentication: str | None
    client_id: str | None
    scope: str | None
    token_url: str | None
    type: Literal["basic", "bearer", "oauth2_client_credentials"] | str
    username: str | None


class WebhookEndpoint(Object):
    """Webhook endpoint."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    auth: WebhookAuth | None
    channels: list[str] | None
    created_at: str
    description: str | None
    disabled_reason: str | None
    environment: Literal["test", "live"] | str
    event_types: list[str] | None
    filter: OpenObject | None
    header_names: list[str]
    """Which `headers` are set; not to what."""
    id: str
    max_in_flight: int | None
    metadata: dict[str, str]
    object: Literal["webhook_endpoint"]
    ordering: Literal["none", "resource"] | str
    public_key: str | None
    """`whpk_…`: verifies `v1a` signatures (ed25519). Null, for old endpoints, until the next rotation."""
    rate_per_s: float | None
    retry_schedule_s: list[int] | None
    status: Literal["enabled", "paused", "disabled"] | str
    timeout_s: float | None
    updated_at: str
    url: str


CreatedWebhookEndpoint._nested = {"auth": WebhookAuth}
WebhookEndpoint._nested = {"auth": WebhookAuth}
