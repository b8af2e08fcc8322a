"""The inbox's page and the JSON behind it.

- `GET /inbox/api/accounts` → `{data: [{provider, channel, account}]}`: who has messages.
- `GET /inbox/api/messages?channel&provider&account&q&cursor&limit` → `{data, has_more, next_cursor}`: newest first,
  limit ≤ 100. With `If-None-Match` of the last answer: 304 while nothing changed.
- `GET /inbox/api/messages/{provider}/{id}` → one, with its content, events, callbacks and `actions`: requests to the
  control API that decide its fate (`path`, `body`).
- `GET /inbox/api/conversations/{provider}/{account}/{number}` → `{data}`: the SMS of one number, oldest first.
- `GET …/{id}/html`, `GET …/{id}/attachments/{place}`: by the addresses with tickets that the message gives.

All but the last need what the control API needs; the page itself holds no data and is anybody's.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from importlib.resources import files
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from onerouter_sandbox.inbox import documents, views
from onerouter_sandbox.inbox.documents import Tickets
from onerouter_sandbox.inbox.mailroom import Mailroom, Place, Wanted
from onerouter_sandbox.inbox.model import Channel, Email, Message
from onerouter_sandbox.world import World

_API: Final = "/inbox/api"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_KINDS: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_CONVERSATION: Final = 200


def router(mailroom: Mailroom, world: World, guard: Callable[[Request], None]) -> APIRouter:
    tickets = Tickets(world.clock)
    routes = APIRouter()
    routes.include_router(_page())
    routes.include_router(_documents(mailroom, tickets), prefix=_API)
    routes.include_router(_data(mailroom, tickets, world), prefix=_API, dependencies=[Depends(guard)])
    return routes


def _page() -> APIRouter:
    """Files of this package, read once; the browser asks each time whether they changed."""
    routes = APIRouter(include_in_schema=False)
    known = {each.name: each.read_bytes() for each in files("onerouter_sandbox.inbox").joinpath("static").iterdir()}

    def give(name: str, request: Request) -> Response:
        body = known.get(name)
        if body is None:
            raise HTTPException(404, "There is no such file.")
        headers = {
            "Content-Security-Policy": _POLICY,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return _unless_known(request, body, f"{_KINDS[name.rpartition('.')[2]]}; charset=utf-8", headers)

    @routes.get("/")
    async def front() -> RedirectResponse:
        return RedirectResponse("/inbox")

    @routes.get("/inbox")
    async def page(request: Request) -> Response:
        return give("index.html", request)

    @routes.get("/inbox/static/{name}")
    async def static(name: str, request: Request) -> Response:
        return give(name, request)

    return routes


def _data(mailroom: Mailroom, tickets: Tickets, world: World) -> APIRouter:
    routes = APIRouter(tags=["inbox"])

    @routes.get("/accounts")
    async def list_accounts(request: Request) -> Response:
        """Who has messages."""
        accounts = [
            {"provider": box.provider, "channel": box.channel, "account": account}
            for box in mailroom.boxes()
            for account in sorted(box.accounts)
        ]
        return _json(request, {"data": accounts})

    @routes.get("/messages")
    async def list_messages(
        request: Request,
        *,
        channel: Channel | None = None,
        provider: str | None = None,
        account: str | None = None,
        q: Annotated[str, Query(max_length=200)] = "",
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
    ) -> Response:
        """All that was taken, newest first; `q`: words that are in them."""
        wanted = Wanted(channel, provider, account, tuple(q.casefold().split()))
        found, end = mailroom.page(wanted, None if cursor is None else _place(cursor), limit)
        data = [views.summary(each) for each in found]
        return _json(request, {"data": data, "has_more": end is not None, "next_cursor": _cursor(end)})

    @routes.get("/messages/{provider}/{message_id}")
    async def get_message(provider: str, message_id: str, request: Request) -> Response:
        return _json(request, _shown(_known(mailroom, provider, message_id), tickets, world))

    @routes.get("/conversations/{provider}/{account}/{number}")
    async def get_conversation(provider: str, account: str, number: str, request: Request) -> Response:
        """The last SMS to and from a number, oldest first, each as `GET /messages/…` shows it."""
        messages = mailroom.conversation(provider, account, number, _CONVERSATION)
        return _json(request, {"data": [views.text(each, ()) for each in messages]})

    return routes


def _documents(mailroom: Mailroom, tickets: Tickets) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    def admitted(request: Request, until: int = 0, ticket: str = "") -> None:
        path = request.scope["raw_path"].decode("latin-1")
        if not tickets.is_good(path, until, ticket):
            raise HTTPException(403, "This address is not valid any more. Open the message again.")

    @routes.get("/messages/{provider}/{message_id}/html", dependencies=[Depends(admitted)])
    async def html(provider: str, message_id: str) -> Response:
        message = _known(mailroom, provider, message_id)
        shown = documents.rendered(message) if isinstance(message, Email) else None
        if shown is None:
            raise HTTPException(404, "It has no HTML.")
        return documents.frame(shown.html)

    @routes.get("/messages/{provider}/{message_id}/attachments/{place}", dependencies=[Depends(admitted)])
    async def attachment(provider: str, message_id: str, place: int) -> Response:
        message = _known(mailroom, provider, message_id)
        if not isinstance(message, Email) or not 0 <= place < len(message.attachments):
            raise HTTPException(404, "It has no such attachment.")
        file = message.attachments[place]
        body = documents.content(file)
        if body is None:
            raise HTTPException(404, "The provider does not have what is in it.")
        return documents.download(file.name, body)

    return routes


def _known(mailroom: Mailroom, provider: str, message_id: str) -> Message:
    message = mailroom.find(provider, message_id)
    if message is None:
        raise HTTPException(404, "There is no such message.")
    return message


def _shown(message: Message, tickets: Tickets, world: World) -> dict[str, Any]:
    callbacks = [
        each
        for each in world.callbacks.all()
        if (each.provider, each.account, each.group) == (message.provider, message.account, message.told_as)
    ]
    if isinstance(message, Email):
        path = f"{_API}/messages/{message.provider}/{quote(message.id, safe='')}"
        return views.email(message, path, tickets, callbacks)
    return views.text(message, callbacks)


def _json(request: Request, body: dict[str, Any]) -> Response:
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return _unless_known(request, raw, "application/json", {"X-Content-Type-Options": "nosniff"})


def _unless_known(request: Request, body: bytes, media_type: str, headers: dict[str, str]) -> Response:
    """304 when the browser has it already."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    headers = {**headers, "ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _cursor(place: Place | None) -> str | None:
    if place is None:
        return None
    return base64.urlsafe_b64encode(json.dumps([place.at, place.provider, place.id]).encode()).decode()


def _place(cursor: str) -> Place:
    try:
        at, provider, message_id = json.loads(base64.urlsafe_b64decode(cursor))
        return Place(float(at), str(provider), str(message_id))
    except (binascii.Error, ValueError, TypeError):
        raise HTTPException(422, "The cursor is not one of ours.") from None
