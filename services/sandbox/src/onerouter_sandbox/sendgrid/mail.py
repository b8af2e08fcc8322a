"""Sending and scheduling, and what happens to each recipient's copy afterwards."""

import re
from collections.abc import Mapping
from typing import Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.sendgrid import events
from onerouter_sandbox.sendgrid.account import NAME, Account
from onerouter_sandbox.sendgrid.callbacks import Webhooks
from onerouter_sandbox.sendgrid.errors import Refused, invalid
from onerouter_sandbox.sendgrid.state import Line, Message, State, Template
from onerouter_sandbox.sendgrid.validation import check_mail, send_at
from onerouter_sandbox.world import World

_PLACE: Final = re.compile(r"\{\{\{?\s*([A-Za-z0-9_.]+)\s*\}?\}\}")


class Mail:
    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks

    def send(self, account: Account, given: dict[str, Any]) -> Message | None:
        """None: in sandbox mode it was only looked at."""
        now = self._now(account.account_id)
        check_mail(given, now)
        _check_sender(account, given["from"]["email"])
        batch_id = given.get("batch_id")
        if batch_id is not None and self._state.batches.owned(account.account_id, str(batch_id)) is None:
            raise invalid("The batch_id is not valid.", "batch_id")
        envelopes = self._envelopes(account, given)
        if ((given.get("mail_settings") or {}).get("sandbox_mode") or {}).get("enable"):
            return None
        self._spend_credits(account, envelopes)
        times = [
            send_at(each.get("send_at") or given.get("send_at"), "send_at", now) for each in given["personalizations"]
        ]
        due_at = max((at for at in times if at is not None), default=None)
        waits = due_at is not None and due_at > now
        message = Message(
            id=random_id("", 22),
            account=account.account_id,
            created=now,
            sender=given["from"]["email"],
            envelopes=envelopes,
            asked=given,
            state="scheduled" if waits else "queued",
            send_at=due_at if waits else None,
            batch=batch_id,
        )
        self._state.messages.add(message)
        if waits:
            self._wait(message)
        else:
            self._go(message)
        return message

    def happen(self, line: Line, what: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Something happens to a copy. The event as it is told."""
        at = self._now(line.account)
        event = events.event_of(line, what, at, details or {})
        line.events.append(event)
        line.status = events.STATUS.get(what, line.status)
        line.reason = event.get("reason") or event.get("response") or line.reason
        self._state.lines.changed(line)
        if what in events.SUPPRESSES:
            self._state.suppress(line.account, line.email, events.SUPPRESSES[what])
        return events.told(line, event)

    def tell(self, line: Line, told: list[dict[str, Any]]) -> None:
        self._webhooks.tell(line.account, line.message, told)

    def resume(self) -> None:
        """Take up what waits for its time."""
        for message in self._state.messages:
            if message.state == "scheduled":
                self._wait(message)
        for line in self._state.lines:
            account = self._state.accounts.get(line.account)
            if account is not None and account.fate_delay_s and len(line.events) == 1:
                _, *later = self._fate_of(line, account)
                self._come_later(line, later, account)

    def _wait(self, message: Message) -> None:
        def go() -> None:
            batch = None if message.batch is None else self._state.batches.find(message.batch)
            if batch is not None and batch.status is not None:
                message.state = "canceled"  # what is paused is discarded too, three days later
                self._state.messages.changed(message)
            elif message.state == "scheduled":
                self._go(message)

        self._world.timers.at(message.send_at or message.created, go, account=message.account)

    def _go(self, message: Message) -> None:
        """It goes out now: one effect for each envelope, a line in the logs for each recipient."""
        account = self._state.accounts.get(message.account)
        now = self._now(message.account)
        message.state = "processed"
        self._state.messages.changed(message)
        reference_arg = "onerouter_id" if account is None else account.reference_arg
        told: list[dict[str, Any]] = []
        for place, envelope in enumerate(message.envelopes):
            self._world.ledger.record(
                provider=NAME,
                account=message.account,
                kind="email.sent",
                reference=envelope["custom_args"].get(reference_arg),
                object_id=message.id,
                amount=0,
                currency="USD",
                at=now,
            )
            for number, email in enumerate(envelope["recipients"]):
                told += self._deliver(message, envelope, email, f"recvd-5b4d7c6b9-1-{place:X}-{number:X}.0", account)
        self._webhooks.tell(message.account, message.id, told)

    def _deliver(
        self, message: Message, envelope: dict[str, Any], email: str, server: str, account: Account | None
    ) -> list[dict[str, Any]]:
        """What is told at once of one recipient's copy."""
        line = Line(
            id=f"{message.id}.{server}",
            account=message.account,
            message=message.id,
            created=self._now(message.account),
            email=email,
            sender=message.sender,
            subject=envelope["subject"],
            custom_args=envelope["custom_args"],
            categories=message.asked.get("categories") or [],
        )
        self._state.add_line(line)
        why = self._state.suppression_of(message.account, email)
        if why is not None:
            return [self.happen(line, "dropped", {"reason": why})]
        first, *later = self._fate_of(line, account)
        told = [self.happen(line, first)]
        if account is None or not account.fate_delay_s:
            return told + [self.happen(line, what) for what in later]
        self._come_later(line, later, account)
        return told

    def _fate_of(self, line: Line, account: Account | None) -> tuple[str, ...]:
        return events.AFTER_SENDING["none" if account is None else account.fates.get(line.email, account.fate)]

    def _come_later(self, line: Line, later: list[str], account: Account) -> None:
        def come() -> None:
            self.tell(line, [self.happen(line, what) for what in later])

        if later:
            self._world.timers.at(line.created + account.fate_delay_s, come, account=line.account)

    def _envelopes(self, account: Account, given: dict[str, Any]) -> list[dict[str, Any]]:
        """Each personalization with what the whole message says for all."""
        template = self._template(account, given.get("template_id"))
        parts = {part["type"]: part["value"] for part in given.get("content") or []}
        made = []
        for each in given["personalizations"]:
            subject, text, html = (
                each.get("subject") or given.get("subject") or "",
                parts.get("text/plain"),
                parts.get("text/html"),
            )
            if template is not None:
                data = each.get("dynamic_template_data") or {}
                subject, text, html = (
                    _filled(template.get(name), data) for name in ("subject", "plain_content", "html_content")
                )
            recipients = [person["email"] for field in ("to", "cc", "bcc") for person in each.get(field) or []]
            args = {**(given.get("custom_args") or {}), **(each.get("custom_args") or {})}
            made.append(
                {"recipients": recipients, "subject": subject or "", "text": text, "html": html, "custom_args": args}
            )
        return made

    def _template(self, account: Account, template_id: str | None) -> dict[str, Any] | None:
        """The active version of a template."""
        if template_id is None:
            return None
        template: Template | None = self._state.templates.owned(account.account_id, template_id)
        versions = [] if template is None else template.versions
        active = next((version for version in versions if version["active"]), None)
        if active is None:
            raise invalid("The template_id does not name a template with an active version.", "template_id")
        return active

    def _spend_credits(self, account: Account, envelopes: list[dict[str, Any]]) -> None:
        if account.credits is None:
            return
        wanted = sum(len(envelope["recipients"]) for envelope in envelopes)
        used = sum(
            len(envelope["recipients"])
            for message in self._state.messages.newest(account.account_id)
            for envelope in message.envelopes
        )
        if used + wanted > account.credits:
            raise Refused(401, "Maximum credits exceeded")

    def _now(self, account_id: str) -> float:
        return self._world.clocks.of(account_id).now()


def _check_sender(account: Account, email: str) -> None:
    if email.lower() not in account.senders and email.rpartition("@")[2].lower() not in account.senders:
        raise Refused(
            403,
            "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.",
            "from",
        )


def _filled(text: str | None, data: Mapping[str, Any]) -> str | None:
    """A template's text; what is not given is empty."""

    def value(place: re.Match[str]) -> str:
        found: Any = data
        for step in place.group(1).split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
        return "" if found is None else str(found)

    return None if text is None else _PLACE.sub(value, text)
