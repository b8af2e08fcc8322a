"""Sending, scheduling and canceling, and what happens to an email afterwards."""

import uuid
from collections.abc import Mapping
from typing import Any

from onerouter_sandbox.resend import fates, shapes
from onerouter_sandbox.resend.account import NAME, Account
from onerouter_sandbox.resend.callbacks import Webhooks
from onerouter_sandbox.resend.errors import Refused, invalid, no_such, unverified
from onerouter_sandbox.resend.state import Email, State
from onerouter_sandbox.resend.validation import content_of, email_address, filled, schedule
from onerouter_sandbox.world import World

_DAY_S = 86_400


class Emails:
    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks

    def send(self, account: Account, given: dict[str, Any]) -> Email:
        now = self._now(account.account_id)
        content, scheduled_at = content_of(given, now)
        template_id = self._fill_in(account, content)
        domain = (email_address(content["from"]) or "").rpartition("@")[2].lower()
        if domain not in account.domains:
            raise unverified(domain)
        self._check_quota(account, now)
        waits = scheduled_at is not None and scheduled_at > now
        email = Email(
            id=str(uuid.uuid4()),
            account=account.account_id,
            created=now,
            content=content,
            last_event="scheduled" if waits else "queued",
            scheduled_at=scheduled_at if waits else None,
            template_id=template_id,
        )
        self._state.emails.add(email)
        if waits:
            self.happen(email, "scheduled")
            self._wait(email)
        else:
            self._go(email)
        return email

    def cancel(self, account: Account, email_id: str) -> Email:
        email = self.owned(account, email_id)
        if email.last_event != "scheduled":
            raise invalid("Email cannot be canceled: it is not scheduled.")
        email.last_event = "canceled"
        email.happened.append(("canceled", self._now(email.account)))
        self._state.emails.changed(email)
        return email

    def reschedule(self, account: Account, email_id: str, given: dict[str, Any]) -> Email:
        email = self.owned(account, email_id)
        if email.last_event != "scheduled":
            raise invalid("Email cannot be updated: it is not scheduled.")
        email.scheduled_at = schedule(given.get("scheduled_at"), self._now(account.account_id))
        self._state.emails.changed(email)
        self._wait(email)
        return email

    def owned(self, account: Account, email_id: str) -> Email:
        email = self._state.emails.owned(account.account_id, email_id)
        if email is None:
            raise no_such("Email")
        return email

    def happen(self, email: Email, event: str, details: Mapping[str, Any] | None = None) -> None:
        """Something happens to an email, and is told."""
        at = self._now(email.account)
        email.last_event = event
        email.happened.append((event, at))
        self._state.emails.changed(email)
        self._webhooks.tell(f"email.{event}", email, at, fates.told(event, shapes.iso(at), details or {}))

    def resume(self) -> None:
        """Take up what waits for its time."""
        for email in self._state.emails:
            if email.last_event == "scheduled":
                self._wait(email)
            elif email.last_event == "queued":
                self._meet_fate(email)

    def _wait(self, email: Email) -> None:
        due_at = email.scheduled_at or email.created

        def go() -> None:
            if email.last_event == "scheduled" and email.scheduled_at == due_at:  # neither canceled nor moved
                email.last_event = "queued"
                self._go(email)

        self._world.timers.at(due_at, go, account=email.account)

    def _go(self, email: Email) -> None:
        """It goes out now: the effect."""
        account = self._state.accounts.get(email.account)
        now = self._now(email.account)
        self._world.ledger.record(
            provider=NAME,
            account=email.account,
            kind="email.sent",
            reference=email.tags.get("onerouter_id" if account is None else account.reference_tag),
            object_id=email.id,
            amount=0,
            currency="USD",
            at=now,
        )
        self._state.emails.changed(email)
        self._meet_fate(email)

    def _meet_fate(self, email: Email) -> None:
        account = self._state.accounts.get(email.account)
        if account is None:
            return
        recipients = [*email.content["to"], *email.content["cc"], *email.content["bcc"]]
        coming = fates.AFTER_SENDING[fates.fate_of(recipients, account.fate)]

        def come() -> None:
            for event in coming:
                self.happen(email, event)

        if coming and account.fate_delay_s:
            self._world.timers.at(self._now(email.account) + account.fate_delay_s, come, account=email.account)
        else:
            come()

    def _fill_in(self, account: Account, content: dict[str, Any]) -> str | None:
        """A published template's texts in place of its name. Its id; None without one."""
        wanted = content.pop("template", None)
        if wanted is None:
            return None
        template_id = wanted.get("id") if isinstance(wanted, dict) else None
        template = next(
            (each for each in self._state.templates.newest(account.account_id) if template_id in (each.id, each.alias)),
            None,
        )
        if template is None:
            raise no_such("Template")
        if template.published_at is None:
            raise invalid("The template is not published.")
        variables = wanted.get("variables") or {}
        content["subject"] = content.get("subject") or filled(template.subject, variables, template.variables)
        content["html"] = filled(template.html, variables, template.variables)
        content["text"] = filled(template.text, variables, template.variables)
        return template.id

    def _check_quota(self, account: Account, now: float) -> None:
        if account.daily_quota is None:
            return
        sent = 0
        for email in self._state.emails.newest(account.account_id):
            if email.created <= now - _DAY_S:
                break
            sent += 1
        if sent >= account.daily_quota:
            raise Refused(429, "daily_quota_exceeded", "You have reached your daily email sending quota.")

    def _now(self, account_id: str) -> float:
        return self._world.clocks.of(account_id).now()
