"""SendGrid's API, one method a call: JSON in, JSON out, or nothing but a header."""

import uuid
from collections.abc import Callable
from typing import Final, NamedTuple

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.sendgrid import shapes
from onerouter_sandbox.sendgrid.account import Account
from onerouter_sandbox.sendgrid.errors import Refused, invalid
from onerouter_sandbox.sendgrid.mail import Mail
from onerouter_sandbox.sendgrid.searching import matcher
from onerouter_sandbox.sendgrid.state import Batch, State, Template
from onerouter_sandbox.sendgrid.validation import parsed
from onerouter_sandbox.wire import Reply, Request
from onerouter_sandbox.world import World

Handler = Callable[[Account, Request, str], Reply]
_ID: Final = ":id"
_WORDS: Final = frozenset(
    ["mail", "send", "batch", "user", "scheduled_sends", "scopes", "logs", "templates", "versions"]
)
_TOO_LATE_S: Final = 600
_MOST_WITH_STATUS: Final = 10


class Route(NamedTuple):
    """`operation` is the name that faults are asked for by; `scope`: what the key must be good for."""

    operation: str
    handle: Handler
    scope: str | None = None


class Endpoints:
    def __init__(self, state: State, world: World, mail: Mail) -> None:
        self._state = state
        self._world = world
        self._mail = mail
        self._routes: dict[tuple[str, ...], Route] = {
            ("POST", "mail", "send"): Route("mail.send", self.send, "mail.send"),
            ("POST", "mail", "batch"): Route("mail.batch.create", self.create_batch),
            ("GET", "mail", "batch", _ID): Route("mail.batch.retrieve", self.get_batch),
            ("POST", "user", "scheduled_sends"): Route("scheduled_sends.create", self.stop),
            ("GET", "user", "scheduled_sends", _ID): Route("scheduled_sends.retrieve", self.get_stop),
            ("PATCH", "user", "scheduled_sends", _ID): Route("scheduled_sends.update", self.change_stop),
            ("DELETE", "user", "scheduled_sends", _ID): Route("scheduled_sends.delete", self.lift_stop),
            ("GET", "scopes"): Route("scopes.list", self.scopes),
            ("POST", "logs"): Route("logs.search", self.search, "messages.read"),
            ("GET", "logs", _ID): Route("logs.retrieve", self.get_line, "messages.read"),
            ("POST", "templates"): Route("templates.create", self.create_template),
            ("GET", "templates", _ID): Route("templates.retrieve", self.get_template),
            ("POST", "templates", _ID, "versions"): Route("templates.versions.create", self.create_version),
        }

    def find(self, method: str, parts: list[str]) -> tuple[Route, str]:
        """The route of a path after the version, and the id in it ("" where there is none). Raises Refused."""
        shape = tuple(part if part in _WORDS else _ID for part in parts)
        route = self._routes.get((method, *shape))
        if route is not None:
            return route, next((part for part in parts if part not in _WORDS), "")
        if any(known[1:] == shape for known in self._routes):
            raise Refused(405, "method not allowed")
        raise Refused(404, "not found")

    def send(self, account: Account, request: Request, _id: str) -> Reply:
        message = self._mail.send(account, parsed(request.body))
        return shapes.empty(200) if message is None else shapes.empty(202, (b"x-message-id", message.id.encode()))

    def create_batch(self, account: Account, _request: Request, _id: str) -> Reply:
        batch = Batch(random_id("", 32), account.account_id)
        self._state.batches.add(batch)
        return shapes.ok({"batch_id": batch.id}, 201)

    def get_batch(self, account: Account, _request: Request, batch_id: str) -> Reply:
        return shapes.ok({"batch_id": self._batch(account, batch_id).id})

    def stop(self, account: Account, request: Request, _id: str) -> Reply:
        given = parsed(request.body)
        batch = self._batch(account, str(given.get("batch_id")))
        if batch.status is not None:
            raise invalid("a status is already set for this batch id, use PATCH to change it", "batch_id")
        status = _status(given.get("status"))
        self._check_time(batch)
        stopped = sum(1 for each in self._state.batches.newest(account.account_id) if self._holds_back(each))
        if stopped >= _MOST_WITH_STATUS:
            raise invalid("no more than 10 batches can be paused or canceled at one time")
        self._set(batch, status)
        return shapes.ok({"batch_id": batch.id, "status": batch.status}, 201)

    def get_stop(self, account: Account, _request: Request, batch_id: str) -> Reply:
        batch = self._batch(account, batch_id)
        return shapes.ok([] if batch.status is None else [{"batch_id": batch.id, "status": batch.status}])

    def change_stop(self, account: Account, request: Request, batch_id: str) -> Reply:
        batch = self._batch(account, batch_id)
        if batch.status is None:
            raise Refused(404, "batch id not found")
        self._set(batch, _status(parsed(request.body).get("status")))
        return shapes.empty(204)

    def lift_stop(self, account: Account, _request: Request, batch_id: str) -> Reply:
        self._set(self._batch(account, batch_id), None)
        return shapes.empty(204)

    def scopes(self, account: Account, _request: Request, _id: str) -> Reply:
        return shapes.ok({"scopes": list(account.scopes)})

    def search(self, account: Account, request: Request, _id: str) -> Reply:
        given = parsed(request.body)
        limit = given.get("limit", 10)
        if not isinstance(limit, int) or not 1 <= limit <= 1_000:
            raise invalid("limit must be between 1 and 1000", "limit")
        fits = matcher(str(given.get("query", "")))
        known_until = self._world.clocks.of(account.account_id).now() - account.log_lag_s
        found = []
        for line in self._state.lines.newest(account.account_id):
            if line.created <= known_until and fits(line):
                found.append(shapes.line(line))
                if len(found) == limit:
                    break
        return shapes.ok({"messages": found})

    def get_line(self, account: Account, _request: Request, line_id: str) -> Reply:
        line = self._state.lines.owned(account.account_id, line_id)
        if line is None:
            raise Refused(404, "message not found")
        return shapes.ok(shapes.line_details(line))

    def create_template(self, account: Account, request: Request, _id: str) -> Reply:
        given = parsed(request.body)
        if not isinstance(given.get("name"), str):
            raise invalid("name is required", "name")
        generation = given.get("generation", "legacy")
        template_id = f"d-{uuid.uuid4().hex}" if generation == "dynamic" else str(uuid.uuid4())
        now = self._world.clocks.of(account.account_id).now()
        template = Template(template_id, account.account_id, now, given["name"], generation)
        self._state.templates.add(template)
        return shapes.ok(shapes.template(template), 201)

    def get_template(self, account: Account, _request: Request, template_id: str) -> Reply:
        return shapes.ok(shapes.template(self._template(account, template_id)))

    def create_version(self, account: Account, request: Request, template_id: str) -> Reply:
        template, given = self._template(account, template_id), parsed(request.body)
        for field in ("name", "subject"):
            if not isinstance(given.get(field), str):
                raise invalid(f"{field} is required", field)
        now = self._world.clocks.of(account.account_id).now()
        version = shapes.new_version(template.id, str(uuid.uuid4()), given, now)
        if given.get("active", 1):
            for other in template.versions:
                other["active"] = 0
        else:
            version["active"] = 0 if template.versions else 1  # the first one is active in any case
        template.versions.append(version)
        self._state.templates.changed(template)
        return shapes.ok(version, 201)

    def _batch(self, account: Account, batch_id: str) -> Batch:
        batch = self._state.batches.owned(account.account_id, batch_id)
        if batch is None:
            raise invalid("invalid batch id", "batch_id")
        return batch

    def _template(self, account: Account, template_id: str) -> Template:
        template = self._state.templates.owned(account.account_id, template_id)
        if template is None:
            raise Refused(404, "template not found")
        return template

    def _set(self, batch: Batch, status: str | None) -> None:
        batch.status = status
        self._state.batches.changed(batch)

    def _check_time(self, batch: Batch) -> None:
        now = self._world.clocks.of(batch.account).now()
        for message in self._state.messages.newest(batch.account):
            if message.batch == batch.id and (
                message.state != "scheduled" or (message.send_at or 0) < now + _TOO_LATE_S
            ):
                raise invalid("a batch cannot be canceled within 10 minutes of its send time", "batch_id")

    def _holds_back(self, batch: Batch) -> bool:
        return batch.status is not None and any(
            message.batch == batch.id and message.state == "scheduled"
            for message in self._state.messages.newest(batch.account)
        )


def _status(given: object) -> str:
    if given not in ("cancel", "pause"):
        raise invalid("status must be cancel or pause", "status")
    return str(given)
