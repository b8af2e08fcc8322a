"""Mail on a developer's machine: one line of the log. And nowhere at all."""

import structlog

from onerouter_registry.mail.model import Mail

log = structlog.get_logger()


class PrintedMail:
    """Local mode only: the link is a credential, and it stands in the log."""

    delivers = True

    async def send(self, mail: Mail) -> None:
        log.info(
            "registry.mail.printed",
            kind=mail.kind,
            to=mail.to,
            subject=mail.subject,
            link=None if mail.link is None else mail.link.get_secret_value(),
        )


class NoMail:
    """A production without a way to send mail: people are told so where they would wait for it."""

    delivers = False

    async def send(self, mail: Mail) -> None:
        log.warning("registry.mail.undeliverable", kind=mail.kind, mail_id=mail.id)
