"""S3 and R2 put together: what `app.py` mounts."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from fastapi import APIRouter

from onerouter_sandbox.storage import control
from onerouter_sandbox.storage.access import Access
from onerouter_sandbox.storage.account import Account
from onerouter_sandbox.storage.asked import Asked, read
from onerouter_sandbox.storage.errors import Refused, content, not_implemented
from onerouter_sandbox.storage.flavour import R2, S3, Flavour
from onerouter_sandbox.storage.listing import list_objects
from onerouter_sandbox.storage.multipart import Multipart
from onerouter_sandbox.storage.objects import Objects
from onerouter_sandbox.storage.state import State
from onerouter_sandbox.wire import Call, Reply, Request
from onerouter_sandbox.world import World

_MAX_BODY_BYTES: Final = 64 * 1024**2
_WRITES: Final = frozenset(
    {
        "PutObject",
        "DeleteObject",
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
        "AbortMultipartUpload",
    }
)
_LISTS: Final = frozenset({"ListObjectsV2", "ListMultipartUploads", "HeadBucket"})
_OPERATIONS: Final[Mapping[tuple[str, frozenset[str]], str]] = {
    ("PUT", frozenset()): "PutObject",
    ("GET", frozenset()): "GetObject",
    ("HEAD", frozenset()): "HeadObject",
    ("DELETE", frozenset()): "DeleteObject",
    ("POST", frozenset({"uploads"})): "CreateMultipartUpload",
    ("PUT", frozenset({"uploadId", "partNumber"})): "UploadPart",
    ("POST", frozenset({"uploadId"})): "CompleteMultipartUpload",
    ("DELETE", frozenset({"uploadId"})): "AbortMultipartUpload",
    ("GET", frozenset({"uploadId"})): "ListParts",
}
"""Of an object, by method and what the query names of it."""
_OF_BUCKET: Final[Mapping[tuple[str, str], str]] = {
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", "uploads"): "ListMultipartUploads",
    ("HEAD", ""): "HeadBucket",
}
_QUALIFIERS: Final = frozenset(
    {"x-id", "prefix", "delimiter", "max-keys", "continuation-token", "start-after", "encoding-type", "fetch-owner"}
    | {"max-parts", "part-number-marker", "max-uploads", "key-marker", "upload-id-marker"}
    | {f"response-{name}" for name in ("content-type", "content-disposition", "content-encoding", "content-language")}
    | {"response-cache-control", "response-expires"}
)
"""What a query may have beside what tells the operation."""

Handler = Callable[[Account, Asked], Reply]


class Storage:
    """A `Provider`: S3's protocol under /<name>/v1, path style, and control routes."""

    max_body_bytes: Final = _MAX_BODY_BYTES

    def __init__(self, flavour: Flavour, world: World) -> None:
        self._flavour = flavour
        self.name = flavour.name
        self.wire_prefixes = (flavour.prefix,)
        self.says_continue = flavour.says_continue
        self.state = State(flavour.name, world.journal)
        # The account's own time: moved forward, it is a provider whose clock differs from ours, and addresses expire.
        self._access = Access(flavour, self.state, lambda account: world.clocks.of(account).now())
        objects = Objects(flavour, self.state, world)
        multipart = Multipart(flavour, self.state, objects, world)
        self._handlers: Mapping[str, Handler] = {
            "PutObject": objects.put,
            "GetObject": objects.get,
            "HeadObject": objects.get,
            "DeleteObject": objects.delete,
            "CreateMultipartUpload": multipart.create,
            "UploadPart": multipart.put_part,
            "CompleteMultipartUpload": multipart.complete,
            "AbortMultipartUpload": multipart.abort,
            "ListParts": multipart.list_parts,
            "ListMultipartUploads": multipart.list_uploads,
            "ListObjectsV2": lambda _account, asked: list_objects(self.state, asked),
            "HeadBucket": lambda _account, _asked: content(200, b"", "application/xml", {}),
        }

    def register(self, accounts: Iterable[Mapping[str, Any]]) -> None:
        for account in accounts:
            self.state.put_account(Account.model_validate(account))

    def has_account(self, account_id: str) -> bool:
        return account_id in self.state.accounts

    def resume(self) -> None:
        """Nothing waits here."""

    def control(self) -> APIRouter:
        return control.router(self.name, self.state)

    def pages(self) -> APIRouter:
        return APIRouter()

    def open(self, request: Request) -> Call | Reply:
        try:
            asked = read(request, self._flavour.prefix)
            account = self._access.authenticate(asked)
            operation = _operation(asked)
            self._access.check_bucket(account, asked.bucket)
            if operation in _WRITES:
                self._access.check_write(account)
            if operation in _LISTS:
                self._access.check_list(account)
        except Refused as refusal:
            return refusal.reply

        def run() -> Reply:
            try:
                return self._handlers[operation](account, asked)
            except Refused as refusal:
                return refusal.reply

        return Call(operation, account.access_key_id, run)

    def busy(self) -> Reply:
        return self.trouble(503)  # no two requests are ever twins: there is no key

    def trouble(self, status: int) -> Reply:
        if status == 429:
            return Refused(*self._flavour.throttled, "Please reduce your request rate.").reply
        return Refused(status, "InternalError", "We encountered an internal error. Please try again.").reply


def amazon(world: World) -> Storage:
    return Storage(S3, world)


def cloudflare(world: World) -> Storage:
    return Storage(R2, world)


def _operation(asked: Asked) -> str:
    """Raises Refused for what no operation of ours is."""
    told = frozenset(asked.query) - _QUALIFIERS
    of_bucket = _OF_BUCKET.get((asked.method, "&".join(sorted(told))))
    found = _OPERATIONS.get((asked.method, told)) if asked.key else of_bucket
    if found is None or not asked.bucket:
        raise not_implemented(f"{asked.method} {' '.join(sorted(told)) or '/'}")
    return found
