"""`/api/v1/api-keys`: the registry's `/api/api-keys` in older words, `trace_id` included."""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import InvalidRequest, NotFound, Unauthenticated
from onerouter_common.once.key import REPLAYED
from onerouter_gateway.authentication.authenticator import Caller
from onerouter_gateway.commands.answers import json_response
from onerouter_gateway.compatibility.offsets import page_of, sliced
from onerouter_gateway.compatibility.schemas import (
    LegacyApiKey,
    LegacyApiKeyChange,
    LegacyApiKeyCreate,
    LegacyApiKeyList,
    LegacyApiKeyMade,
)
from onerouter_gateway.edge.documentation import change_at_once, listing, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.json_body import read_object
from onerouter_gateway.edge.once import keyed
from onerouter_gateway.edge.pan import screened
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.management.endpoints import MOST_BODY_BYTES, management_of, to_response
from onerouter_gateway.management.registry import Forwarded
from onerouter_gateway.payments.endpoints import is_plain

ModelT = TypeVar("ModelT", bound=BaseModel)

_PATH: Final = "/api/api-keys"
_WHO: Final = frozenset({"authorization", "cookie"})
"""Beside an API key: what a person is known by, which the registry looks at."""
_MOST_COUNTED: Final = 1_000
_PAGE: Final = 100


@endpoint(keyed(change_at_once("Create an API key", LegacyApiKeyCreate, LegacyApiKeyMade, created=True)))
async def legacy_create_api_key(request: Request) -> Response:
    """As `POST /api/api-keys`; without `scopes` it may do what the key may that makes it, or everything where a person does.
    The answer holds the key, this once.
    """
    caller, wanted = await _read(request, LegacyApiKeyCreate)
    asked = wanted.model_dump(mode="json", exclude_unset=True)
    if asked.get("scopes") is None:
        asked["scopes"] = ["*"] if caller is None else sorted(caller.principal.scopes)
    return _told(await _ask(request, "POST", _PATH, asked), request)


@endpoint(listing("List API keys (offset)", LegacyApiKeyList, by_time=False, by_offset=True))
async def legacy_list_api_keys(request: Request) -> Response:
    """Newest first, those that have ended included; counted to 1,000."""
    await management_of(request).admit(request)
    limit, offset = page_of(request.query_params)
    keys: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while len(keys) < _MOST_COUNTED:
        answer = await _ask(request, "GET", _PATH, query={"limit": str(_PAGE), **cursor})
        if answer.status != 200:
            return to_response(answer, request)
        page = orjson.loads(answer.body)
        keys += page["data"]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    return json_response({**sliced("keys", keys, limit, offset), "trace_id": request.state.trace_id})


@endpoint(query("Get an API key", LegacyApiKey))
async def legacy_get_api_key(request: Request) -> Response:
    """Without the key itself, which nobody has any more."""
    await management_of(request).admit(request)
    return _told(await _ask(request, "GET", _key_path(request)), request)


@endpoint(keyed(change_at_once("Rename, rotate or revoke an API key", LegacyApiKeyChange, LegacyApiKeyMade)))
async def legacy_change_api_key(request: Request) -> Response:
    """`name` renames it, `action` `revoke` ends it for good, `rotate` answers a new key (this once) that replaces it; the old
    one works for another `overlap_s` seconds. With a name and an action: both, the name first. A key is of
    rotating: the rest is the same sent twice.
    """
    _, wanted = await _read(request, LegacyApiKeyChange)
    path = _key_path(request)
    if wanted.action is None and wanted.name is None:
        raise InvalidRequest.of("action", "must be 'revoke' or 'rotate' where no name is given")
    if wanted.name is not None:
        renamed = await _ask(request, "PATCH", path, {"name": wanted.name})
        if wanted.action is None or renamed.status != 200:
            return _told(renamed, request)
    if wanted.action == "revoke":
        return _told(await _ask(request, "DELETE", path), request)
    overlap = {} if wanted.overlap_s is None else {"overlap_s": wanted.overlap_s}
    return _told(await _ask(request, "POST", f"{path}/rotate", overlap), request, status=200)


@endpoint(query("Revoke an API key", LegacyApiKey))
async def legacy_delete_api_key(request: Request) -> Response:
    """It ends for good; doing it again changes nothing."""
    await management_of(request).admit(request)
    return _told(await _ask(request, "DELETE", _key_path(request)), request)


async def _read(request: Request, model: type[ModelT]) -> tuple[Caller | None, ModelT]:
    """Raises what is wrong with who asks, or with the body."""
    caller, sent = await management_of(request).admit(request)
    if caller is None and _WHO.isdisjoint(request.headers):
        raise Unauthenticated("Sign in, or send an API key as 'Authorization: Bearer unf_…' or in X-API-Key.")
    body = await read_object(sent, request.headers, max_bytes=MOST_BODY_BYTES, check=screened)
    return caller, validate(model, body)


async def _ask(
    request: Request,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    query: Mapping[str, str] | None = None,
) -> Forwarded:
    # Not by orjson, which refuses integers beyond 64 bits: the registry does, and names the field.
    sent = b"" if body is None else json.dumps(body).encode()
    return await management_of(request).ask(request, method, path, urlencode(query or {}), sent)


def _key_path(request: Request) -> str:
    """Raises NotFound."""
    key_id: str = request.path_params["key_id"]
    if not is_plain(key_id):
        raise NotFound("There is no such API key.")
    return f"{_PATH}/{key_id}"


def _told(answer: Forwarded, request: Request, *, status: int | None = None) -> Response:
    """A success with our trace id; a problem as it is."""
    if not 200 <= answer.status < 300:
        return to_response(answer, request)
    body = {**orjson.loads(answer.body), "trace_id": request.state.trace_id}
    told = {name: value for name, value in answer.headers if name == REPLAYED.lower()}
    return json_response(body, status=status or answer.status, headers=told)
