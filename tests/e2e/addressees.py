"""What people, carriers and mail servers do at each messaging provider's sandbox, in one form."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote
from uuid import uuid4

import httpx
from tests.e2e.payers import Outside, make
from tests.e2e.world import World, until

from onerouter_local.accounts import OTHERS
from onerouter_local.secret_store import LocalSecrets

Channel = Literal["sms", "email"]
What = Literal["delivered", "failed", "opened", "clicked", "complained", "unsubscribed"]


@dataclass(frozen=True, slots=True)
class Addressee:
    """Somebody who is written to by one provider."""

    provider: str
    channel: Channel
    idempotency: Literal["native", "lookup", "none"]
    send_call: str
    """The sandbox's name of the wire call that sends."""
    _account: str
    """Name of the secret that is the sandbox's id of the demo tenant's account, or the id itself."""
    _decide: str = ""
    """Control route by which something happens to a message; empty: nobody would be told."""
    _what: Mapping[str, Mapping[str, Any]] | None = None
    """What happens → the body of that route."""

    @property
    def path(self) -> str:
        return f"/v1/{self.channel}"

    @property
    def is_told(self) -> bool:
        """Whether the provider tells what became of a message."""
        return bool(self._decide)

    @property
    def last_status(self) -> str:
        return "delivered" if self.is_told else "sent"

    def account_of(self, secrets: LocalSecrets) -> str:
        return str(getattr(secrets, self._account, self._account))

    def new_address(self) -> str:
        """Of nobody who was written to before."""
        unique = uuid4()
        return f"+1415{2_000_000 + unique.int % 8_000_000}" if self.channel == "sms" else f"{unique.hex}@example.net"

    def message(self, to: str, **changes: Any) -> dict[str, Any]:
        """The body of a request to write to them by this provider."""
        text = {"body": "Your code is 481-223."}
        if self.channel == "email":
            text = {"subject": "Your code", "text_body": "It is 481-223."}
        if "template_id" in changes:
            text = {}
        return {"to": to, "provider": self.provider, **text, **changes}

    async def sent(self, world: World, to: str, expect: int = 201, **changes: Any) -> dict[str, Any]:
        """The message that came of the request."""
        return await make(world, self.path, expect, **self.message(to, **changes))

    async def delivered(self, world: World, to: str, **changes: Any) -> dict[str, Any]:
        """A message that arrived, as far as this provider tells."""
        message = await self.sent(world, to, **changes)
        return await world.reached(f"{self.path}/{message['id']}", self.last_status)

    async def control(self, world: Outside, path: str, **body: Any) -> dict[str, Any]:
        answer = await world.sandbox.post(f"/control/{self.provider}/{path}", json=body)
        assert answer.is_success, answer.text
        done: dict[str, Any] = answer.json()
        return done

    async def happens(self, world: Outside, message: Mapping[str, Any], what: What) -> None:
        """To every copy of a message that was sent."""
        assert self._what is not None, f"{self.provider} tells of nothing"
        where = quote(message["provider_message_id"], safe="")
        await self.control(world, self._decide.format(where), **self._what[what])

    async def loses_an_answer(self, world: World) -> None:
        """The next message is taken, and nobody hears that it was."""
        account = self.account_of(world.stack.secrets)
        await world.fault(
            "timeout_after_effect", provider=self.provider, operation=self.send_call, key_id=account, hold_s=6
        )

    @asynccontextmanager
    async def refuses_us(self, world: World) -> AsyncIterator[None]:
        """While the block runs the provider takes nothing of this account: it is locked, or all is used up."""
        secrets = world.stack.secrets
        account = next(one.account(secrets) for one in OTHERS if one.provider == self.provider)
        path = secrets.demo_callback_paths[self.provider]
        usual = {**account, **({"webhook_url": f"{world.stack.addresses.url('webhooks')}{path}"} if path else {})}
        await self.control(world, "accounts", **{**usual, **_LOCKED[self.provider]})
        try:
            yield
        finally:
            await self.control(world, "accounts", **usual)

    async def received(self, world: Outside, address: str) -> list[dict[str, Any]]:
        """All that came to an address by this provider, newest first, as the sandbox's inbox shows it."""
        params = {"provider": self.provider, "q": address, "limit": "100"}
        answer = await world.sandbox.get("/inbox/api/messages", params=params)
        assert answer.is_success, answer.text
        came = [each for each in answer.json()["data"] if each["status"] not in ("scheduled", "canceled", "dropped")]
        return [await _opened(world.sandbox, each) for each in came if not each.get("inbound")]

    async def replies(self, world: Outside, message: Mapping[str, Any], body: str) -> None:
        """By SMS, to whoever wrote."""
        (reply,) = [each["reply"] for each in await self.received(world, message["to"])][:1]
        answer = await world.sandbox.post(reply["path"], json={**reply["body"], "body": body})
        assert answer.is_success, answer.text


