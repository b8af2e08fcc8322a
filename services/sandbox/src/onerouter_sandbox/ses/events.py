"""What becomes of mail, as SES tells it: events of a configuration set, published to a topic.

By itself all is delivered, but for SES's own test addresses (`bounce@simulator.amazonses.com`, `complaint@`, `success@`,
`suppressionlist@`, `ooto@`); an account with manual delivery waits to be told.
Source: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Literal, get_args

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.ses.state import Mail, State
from onerouter_sandbox.ses.topics import Topics
from onerouter_sandbox.world import World

Fate = Literal[
    "delivered",
    "delayed",
    "bounced",
    "soft_bounced",
    "suppressed",
    "complained",
    "rejected",
    "opened",
    "clicked",
    "unsubscribed",
]
FATES: Final = get_args(Fate)
_SIMULATOR: Final = "simulator.amazonses.com"
BY_LOCAL_PART: Final[Mapping[str, tuple[Fate, ...]]] = {
    "success": ("delivered",),
    "bounce": ("bounced",),
    "complaint": ("delivered", "complained"),
    "suppressionlist": ("suppressed",),
    "ooto": ("delivered",),
}
_KIND: Final[Mapping[Fate, str]] = {
    "delivered": "Delivery",
    "delayed": "DeliveryDelay",
    "bounced": "Bounce",
    "soft_bounced": "Bounce",
    "suppressed": "Bounce",
    "complained": "Complaint",
    "rejected": "Reject",
    "opened": "Open",
    "clicked": "Click",
    "unsubscribed": "Subscription",
}


class Events:
    def __init__(self, state: State, world: World, topics: Topics) -> None:
        self._state = state
        self._world = world
        self._topics = topics

    def follow(self, mail: Mail) -> None:
        """What happens by itself after the API has taken it."""
        if mail.rendering_error is not None:
            failure = {"errorMessage": mail.rendering_error, "templateName": mail.template}
            self._publish(mail, "Rendering Failure", {"failure": failure})
            return
        self._publish(mail, "Send", {"send": {}})
        manual = self._state.accounts[mail.account].delivery == "manual"
        mail.awaits = [each for each in mail.recipients if not manual or self._is_suppressed(mail, each)]
        self._state.mails.changed(mail)
        self._wait(mail)

    def resume(self) -> None:
        for mail in self._state.mails:
            self._wait(mail)

    def decide(self, mail: Mail, fate: Fate, recipients: Sequence[str]) -> None:
        """One event about all of them, as SES tells of several recipients at one server."""
        at = _moment(self._world.clocks.of(mail.account).now())
        self._publish(mail, _KIND[fate], _details(fate, list(recipients), at), recipients)

    def _wait(self, mail: Mail) -> None:
        account = self._state.accounts.get(mail.account)
        due_at = mail.created_at + (account.delivery_delay_s if account is not None else 0)
        for recipient in mail.awaits:
            self._world.timers.at(due_at, partial(self._follow, mail, recipient), account=mail.account)

    def _follow(self, mail: Mail, recipient: str) -> None:
        mail.awaits.remove(recipient)
        self._state.mails.changed(mail)
        for fate in ("suppressed",) if self._is_suppressed(mail, recipient) else _fates(recipient):
            self.decide(mail, fate, [recipient])

    def _is_suppressed(self, mail: Mail, recipient: str) -> bool:
        account = self._state.accounts.get(mail.account)
        return account is not None and recipient.lower() in (address.lower() for address in account.suppressed)

    def _publish(self, mail: Mail, kind: str, details: dict[str, Any], recipients: Sequence[str] = ()) -> None:
        """`recipients`: whose copies it is about; none: everybody's."""
        at = self._world.clocks.of(mail.account).now()
        mail.happened.append({"event": kind, "at": at, "recipients": list(recipients or mail.recipients)})
        self._state.mails.changed(mail)
        if mail.configuration_set is None:
            return  # nobody would hear of it
        self._topics.publish(mail, kind, {"eventType": kind, **details, "mail": _mail(mail)})


def _fates(recipient: str) -> tuple[Fate, ...]:
    local, _, domain = recipient.partition("@")
    known = BY_LOCAL_PART.get(local.partition("+")[0].lower()) if domain.lower() == _SIMULATOR else None
    return known or ("delivered",)


def _mail(mail: Mail) -> dict[str, Any]:
    tags = {name: [value] for name, value in mail.tags.items()}
    return {
        "timestamp": _moment(mail.created_at),
        "messageId": mail.id,
        "source": mail.sender,
        "sourceArn": "arn:aws:ses:us-east-1:123456789012:identity/example.com",
        "sendingAccountId": "123456789012",
        "destination": mail.recipients,
        "headersTruncated": False,
        "headers": mail.headers,
        "commonHeaders": {"from": [mail.sender], "to": mail.to, "messageId": mail.id, "subject": mail.subject},
        "tags": {"ses:configuration-set": [mail.configuration_set], **tags},
    }


def _details(fate: Fate, recipients: list[str], at: str) -> dict[str, Any]:
    visit = {"timestamp": at, "ipAddress": "192.0.2.9", "userAgent": "Mozilla/5.0"}
    told: dict[Fate, dict[str, Any]] = {
        "delivered": {
            "delivery": {
                "timestamp": at,
                "recipients": recipients,
                "processingTimeMillis": 546,
                "smtpResponse": "250 2.6.0 Message received",
                "reportingMTA": "a8-70.smtp-out.amazonses.com",
            }
        },
        "delayed": {
            "deliveryDelay": {
                "timestamp": at,
                "delayType": "MailboxFull",
                "expirationTime": at,
                "delayedRecipients": [
                    {"emailAddress": each, "status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 over quota"}
                    for each in recipients
                ],
            }
        },
        "bounced": _bounce(recipients, at, "Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown"),
        "soft_bounced": _bounce(recipients, at, "Transient", "MailboxFull", "4.2.2", "smtp; 452 4.2.2 over quota"),
        "suppressed": _bounce(
            recipients,
            at,
            "Permanent",
            "OnAccountSuppressionList",
            "5.1.1",
            "Amazon SES did not send the message to this address because it is on the suppression list.",
        ),
        "complained": {
            "complaint": {
                "complainedRecipients": [{"emailAddress": each} for each in recipients],
                "complaintFeedbackType": "abuse",
                "complaintSubType": None,
                "feedbackId": random_id("0100", 16),
                "timestamp": at,
            }
        },
        "rejected": {"reject": {"reason": "Bad content"}},
        "opened": {"open": visit},
        "clicked": {"click": {**visit, "link": "https://example.com/", "linkTags": None}},
        "unsubscribed": {
            "subscription": {
                "contactList": "everybody",
                "timestamp": at,
                "source": "UnsubscribeHeader",
                "newTopicPreferences": {"unsubscribeAll": True, "topicSubscriptionStatus": []},
                "oldTopicPreferences": {"unsubscribeAll": False, "topicSubscriptionStatus": []},
            }
        },
    }
    return told[fate]


def _bounce(recipients: list[str], at: str, kind: str, subtype: str, status: str, said: str) -> dict[str, Any]:
    return {
        "bounce": {
            "bounceType": kind,
            "bounceSubType": subtype,
            "bouncedRecipients": [
                {"emailAddress": each, "action": "failed", "status": status, "diagnosticCode": said}
                for each in recipients
            ],
            "feedbackId": random_id("0100", 16),
            "timestamp": at,
            "reportingMTA": "dns; a8-70.smtp-out.amazonses.com",
        }
    }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
