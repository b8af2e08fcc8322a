"""Parameters: webhook endpoints.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

__all__ = [
    "WebhookBasicAuth",
    "WebhookBearerAuth",
    "WebhookEndpointCreate",
    "WebhookEndpointUpdate",
    "WebhookOAuth2Auth",
    "WebhookSecretRotate",
    "WebhookTest",
]


class WebhookBasicAuth(TypedDict):
    """`Authorization: Basic …` (RFC 7617)."""

    password: str
    """Never shown again."""
    type: Literal["basic"]
    username: str


class WebhookBearerAuth(TypedDict):
    """`Authorization: Bearer …` (RFC 6750)."""

    token: str
    """Never shown again."""
    type: Literal["bearer"]


class _WebhookEndpointCreateRequired(TypedDict):
    url: str
    """An https address."""


class WebhookEndpointCreate(_WebhookEndpointCreateRequired, total=False):
    """Where events are to be delivered."""

    auth: WebhookBasicAuth | WebhookBearerAuth | WebhookOAuth2Auth | None
    """How deliveries are authorized, beyond their signature."""
    channels: Sequence[str] | None
    """Only events of resources whose `metadata` has one of these as its `channel`. Absent: any, or none."""
    description: str | None
    event_types: Sequence[str] | None
    """`payment.succeeded`, `payment.*` for all below a name, `*` for all. Absent: every event."""
    filter: Mapping[str, object] | None
    """Conditions on the event's body, all of which must hold. A name leads into an object, a plain value must be
    equal, and `$eq $ne $gt $gte $lt $lte $in $nin $startsWith $endsWith $exist $and $or $not` compare. At most
    50 conditions, 6 levels deep.
    """
    headers: Mapping[str, str] | None
    """Sent with each delivery. Their values are never shown again. Those that belong to the request, such as
    `host`, `content-*`, `cookie` and `webhook-*`, cannot be set.
    """
    max_in_flight: int | None
    """Requests at once from one of our senders. Absent: 10."""
    metadata: Mapping[str, str] | None
    ordering: Literal["none", "resource"] | None
    """`resource`: the next event of one resource is sent only when the one before was taken, or was given up at
    the end of its schedule; other resources do not wait for it. Absent: `none`.
    """
    rate_per_s: float | None
    """Most requests a second, of all our senders. Absent: no bound."""
    retry_schedule_s: Sequence[int] | None
    """Waits before attempt 2, 3, … in seconds, each spread by ± 20 %; at most 7 days in all. `[]`: only one
    attempt. Absent: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
    """
    timeout_s: float | None
    """Of one attempt. Absent: 15."""


class WebhookEndpointUpdate(TypedDict, total=False):
    """What is absent stays as it is; what is null goes back to what it is without."""

    auth: WebhookBasicAuth | WebhookBearerAuth | WebhookOAuth2Auth | None
    """How deliveries are authorized, beyond their signature."""
    channels: Sequence[str] | None
    """Only events of resources whose `metadata` has one of these as its `channel`. Absent: any, or none."""
    description: str | None
    event_types: Sequence[str] | None
    """`payment.succeeded`, `payment.*` for all below a name, `*` for all. Absent: every event."""
    filter: Mapping[str, object] | None
    """Conditions on the event's body, all of which must hold. A name leads into an object, a plain value must be
    equal, and `$eq $ne $gt $gte $lt $lte $in $nin $startsWith $endsWith $exist $and $or $not` compare. At most
    50 conditions, 6 levels deep.
    """
    headers: Mapping[str, str] | None
    """Sent with each delivery. Their values are never shown again. Those that belong to the request, such as
    `host`, `content-*`, `cookie` and `webhook-*`, cannot be set.
    """
    max_in_flight: int | None
    """Requests at once from one of our senders. Absent: 10."""
    metadata: Mapping[str, str] | None
    ordering: Literal["none", "resource"] | None
    """`resource`: the next event of one resource is sent only when the one before was taken, or was given up at
    the end of its schedule; other resources do not wait for it. Absent: `none`.
    """
    rate_per_s: float | None
    """Most requests a second, of all our senders. Absent: no bound."""
    retry_schedule_s: Sequence[int] | None
    """Waits before attempt 2, 3, … in seconds, each spread by ± 20 %; at most 7 days in all. `[]`: only one
    attempt. Absent: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
    """
    timeout_s: float | None
    """Of one attempt. Absent: 15."""
    url: str | None
    """An https address; not null."""


class _WebhookOAuth2AuthRequired(TypedDict):
    client_id: str
    client_secret: str
    """Never shown again."""
    token_url: str
    type: Literal["oauth2_client_credentials"]


class WebhookOAuth2Auth(_WebhookOAuth2AuthRequired, total=False):
    """A bearer token of your authorization server, by the client credentials grant (RFC 6749 §4.4). It is kept
    until shortly
    before it expires, and dropped when your endpoint answers 401.
    """

    audience: str | None
    """Asked for by some servers."""
    client_authentication: Literal["basic", "body"]
    """How the client's credentials are sent: in a header, or in the form."""
    scope: str | None


class WebhookSecretRotate(TypedDict, total=False):
    """Webhook secret rotate."""

    expire_old_after_s: int
    """For how many seconds the secrets so far sign beside the new one. 0: they end now."""


class WebhookTest(TypedDict, total=False):
    """Webhook test."""

    type: str | None
    """Of which event the example of `GET /v1/event-types` is sent. Absent: the first that the endpoint takes."""