async def _opened(sandbox: httpx.AsyncClient, summary: Mapping[str, Any]) -> dict[str, Any]:
    answer = await sandbox.get(f"/inbox/api/messages/{summary['provider']}/{quote(summary['id'], safe='')}")
    assert answer.is_success, answer.text
    opened: dict[str, Any] = answer.json()
    return opened


async def arrived(world: World, addressee: Addressee, to: str) -> dict[str, Any]:
    """The one message that came to an address."""
    came: list[dict[str, Any]] = []

    async def has_come() -> bool:
        came[:] = await addressee.received(world, to)
        return bool(came)

    await until(has_come, f"something to come to {to}")
    assert len(came) == 1, came
    return came[0]


_LOCKED: Final[Mapping[str, Mapping[str, Any]]] = {
    "twilio": {"active": False},
    "resend": {"daily_quota": 0},
    "sendgrid": {"credits": 0},
    "mailgun": {"state": "disabled"},
    "ses": {"suspended": True},
}
_RESEND: Final = {
    "delivered": {"event": "delivered"},
    "failed": {"event": "bounced"},
    "opened": {"event": "opened"},
    "clicked": {"event": "clicked"},
    "complained": {"event": "complained"},
}
_SENDGRID: Final = {
    "delivered": {"event": "delivered"},
    "failed": {"event": "bounce"},
    "opened": {"event": "open"},
    "clicked": {"event": "click"},
    "complained": {"event": "spamreport"},
    "unsubscribed": {"event": "unsubscribe"},
}
_FATES: Final = {
    "delivered": {"fate": "delivered"},
    "failed": {"fate": "bounced"},
    "opened": {"fate": "opened"},
    "clicked": {"fate": "clicked"},
    "complained": {"fate": "complained"},
    "unsubscribed": {"fate": "unsubscribed"},
}
_TWILIO: Final = {"delivered": {"status": "delivered"}, "failed": {"status": "undelivered"}}

ADDRESSEES: Final = {
    addressee.provider: addressee
    for addressee in (
        Addressee(
            "twilio",
            "sms",
            "lookup",
            "messages.create",
            "sandbox_twilio_account_sid",
            "messages/{}/decide",
            _TWILIO,
        ),
        Addressee("sns", "sms", "none", "Publish", "sandbox_sns_access_key_id"),
        Addressee("resend", "email", "native", "emails.send", "demo", "emails/{}/events", _RESEND),
        Addressee("sendgrid", "email", "lookup", "mail.send", "demo", "messages/{}/events", _SENDGRID),
        Addressee("mailgun", "email", "lookup", "messages.send", "example.com", "messages/{}/decide", _FATES),
        Addressee("ses", "email", "none", "SendEmail", "sandbox_ses_access_key_id", "messages/{}/decide", _FATES),
    )
}
EMAILS: Final = tuple(name for name, addressee in ADDRESSEES.items() if addressee.channel == "email")
