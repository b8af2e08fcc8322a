"""Which object a request is about: the bucket and the key of its path, and who keeps it."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes, urlencode

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts.storage import object_id
from onerouter_common.errors import InvalidRequest, NotFound, Overloaded, ProviderDisabled
from onerouter_common.ids import CONNECTION, is_id
from onerouter_common.object_keys import KEY_BYTES, checked_key, is_bucket
from onerouter_gateway.admission import Reading, Writing
from onerouter_gateway.commands.intent import Intent
from onerouter_gateway.gateway import Gateway, gateway_of
from onerouter_gateway.payments.endpoints import check_known
from onerouter_gateway.upstream import Answer

CATEGORY: Final = "storage"
READ: Final = "storage:read"
WRITE: Final = "storage:write"
NOT_CONNECTED: Final = "BUCKET_NOT_CONNECTED"

_OBJECTS: Final = b"objects"


@dataclass(frozen=True, slots=True)
class Target:
    """What the request says, checked."""

    bucket: str
    provider: str | None = None
    connection_id: str | None = None

    @property
    def canonical(self) -> dict[str, str]:
        """In a fingerprint, beside the bucket, which is in the route: whose it is, where there are several."""
        said = {"provider": self.provider, "connection_id": self.connection_id}
        return {name: value for name, value in said.items() if value is not None}

    @property
    def internal(self) -> str:
        """The storage service's path."""
        return f"/internal/buckets/{quote(self.bucket, safe='')}"

    def query(self, **more: str) -> str:
        """Its query: what is asked, and whose bucket is meant where there are several."""
        return urlencode({**more, **self.canonical})


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket as it is connected."""

    bucket: str
    provider: str
    connection_id: str
    key_bytes: int = KEY_BYTES
    """Of a key in UTF-8: what the connection's prefix leaves."""

    def check(self, key: str) -> None:
        """Of an object that is to be made. Raises InvalidRequest."""
        if len(key.encode()) > self.key_bytes:
            raise InvalidRequest.of(
                "key", f"must have at most {self.key_bytes} bytes in UTF-8: the connection's prefix has the others"
            )

    def object_id(self, key: str) -> str:
        return object_id(self.connection_id, key)


def target_of(
    request: Request, bucket: str | None = None, *, provider: str | None = None, connection_id: str | None = None
) -> Target:
    """Of the path and its query, where a body has not said it. Raises NotFound or InvalidRequest."""
    given = request.query_params
    return checked_target(
        gateway_of(request),
        bucket if bucket is not None else request.path_params["bucket"],
        provider if provider is not None else given.get("provider"),
        connection_id if connection_id is not None else given.get("connection_id"),
    )


def checked_target(gateway: Gateway, bucket: str, provider: str | None, connection_id: str | None) -> Target:
    """Raises NotFound for what can be no bucket's name, InvalidRequest for what is no provider or connection."""
    if not is_bucket(bucket):
        raise not_connected(bucket)
    if provider is not None:
        check_known(gateway, provider, category=CATEGORY)
    if connection_id is not None and not is_id(CONNECTION, connection_id):
        raise InvalidRequest.of("connection_id", "must be the id of a connection, con_…")
    return Target(bucket, provider, connection_id)


def key_of(request: Request) -> str:
    """The rest of the path, as it was sent: what a server makes of bytes that are no text is not what was meant.

    Raises InvalidRequest; NotFound for a path that its router has read otherwise than it was written.
    """
    raw: bytes = request.scope.get("raw_path") or quote(request.url.path).encode()
    # /v1/storage/{bucket}/objects/{key}, by its segments: a bucket may be called objects, a key may have /objects/ in it.
    segments = raw.partition(b"?")[0].split(b"/", 5)
    bucket: str = request.path_params["bucket"]
    if [unquote_to_bytes(one) for one in segments[3:5]] != [bucket.encode(), _OBJECTS] or len(segments) < 6:
        raise not_connected(bucket)
    try:
        key = unquote_to_bytes(segments[5]).decode()
    except UnicodeDecodeError:
        raise InvalidRequest.of("key", "must be percent-encoded UTF-8") from None
    return checked_key("key", key)


async def find_place(gateway: Gateway, who: Reading | Writing, target: Target, *, writing: bool = False) -> Place:
    """The connection that has the bucket. `writing`: it must take new objects.

    Raises NotFound (BUCKET_NOT_CONNECTED), ProviderDisabled, Overloaded.
    """
    query = target.query(writing="true") if writing else target.query()
    answer = await gateway.storage.request(
        "GET",
        target.internal,
        tenant_id=who.principal.tenant_id,
        environment=who.environment,
        query=query,
        of_provider=True,
    )
    if not answer.is_success:
        raise _refusal(answer, target.bucket)
    found: dict[str, Any] = answer.json()
    return Place(target.bucket, found["provider"], found["connection_id"], found.get("key_bytes", KEY_BYTES))


async def place_or_earlier(
    request: Request, asked: Writing, target: Target, intent: Intent, *, writing: bool = False
) -> Place | Response:
    """The same; where there is none (any more), what an earlier request of the same key got. Raises as `find_place`."""
    gateway = gateway_of(request)
    try:
        return await find_place(gateway, asked, target, writing=writing)
    except (NotFound, ProviderDisabled):  # it may have been disconnected, disabled or switched off since
        earlier = await gateway.commands.repeated(intent, asked.asked, request)
        if earlier is None:
            raise
        return earlier


def not_connected(bucket: str, detail: str | None = None) -> NotFound:
    return NotFound(
        detail
        or f"No connection of this environment has a bucket of the name {bucket[:63]}. Connect it with "
        "POST /api/services/storage/{provider}/connect, or look at GET /v1/services for those you have.",
        code=NOT_CONNECTED,
    )


def _refusal(answer: Answer, bucket: str) -> NotFound | ProviderDisabled | Overloaded:
    try:
        said = answer.json()
    except ValueError:
        said = {}
    detail = said.get("detail") if isinstance(said, dict) else None
    if isinstance(detail, str) and said.get("code") == ProviderDisabled.code:
        return ProviderDisabled(detail)
    if answer.status == 404:
        return not_connected(bucket, detail if isinstance(detail, str) else None)
    return Overloaded("The bucket could not be looked up right now; nothing was done. Try again.", retry_after_s=2)
