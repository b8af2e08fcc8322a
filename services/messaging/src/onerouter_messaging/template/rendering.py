"""What comes out of a template, as it may be sent: rendered by a renderer process, then checked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import JsonValue

from onerouter_common.errors import InvalidRequest
from onerouter_common.recipients import subject_of
from onerouter_messaging.template.characters import sendable
from onerouter_messaging.template.model import Written
from onerouter_messaging.template.renderer.process import Renderers

SMS_CHARS: Final = 1_600


class Rendering:
    def __init__(self, renderers: Renderers) -> None:
        self._renderers = renderers

    async def described(self, tenant_id: str, written: Written) -> Written:
        """With the schema of its variables. Raises InvalidRequest, naming the part, when it is no template."""
        question = {"do": "analyze", "parts": written.parts, "defaults": written.defaults}
        variables: dict[str, Any] = await self._renderers.ask(tenant_id, question)
        return Written(written.parts, written.defaults, variables)

    async def rendered(
        self, tenant_id: str, written: Written, variables: Mapping[str, JsonValue], at: datetime
    ) -> dict[str, str]:
        """`body`; or `subject` with `text` and, where there is one, `html`.

        The same `at` gives the same text. Raises InvalidRequest, Overloaded.
        """
        given = {**written.defaults, **variables}
        question = {"do": "render", "parts": written.parts, "variables": given, "at": at.isoformat()}
        made: dict[str, str] = await self._renderers.ask(tenant_id, question)
        return checked(made)

    async def text_of(self, tenant_id: str, html: str) -> str | None:
        """What HTML says to who reads text only; None: it cannot be told, and the email goes without."""
        try:
            said: str = await self._renderers.ask(tenant_id, {"do": "text", "html": html})
        except InvalidRequest:
            return None
        return said or None


def checked(made: Mapping[str, str]) -> dict[str, str]:
    """Raises InvalidRequest, naming the part, for what cannot be sent as it came out."""
    done = {part: sendable(part, text) for part, text in made.items()}
    if "body" in done:
        body_of("body", done["body"])
    if "subject" in done:
        done["subject"] = subject_of("subject", done["subject"].strip())
        if not done["subject"]:
            raise InvalidRequest.of("subject", "is empty once it is rendered")
    return done


def body_of(field: str, body: str) -> str:
    """An SMS that may be sent. Raises InvalidRequest."""
    if not body.strip():
        raise InvalidRequest.of(field, "is empty")
    if len(body) > SMS_CHARS:
        raise InvalidRequest.of(field, f"must have at most {SMS_CHARS} characters; it has {len(body)}")
    return sendable(field, body)
