"""Mailgun's API: path → handler, domain in hand, JSON out."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, cast

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.mailgun import forms
from onerouter_sandbox.mailgun.account import Account
from onerouter_sandbox.mailgun.delivery import Delivery
from onerouter_sandbox.mailgun.errors import Refused, not_found
from onerouter_sandbox.mailgun.events import Search
from onerouter_sandbox.mailgun.model import Suppressed, Suppression, Template
from onerouter_sandbox.mailgun.sending import Sending
from onerouter_sandbox.mailgun.state import State
from onerouter_sandbox.wire import Reply, Request
from onerouter_sandbox.world import World

Handler = Callable[[Account, Request, str], Reply]
"""The last is what stands behind the resource in the path: an id, or nothing."""
LISTS: Final = ("bounces", "unsubscribes", "complaints")


class Route(NamedTuple):
    """`operation` is the name that faults are asked for by; `sends`: a domain's sending key is enough."""

    operation: str
    handle: Handler
    sends: bool = False


class Endpoints:
    """By method and what is behind the domain: `POST /v3/{domain}/messages` is ("POST", "messages")."""

    def __init__(self, state: State, world: World, sending: Sending, delivery: Delivery) -> None:
        self._state = state
        self._world = world
        self._sending = sending
        self._delivery = delivery
        self._search = Search(state)

    def routes(self) -> Mapping[tuple[str, str], Route]:
        lists: dict[tuple[str, str], Route] = {}
        for kind in LISTS:
            lists["GET", kind] = Route(f"{kind}.get", self._get_suppressed(kind))
            lists["DELETE", kind] = Route(f"{kind}.delete", self._delete_suppressed(kind))
        return {
            ("POST", "messages"): Route("messages.send", self.send, sends=True),
            ("GET", "events"): Route("events.list", self.events),
            ("GET", "domain"): Route("domains.get", self.domain),
            ("POST", "templates"): Route("templates.create", self.create_template),
            ("GET", "templates"): Route("templates.get", self.get_template),
            **lists,
        }

    def send(self, account: Account, request: Request, _rest: str) -> Reply:
        mail = self._sending.accept(account, forms.read(request))
        self._delivery.take(mail)
        return ok({"id": f"<{mail.message_id}>", "message": "Queued. Thank you."})

    def events(self, account: Account, request: Request, page: str) -> Reply:
        now = self._world.clocks.of(account.domain).now()
        return ok(self._search.page(account, request.query, page or None, now, _base(request)))

    def domain(self, account: Account, _request: Request, _rest: str) -> Reply:
        domain = {
            "id": "sandbox",
            "name": account.domain,
            "state": account.state,
            "type": "sandbox" if account.authorized_recipients is not None else "custom",
            "created_at": "Sat, 21 Nov 2026 00:00:00 UTC",
            "is_disabled": account.state == "disabled",
            "require_tls": False,
            "skip_verification": False,
            "smtp_login": f"postmaster@{account.domain}",
            "spam_action": "disabled",
            "use_automatic_sender_security": False,
            "web_prefix": "email",
            "web_scheme": "https",
            "wildcard": False,
            "encrypt_incoming_message": False,
            "message_ttl": 259_200,
        }
        return ok({"domain": domain, "receiving_dns_records": [], "sending_dns_records": []})

    def create_template(self, account: Account, request: Request, _rest: str) -> Reply:
        form = forms.read(request)
        name = form.get("name")
        if name is None:
            raise Refused(400, "Missing mandatory parameter: name")
        if (account.domain, name) in self._state.templates:
            raise Refused(400, f"template '{name}' already exists")
        headers = json.loads(form.get("headers") or "{}")
        template = Template(
            id=random_id("tpl_"),
            account=account.domain,
            name=name,
            html=form.get("template") or "",
            subject=headers.get("Subject"),
            created_at=self._world.clocks.of(account.domain).now(),
        )
        self._state.put_template(template)
        return ok({"message": "template has been stored", "template": _template(template)})

    def get_template(self, account: Account, _request: Request, name: str) -> Reply:
        if not name:
            owned = [each for (domain, _), each in self._state.templates.items() if domain == account.domain]
            return ok({"items": [_template(each) for each in owned], "paging": {}})
        template = self._state.templates.get((account.domain, name))
        if template is None:
            raise not_found("template")
        return ok({"template": _template(template)})

    def _get_suppressed(self, kind: str) -> Handler:
        def handle(account: Account, _request: Request, address: str) -> Reply:
            if address:
                return ok(_suppressed(self._find(account, kind, address)))
            owned = [
                each for each in self._state.suppressed.values() if (each.account, each.kind) == (account.domain, kind)
            ]
            return ok({"items": [_suppressed(each) for each in owned], "paging": {}})

        return handle

    def _delete_suppressed(self, kind: str) -> Handler:
        def handle(account: Account, _request: Request, address: str) -> Reply:
            found = self._find(account, kind, address)
            self._state.unsuppress(found)
            return ok({"message": "Address has been removed", "address": found.address})

        return handle

    def _find(self, account: Account, kind: str, address: str) -> Suppressed:
        found = self._state.suppressed.get((account.domain, address.lower()))
        if found is None or found.kind != cast(Suppression, kind):
            raise not_found("Address")
        return found


def ok(body: dict[str, Any]) -> Reply:
    return Reply(200, json.dumps(body).encode())


def _template(template: Template) -> dict[str, Any]:
    return {"name": template.name, "id": template.id, "description": "", "createdBy": "api"}


def _suppressed(suppressed: Suppressed) -> dict[str, Any]:
    return {"address": suppressed.address, "created_at": str(suppressed.created_at)}


def _base(request: Request) -> str:
    """Where this client reached us."""
    return "http://" + request.headers.get(b"host", b"localhost").decode("latin-1")
