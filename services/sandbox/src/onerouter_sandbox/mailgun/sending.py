"""`POST /v3/{domain}/messages`: what Mailgun refuses, and the mail that it makes of the rest."""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.mailgun.account import Account
from onerouter_sandbox.mailgun.errors import LIMITED, Refused
from onerouter_sandbox.mailgun.forms import Form
from onerouter_sandbox.mailgun.model import Mail, Template
from onerouter_sandbox.mailgun.state import State
from onerouter_sandbox.pace import Pace
from onerouter_sandbox.world import World

_ADDRESS: Final = re.compile(r"[^@\s<>,;]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}")
_MESSAGE_ID: Final = re.compile(r"<[^<>@\s]+@[^<>@\s]+>")
_VARIABLE: Final = re.compile(r"\{\{\{?\s*([A-Za-z0-9_.-]+)\s*\}?\}\}")
_TAG: Final = re.compile(r"<[^>]*>")
_OPTIONS: Final = ("o:", "h:", "v:", "t:")
_OPTION_BYTES: Final = 16_384
_MESSAGE_BYTES: Final = 26_214_400
_RECIPIENTS: Final = 1_000
_AHEAD_S: Final = 7 * 86_400


class Sending:
    def __init__(self, state: State, world: World) -> None:
        self._state = state
        self._world = world
        self._pace = Pace()

    def accept(self, account: Account, form: Form) -> Mail:
        """Raises `Refused`. The mail is not kept yet."""
        self._limit(account)
        self._allow(account)
        sender = _sender(form)
        to, recipients = _recipients(form)
        _allow_recipients(account, recipients)
        template = self._template(account, form)
        subject, text, html = _content(form, template)
        _limit_size(form)
        clock = self._world.clocks.of(account.domain)
        now = clock.now()
        files = [each for each in form.files if each.name in ("attachment", "inline")]
        due_at = _due_at(form, now)
        headers = form.prefixed("h:")
        return Mail(
            id=random_id("BAABA", 60),
            account=account.domain,
            message_id=_message_id(headers, account.domain, now),
            created_at=now,
            due_at=due_at or now,
            sender=sender,
            to=to,
            recipients=recipients,
            subject=subject,
            text=text,
            html=html,
            headers={name: value for name, value in headers.items() if name.lower() != "message-id"},
            tags=form.all("o:tag"),
            variables=form.prefixed("v:"),
            attachments=[
                {"filename": each.filename, "content-type": each.content_type, "size": len(each.content)}
                for each in files
            ],
            cc=form.all("cc"),
            bcc=form.all("bcc"),
            contents=[b64encode(each.content).decode() for each in files],
            template=None if template is None else template.name,
            is_scheduled=due_at is not None,
            is_test=form.get("o:testmode") in ("yes", "true"),
        )

    def _limit(self, account: Account) -> None:
        now = self._world.clock.now()
        if not self._pace.take(account.domain, account.messages_per_second, now).allowed:
            raise Refused(429, LIMITED.format(account.domain))

    def _allow(self, account: Account) -> None:
        if account.state == "unverified":
            raise Refused(
                400, f"The domain {account.domain} is not allowed to send: The domain is unverified and requires DNS"
            )
        if account.state == "disabled":
            raise Refused(403, f"Domain {account.domain} is not allowed to send: domain is disabled")

    def _template(self, account: Account, form: Form) -> Template | None:
        name = form.get("template")
        if name is None:
            return None
        if form.get("html") is not None:
            raise Refused(400, "Only one parameters 'html' or 'template' is allowed.")
        template = self._state.templates.get((account.domain, name))
        if template is None:
            raise Refused(400, f"template '{name}' not found")
        return template


def _sender(form: Form) -> str:
    sender = form.get("from")
    if sender is None:
        raise Refused(400, "from parameter is missing")
    if len(_addresses([sender])) != 1:
        raise Refused(400, "from parameter is not a valid address. please check documentation")
    return sender


def _recipients(form: Form) -> tuple[list[str], list[str]]:
    """Of To as they were given, and the bare addresses of all."""
    if not form.all("to"):
        raise Refused(400, "to parameter is missing")
    recipients: list[str] = []
    for name in ("to", "cc", "bcc"):
        given = form.all(name)
        found = _addresses(given)
        if given and not found:
            raise Refused(400, f"{name} parameter is not a valid address. please check documentation")
        recipients += [address for address in found if address not in recipients]
    if len(recipients) > _RECIPIENTS:
        raise Refused(400, "too many recipients")
    return form.all("to"), recipients


def _addresses(given: list[str]) -> list[str]:
    """Empty when one of them is no address."""
    found = [address for _, address in getaddresses(given)]
    return found if all(_ADDRESS.fullmatch(address) for address in found) else []


def _allow_recipients(account: Account, recipients: list[str]) -> None:
    allowed = account.authorized_recipients
    if allowed is not None and any(address not in allowed for address in recipients):
        raise Refused(
            400,
            f"Domain {account.domain} is not allowed to send: Sandbox subdomains are for test purposes only. "
            "Please add your own domain or add the address to authorized recipients in Account Settings.",
        )


def _content(form: Form, template: Template | None) -> tuple[str, str | None, str | None]:
    """Subject, text and HTML as they go out."""
    subject = form.get("subject")
    if template is None:
        text, html = form.get("text"), form.get("html")
        if text is None and html is None and form.get("amp-html") is None:
            raise Refused(400, "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified")
        return subject or "", text, html
    variables = _variables(form)
    html = _filled(template.html, variables)
    text = _TAG.sub("", html) if form.get("t:text") == "yes" else form.get("text")
    return subject or _filled(template.subject or "", variables), text, html


def _variables(form: Form) -> Mapping[str, Any]:
    try:
        variables = json.loads(form.get("t:variables") or "{}")
    except ValueError:
        variables = None
    if not isinstance(variables, dict):
        raise Refused(400, "t:variables parameter is not a valid JSON object")
    return variables


def _filled(template: str, variables: Mapping[str, Any]) -> str:
    """A variable that is not given is nothing, as in handlebars."""
    return _VARIABLE.sub(lambda found: str(variables.get(found.group(1), "")), template)


def _limit_size(form: Form) -> None:
    options = sum(len(value.encode()) for name, value in form.fields if name.startswith(_OPTIONS))
    if options > _OPTION_BYTES:
        raise Refused(400, "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total")
    if sum(len(each.content) for each in form.files) > _MESSAGE_BYTES:
        raise Refused(413, "Request Entity Too Large")


def _due_at(form: Form, now: float) -> float | None:
    given = form.get("o:deliverytime")
    if given is None:
        return None
    try:
        due = parsedate_to_datetime(given)
    except ValueError:
        raise Refused(400, "o:deliverytime parameter is not a valid date") from None
    due_at = (due if due.tzinfo else due.replace(tzinfo=UTC)).timestamp()
    if due_at > now + _AHEAD_S:
        raise Refused(400, "o:deliverytime is too far in the future")
    return max(due_at, now)


def _message_id(headers: Mapping[str, str], domain: str, now: float) -> str:
    """Bare, of the header that was given or made; Mailgun does not look whether there was one like it."""
    given = next((value for name, value in headers.items() if name.lower() == "message-id"), None)
    if given is None:
        return f"{int(now)}.1.{random_id('', 16)}@{domain}"
    if _MESSAGE_ID.fullmatch(given.strip()) is None:
        raise Refused(400, "h:Message-Id parameter is not a valid message id")
    return given.strip()[1:-1]
