"""What the demo shows of messaging: a code by SMS and a receipt by email, until both are delivered."""

import time
from dataclasses import dataclass
from typing import Any, Final

from onerouter_local.demo.client import Api, overhead
from onerouter_local.demo.story import Step, Story
from onerouter_local.demo.subscriber import Subscriber, until

_NUMBER: Final = "+14155550123"
_ADDRESS: Final = "ada@example.net"
_WAIT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class _Sent:
    id: str
    path: str
    asked_at: float


class Messages:
    """Two messages. Each method is a step; what one learns the next uses."""

    def __init__(self, story: Story, api: Api, sandbox: Api, subscriber: Subscriber) -> None:
        self._story = story
        self._api = api
        self._sandbox = sandbox
        self._subscriber = subscriber

    async def play(self) -> None:
        """All steps in order; the first that fails ends it with Wrong."""
        sms = await self.send_sms()
        await self.deliver("Twilio's signed callbacks come in; the SMS is delivered", sms)
        email = await self.send_email()
        await self.deliver("Resend's signed callbacks come in; the email is delivered", email)
        await self.receive_events(sms, email)
        await self.count_effects(sms, email)

    async def send_sms(self) -> _Sent:
        """By the first route of the category."""
        with self._story.step("It sends a one-time code by SMS") as step:
            body = {"to": _NUMBER, "body": "Your code is 481-223. 👋"}
            sent = await self._send(step, "/v1/sms", body)
            shown = await self._api.get(f"/v1/sms/{sent.id}")
            step.check(shown["segments"] == 1, "one segment", shown["segments"])
            step.check(shown["encoding"] == "UCS-2", "UCS-2, for the emoji", shown["encoding"])
            return sent

    async def send_email(self) -> _Sent:
        with self._story.step("It sends a receipt by email, with a file") as step:
            file = {"filename": "receipt.txt", "content": "NDk5LjAwIElOUgo=", "content_type": "text/plain"}
            body = {
                "to": f"Ada <{_ADDRESS}>",
                "subject": "Your receipt",
                "html_body": "<p>Thank you for your order 1001.</p>",
                "attachments": [file],
            }
            return await self._send(step, "/v1/email", body)

    async def deliver(self, sentence: str, sent: _Sent) -> None:
        with self._story.step(sentence) as step:
            shown = await self._api.settled(step, sent.path, "delivered")
            took_ms = (time.monotonic() - sent.asked_at) * 1_000
            cost = "" if shown["cost"] is None else f", {shown['cost']:.4f} {shown['currency']}"
            step.saw(f"{sent.id}  {shown['status']}  {shown['provider_message_id']}{cost}")
            step.saw(f"{took_ms:.0f} ms from the request to the word that it arrived")

    async def receive_events(self, *sent: _Sent) -> None:
        """Signed, complete, in order."""
        with self._story.step("The shop has been told of both, signed and complete") as step:
            wanted = {"sms.delivered", "email.delivered"}
            ids = {one.id for one in sent}
            complete = await until(lambda: wanted <= {event.type for event in self._subscriber.of(ids)}, _WAIT_S)
            for id_ in ids:
                numbers = sorted(event.body["sequence"] for event in self._subscriber.of({id_}))
                step.check(numbers == list(range(1, len(numbers) + 1)), "no gap in a sequence", numbers)
            types = [event.type for event in self._subscriber.of(ids)]
            step.check(complete, " and ".join(sorted(wanted)), types)
            step.check(self._subscriber.refused == 0, "every signature to verify", f"{self._subscriber.refused} bad")
            step.saw(", ".join(types))

    async def count_effects(self, *sent: _Sent) -> None:
        """What really happened at the providers."""
        with self._story.step("The providers' own books show each message exactly once") as step:
            for one in sent:
                effects = (await self._sandbox.get("/control/ledger", reference=one.id))["data"]
                step.check(len(effects) == 1, f"one effect of {one.id}", effects)
                step.saw(f"1 × {effects[0]['kind']} by {effects[0]['provider']}")
            step.saw("they can be looked at as the people see them to whom they were sent: /inbox of the sandbox")

    async def _send(self, step: Step, path: str, body: dict[str, Any]) -> _Sent:
        asked_at = time.monotonic()
        response = await self._api.call("POST", path, body, expect=(201,))
        message = response.json()
        step.check(message["status"] in {"queued", "sent", "delivered"}, "a message on its way", message["status"])
        step.check(message["effect_guarantee"] == "exactly_once", "exactly_once", message["effect_guarantee"])
        step.saw(f"{message['id']}  {message['status']}  {message['provider']} {message['provider_message_id']}")
        step.saw(overhead(response))
        return _Sent(message["id"], f"{path}/{message['id']}", asked_at)
