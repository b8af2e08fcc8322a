"""How mail goes out of this installation, by its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import structlog

from onerouter_common.settings import Mode
from onerouter_registry.mail.model import Mailer
from onerouter_registry.mail.printed import NoMail, PrintedMail
from onerouter_registry.mail.routed import ATTEMPT_TIMEOUT_S, RoutedMail
from onerouter_registry.mail.service import Post
from onerouter_registry.settings import Settings

log = structlog.get_logger()


@asynccontextmanager
async def open_post(settings: Settings) -> AsyncIterator[Post]:
    """Through our email service where it is configured; else printed in local mode; else not at all, which is said."""
    async with httpx.AsyncClient(timeout=ATTEMPT_TIMEOUT_S) as http, Post(_mailer(settings, http)) as post:
        yield post


def _mailer(settings: Settings, http: httpx.AsyncClient) -> Mailer:
    if settings.mail_api_key is not None and settings.mail_from is not None:
        gateway = settings.mail_gateway_url or settings.public_url
        return RoutedMail(http, str(gateway), settings.mail_api_key, settings.mail_from)
    if settings.mode is Mode.LOCAL:
        return PrintedMail()
    log.warning(
        "registry.mail.not_configured",
        consequence="nobody can reset a password or confirm an address, and invitations are passed on by hand",
        remedy="set ONEROUTER_REGISTRY_MAIL_API_KEY and ONEROUTER_REGISTRY_MAIL_FROM",
    )
    return NoMail()
