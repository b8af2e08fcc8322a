"""Mail through our own email service, as any tenant sends it: `POST /v1/email` with an API key of the platform's tenant."""

import asyncio
from typing import Final

import httpx
import structlog
from pydantic import SecretStr

from onerouter_registry.mail.model import Mail

log = structlog.get_logger()

ATTEMPT_TIMEOUT_S: Final = 10.0
WAITS_S: Final = (1.0, 5.0, 20.0)
"""Before the second, third and fourth try. A reset link lives for half an hour; later it is asked for again."""
_LONGEST_WAIT_S: Final = 60.0


class RoutedMail:
    delivers = True

    def __init__(
        self,
        http: httpx.AsyncClient,
        gateway_url: str,
        api_key: SecretStr,
        sender: str,
        *,
        waits_s: tuple[float, ...] = WAITS_S,
    ) -> None:
        self._http = http
        self._url = f"{gateway_url.rstrip('/')}/v1/email"
        self._api_key = api_key
        self._sender = sender
        self._waits_s = waits_s

    async def send(self, mail: Mail) -> None:
        """Repeats what may be repeated under one idempotency key, so that nobody gets two."""
        for wait_s in (*self._waits_s, None):
            outcome, retry_after_s = await self._attempt(mail)
            if outcome == "sent":
                log.info("registry.mail.sent", kind=mail.kind, mail_id=mail.id)
                return
            if outcome == "refused" or wait_s is None:
                break
            await asyncio.sleep(min(max(wait_s, retry_after_s), _LONGEST_WAIT_S))
        log.error("registry.mail.failed", kind=mail.kind, mail_id=mail.id, outcome=outcome)

    async def _attempt(self, mail: Mail) -> tuple[str, float]:
        """`sent`, `refused` (another try would be, too) or `away`, and how long to wait at least."""
        link = "" if mail.link is None else mail.link.get_secret_value()
        body = {
            "to": mail.to,
            "from_email": self._sender,
            "subject": mail.subject,
            "text_body": mail.text.replace("{link}", link),
        }
        headers = {"Authorization": f"Bearer {self._api_key.get_secret_value()}", "Idempotency-Key": mail.id}
        try:
            async with asyncio.timeout(ATTEMPT_TIMEOUT_S):
                answer = await self._http.post(self._url, json=body, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            log.warning("registry.mail.away", mail_id=mail.id, error=type(error).__name__)
            return "away", 0.0
        if answer.is_success:
            return "sent", 0.0
        log.warning("registry.mail.not_taken", mail_id=mail.id, status=answer.status_code)
        if answer.status_code in {408, 409, 425, 429} or answer.status_code >= 500:
            return "away", _retry_after_s(answer)
        return "refused", 0.0


def _retry_after_s(answer: httpx.Response) -> float:
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0
