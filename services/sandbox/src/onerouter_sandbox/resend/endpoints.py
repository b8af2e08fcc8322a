"""Resend's API, one method a call: JSON in, JSON out."""

import uuid
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeVar
from urllib.parse import parse_qs

from onerouter_sandbox.resend import shapes
from onerouter_sandbox.resend.account import Account
from onerouter_sandbox.resend.emails import Emails
from onerouter_sandbox.resend.errors import Refused, invalid, missing, no_such
from onerouter_sandbox.resend.state import CallMade, Email, State, Template
from onerouter_sandbox.resend.validation import parsed
from onerouter_sandbox.shelf import Shelf
from onerouter_sandbox.wire import Reply, Request
from onerouter_sandbox.world import World

T = TypeVar("T", Email, CallMade)
Handler = Callable[[Account, Request, str], Reply]
_ID: Final = ":id"


class Route(NamedTuple):
    """`operation` is the name that faults are asked for by; `sends`: whether a key that may only send may call it."""

    operation: str
    handle: Handler
    sends: bool = False


class Endpoints:
    def __init__(self, state: State, world: World, emails: Emails) -> None:
        self._state = state
        self._world = world
        self._emails = emails
        self._routes: dict[tuple[str, ...], Route] = {
            ("POST", "emails"): Route("emails.send", self.send, sends=True),
            ("GET", "emails"): Route("emails.list", self.list_emails),
            ("GET", "emails", _ID): Route("emails.retrieve", self.get_email),
            ("PATCH", "emails", _ID): Route("emails.update", self.update_email),
            ("POST", "emails", _ID, "cancel"): Route("emails.cancel", self.cancel),
            ("GET", "domains"): Route("domains.list", self.list_domains),
            ("GET", "logs"): Route("logs.list", self.list_calls),
            ("GET", "logs", _ID): Route("logs.retrieve", self.get_call),
            ("POST", "templates"): Route("templates.create", self.create_template),
            ("GET", "templates", _ID): Route("templates.retrieve", self.get_template),
            ("POST", "templates", _ID, "publish"): Route("templates.publish", self.publish_template),
        }

    def find(self, method: str, parts: list[str]) -> tuple[Route, str]:
        """The route of a path, and the id in it ("" where there is none). Raises Refused."""
        shape = tuple(_ID if place == 1 else part for place, part in enumerate(parts))
        route = self._routes.get((method, *shape))
        if route is not None:
            return route, parts[1] if len(parts) > 1 else ""
        if any(known[1:] == shape for known in self._routes):
            raise Refused(405, "method_not_allowed", "This endpoint does not support the specified HTTP method.")
        raise no_such("The requested endpoint")

    def send(self, account: Account, request: Request, _id: str) -> Reply:
        return shapes.ok({"id": self._emails.send(account, parsed(request.body)).id})

    def list_emails(self, account: Account, request: Request, _id: str) -> Reply:
        found, more = self._page(account, request, self._state.emails)
        return shapes.ok(shapes.listing([shapes.in_list(each) for each in found], more=more))

    def get_email(self, account: Account, _request: Request, email_id: str) -> Reply:
        return shapes.ok(shapes.email(self._emails.owned(account, email_id)))

    def update_email(self, account: Account, request: Request, email_id: str) -> Reply:
        email = self._emails.reschedule(account, email_id, parsed(request.body))
        return shapes.ok({"object": "email", "id": email.id})

    def cancel(self, account: Account, _request: Request, email_id: str) -> Reply:
        return shapes.ok({"object": "email", "id": self._emails.cancel(account, email_id).id})

    def list_domains(self, account: Account, _request: Request, _id: str) -> Reply:
        shown = [shapes.domain(account, place) for place in range(len(account.domains))]
        return shapes.ok(shapes.listing(shown, more=False))

    def list_calls(self, account: Account, request: Request, _id: str) -> Reply:
        found, more = self._page(account, request, self._state.calls)
        return shapes.ok(shapes.listing([shapes.call_in_list(each) for each in found], more=more))

    def get_call(self, account: Account, _request: Request, call_id: str) -> Reply:
        call = self._state.calls.owned(account.account_id, call_id)
        if call is None:
            raise no_such("Log")
        return shapes.ok(shapes.call(call))

    def create_template(self, account: Account, request: Request, _id: str) -> Reply:
        given = parsed(request.body)
        for field in ("name", "html"):
            if not isinstance(given.get(field), str):
                raise missing(field)
        template = Template(
            id=str(uuid.uuid4()),
            account=account.account_id,
            created=self._world.clocks.of(account.account_id).now(),
            name=given["name"],
            html=given["html"],
            alias=given.get("alias"),
            subject=given.get("subject"),
            text=given.get("text"),
            sender=given.get("from"),
            variables=given.get("variables") or [],
        )
        self._state.templates.add(template)
        return shapes.ok({"object": "template", "id": template.id}, 201)

    def get_template(self, account: Account, _request: Request, template_id: str) -> Reply:
        return shapes.ok(shapes.template(self._template(account, template_id)))

    def publish_template(self, account: Account, _request: Request, template_id: str) -> Reply:
        template = self._template(account, template_id)
        template.published_at = self._world.clocks.of(account.account_id).now()
        self._state.templates.changed(template)
        return shapes.ok({"object": "template", "id": template.id})

    def _template(self, account: Account, template_id: str) -> Template:
        template = self._state.templates.owned(account.account_id, template_id)
        if template is None:
            raise no_such("Template")
        return template

    def _page(self, account: Account, request: Request, shelf: Shelf[T]) -> tuple[list[T], bool]:
        """Newest first, and whether there are more."""
        given = {name: values[-1] for name, values in parse_qs(request.query.decode("latin-1")).items()}
        limit = given.get("limit", "20")
        if not limit.isdigit() or not 1 <= int(limit) <= 100:
            raise invalid("The `limit` must be between 1 and 100.")
        if "before" in given:
            raise invalid("The sandbox pages by `after` only.")
        known_until = self._world.clocks.of(account.account_id).now() - account.list_lag_s
        try:
            newest: Iterator[T] = shelf.newest(account.account_id, after=given.get("after"))
        except KeyError as problem:
            raise invalid("The `after` cursor is not valid.") from problem
        found: list[T] = []
        for each in newest:
            if each.created > known_until:
                continue
            if len(found) == int(limit):
                return found, True
            found.append(each)
        return found, False
