"""What a handler asks for before it sends: the message as it goes out. `content.Composer` does it."""

from typing import Protocol

from onerouter_common.contracts.messages import SendEmail, SendSms
from onerouter_common.worker.handler import Operation
from onerouter_messaging.message.noted import Noted
from onerouter_providers.messages import EmailRequest, SmsRequest


class Composer(Protocol):
    """Loads and renders templates, applies defaults, loads attachments, and asks the suppression list.

    Recipients of an email that are on the list are left out of what comes back. Raises a CallerError where nothing may be
    sent: error code `SUPPRESSED` when nobody is left, InvalidRequest for what cannot be rendered.

    `noted`: it is about a call that was made before: the same is put together as then, whatever the list, the connection
    or anything else says by now, and nobody is refused any more.
    """

    async def sms(self, op: Operation, command: SendSms, *, noted: Noted | None = None) -> SmsRequest: ...

    async def email(
        self, op: Operation, command: SendEmail, *, default_from: str | None = None, noted: Noted | None = None
    ) -> EmailRequest:
        """`default_from`: the connection's own sender (`Acme <hello@acme.com>`), for a command that names none."""
        ...


class Notes(Protocol):
    """What was composed, written down before it is sent: durable, and by the newest claim of an operation only.

    Both raise Overloaded where it cannot be done now, or another process has claimed the operation since.
    """

    async def write(self, op: Operation, noted: Noted | None) -> None:
        """None: what is noted is of an earlier call, which did nothing; the one that begins has composed nothing yet."""
        ...

    async def read(self, op: Operation) -> Noted | None:
        """None: nothing was composed for the call that was made, and from now on no older claim gets to send anything."""
        ...
