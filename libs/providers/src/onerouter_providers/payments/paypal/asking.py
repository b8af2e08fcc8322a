"""Asking PayPal whether it has sent a callback."""

import asyncio
from typing import Final

from onerouter_common.errors import ProviderRefusedUs
from onerouter_providers.payments.paypal.part import Part
from onerouter_providers.payments.paypal.wire import strange

_VERIFY: Final = "/v1/notifications/verify-webhook-signature"
_LONGEST_S: Final = 5.0
"""Who asks has the callback's sender waiting."""


class Asking(Part):
    """`AnswersForCallbacks`."""

    async def verify_callback(self, question: bytes) -> bool:
        """`question` is what `webhook.question` made. One that PayPal cannot even read is about nothing of PayPal's."""
        deadline = min(self._wire.deadline(), asyncio.get_running_loop().time() + _LONGEST_S)
        try:
            answer = await self._wire.post_raw("callback.verify", _VERIFY, question, deadline)
        except ProviderRefusedUs as refused:
            if refused.http_status_seen in (400, 422):
                return False
            raise
        status = answer.get("verification_status")
        if status not in ("SUCCESS", "FAILURE"):
            raise strange("callback.verify", "neither success nor failure", effect=False)
        return bool(status == "SUCCESS")
