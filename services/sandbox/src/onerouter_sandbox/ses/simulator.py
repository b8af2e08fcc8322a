"""SES put together: what `app.py` mounts."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote
from uuid import uuid4

from fastapi import APIRouter, HTTPException
from fastapi.responses import PlainTextResponse

from onerouter_sandbox.ses import control, errors, requests
from onerouter_sandbox.ses.account import Account
from onerouter_sandbox.ses.errors import Refused, bad, ok
from onerouter_sandbox.ses.events import Events
from onerouter_sandbox.ses.inbox import SesMailbox
from onerouter_sandbox.ses.sending import Sending
from onerouter_sandbox.ses.state import NAME, State, Template
from onerouter_sandbox.ses.topics import Topics
from onerouter_sandbox.wire import Call, Reply, Request
from onerouter_sandbox.world import World

_API: Final = "/ses/v2/"
_TOPICS: Final = "/ses/sns/"
_SIGNED: Final = re.compile(
    rb"AWS4-HMAC-SHA256 Credential=(?P<key>[A-Z0-9]+)/[0-9]{8}/(?P<region>[a-z0-9-]+)/(?P<service>ses|sns)/aws4_request, "
    rb"SignedHeaders=[a-z0-9;-]+, Signature=[0-9a-f]{64}"
)
_UNKNOWN_KEY: Final = "The security token included in the request is invalid."

Handler = Callable[[Account, Request, str], Reply]


class Ses:
    """A `Provider`: SES's API under /ses/v2, the topic's ConfirmSubscription under /ses/sns, the certificate, control."""

    name: Final = NAME
    wire_prefixes: Final = (_API, _TOPICS)
    max_body_bytes: Final = 60_000_000

    def __init__(self, world: World) -> None:
        self.state = State(world.journal)
        self._world = world
        self._topics = Topics(self.state, world)
        self._events = Events(self.state, world, self._topics)
        self._sending = Sending(self.state, world, self._events)
        self._routes: Mapping[tuple[str, str], tuple[str, Handler]] = {
            ("POST", "outbound-emails"): ("SendEmail", self._send),
            ("GET", "account"): ("GetAccount", self._get_account),
            ("POST", "templates"): ("CreateEmailTemplate", self._create_template),
            ("GET", "templates"): ("GetEmailTemplate", self._get_template),
        }

    def register(self, accounts: Iterable[Mapping[str, Any]]) -> None:
        for account in accounts:
            self.state.put_account(Account.model_validate(account))

    def has_account(self, account_id: str) -> bool:
        return account_id in self.state.accounts

    def resume(self) -> None:
        self._events.resume()

    def control(self) -> APIRouter:
        return control.router(self.state, self._events, self._topics)

    def mailbox(self) -> SesMailbox:
        return SesMailbox(self.state)

    def pages(self) -> APIRouter:
        routes = APIRouter()

        @routes.get("/certs/{name}", response_class=PlainTextResponse)
        async def certificate(name: str) -> str:
            """What the topic's messages are signed with."""
            if name != self._topics.certificate_name:
                raise HTTPException(404, "There is no such certificate.")
            return self._topics.certificate

        return routes

    def open(self, request: Request) -> Call | Reply:
        try:
            if request.path.startswith(_TOPICS.rstrip("/")) and not request.path.startswith(_API):
                return self._open_topics(request)
            account = self._authenticate(request, b"ses")
            operation, handler, name = self._find(request)
        except Refused as refusal:
            return refusal.reply

        def run() -> Reply:
            try:
                return handler(account, request, name)
            except Refused as refusal:
                return refusal.reply

        return Call(operation, account.access_key_id, run)

    def busy(self) -> Reply:
        return errors.trouble(503)  # no two requests are ever twins: there is no key

    def trouble(self, status: int) -> Reply:
        return errors.trouble(status)

    def _find(self, request: Request) -> tuple[str, Handler, str]:
        parts = [unquote(part) for part in request.path.removeprefix(_API).split("/") if part]
        route = self._routes.get((request.method, parts[1] if len(parts) > 1 else ""))
        if parts[:1] != ["email"] or route is None or len(parts) > 3:
            raise Refused(404, "UnknownOperationException", "Unknown operation")
        return (*route, parts[2] if len(parts) == 3 else "")

    def _authenticate(self, request: Request, service: bytes) -> Account:
        """The signature's form, its date and its key are looked at; it is not computed again."""
        signed = _SIGNED.fullmatch(request.headers.get(b"authorization", b""))
        if signed is None or b"x-amz-date" not in request.headers:
            raise Refused(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        account = self.state.accounts.get(signed["key"].decode())
        if account is None:
            raise Refused(403, "UnrecognizedClientException", _UNKNOWN_KEY)
        if (signed["service"], signed["region"].decode()) != (service, account.region):
            raise Refused(
                403, "InvalidSignatureException", f"Credential should be scoped to a valid region: {account.region}"
            )
        return account

    def _send(self, account: Account, request: Request, _name: str) -> Reply:
        mail = self._sending.send(account, requests.read(request.body), _base(request))
        return ok({"MessageId": mail.id})

    def _get_account(self, account: Account, _request: Request, _name: str) -> Reply:
        if not account.may_read_account:
            raise Refused(403, "AccessDeniedException", "User is not authorized to perform: ses:GetAccount")
        now = self._world.clocks.of(account.access_key_id).now()
        return ok(
            {
                "DedicatedIpAutoWarmupEnabled": False,
                "EnforcementStatus": "SHUTDOWN" if account.suspended else "HEALTHY",
                "ProductionAccessEnabled": account.production_access,
                "SendingEnabled": account.sending_enabled and not account.suspended,
                "SendQuota": {
                    "Max24HourSend": float(account.max_24_hour_send or 50_000),
                    "MaxSendRate": float(account.max_send_rate or 14),
                    "SentLast24Hours": float(self._sending.sent_lately(account, now)),
                },
            }
        )

    def _create_template(self, account: Account, request: Request, _name: str) -> Reply:
        body = requests.json_of_body(request.body)
        name, content = body.get("TemplateName"), body.get("TemplateContent")
        if not isinstance(name, str) or not name or not isinstance(content, dict):
            raise bad("TemplateName and TemplateContent are required")
        if self.state.find_template(account, name) is not None:
            raise Refused(400, "AlreadyExistsException", f"Template {name} already exists.")
        self.state.templates.add(
            Template(
                id=f"{account.access_key_id}/{name}",
                account=account.access_key_id,
                name=name,
                content={part: str(content[part]) for part in ("Subject", "Text", "Html") if content.get(part)},
                created_at=self._world.clocks.of(account.access_key_id).now(),
            )
        )
        return ok({})

    def _get_template(self, account: Account, _request: Request, name: str) -> Reply:
        template = self.state.find_template(account, name)
        if template is None:
            raise Refused(404, "NotFoundException", f"Template {name} does not exist.")
        return ok({"TemplateName": template.name, "TemplateContent": template.content})

    def _open_topics(self, request: Request) -> Call | Reply:
        """ConfirmSubscription, signed by POST, or by whoever has the address by GET: SNS's query API."""
        given = dict(parse_qsl((request.query if request.method == "GET" else request.body).decode("latin-1")))
        if given.get("Action") != "ConfirmSubscription":
            return _xml(
                400, "<Error><Type>Sender</Type><Code>InvalidAction</Code><Message>No such action</Message></Error>"
            )
        key = "nobody" if request.method == "GET" else self._authenticate(request, b"sns").access_key_id

        def run() -> Reply:
            topic = given.get("TopicArn", "")
            if not self._topics.confirm(topic, given.get("Token", "")):
                why = "<Code>InvalidParameter</Code><Message>Invalid parameter: Token</Message>"
                return _xml(400, f"<Error><Type>Sender</Type>{why}</Error>")
            arn = f"<SubscriptionArn>{topic}:{uuid4()}</SubscriptionArn>"
            return _xml(
                200, f"<ConfirmSubscriptionResult>{arn}</ConfirmSubscriptionResult>", "ConfirmSubscriptionResponse"
            )

        return Call("ConfirmSubscription", key, run)


def _xml(status: int, inner: str, root: str = "ErrorResponse") -> Reply:
    namespace = "http://sns.amazonaws.com/doc/2010-03-31/"
    body = f'<{root} xmlns="{namespace}">{inner}<RequestId>{uuid4()}</RequestId></{root}>'
    return Reply(status, body.encode(), b"text/xml")


def _base(request: Request) -> str:
    """Where this client reached us."""
    return "http://" + request.headers.get(b"host", b"localhost").decode("latin-1")
