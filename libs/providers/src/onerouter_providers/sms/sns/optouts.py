"""Who has opted out at AWS: SNS takes messages for them, answers with success, and drops them.

So it is asked first, where the credentials may ask, and remembered for an hour. A question that is not answered never
stops a message: it is a courtesy, and our own suppression list comes before it.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import structlog

from onerouter_common.errors import ProviderError
from onerouter_providers.aws import Aws, AwsRefused

log = structlog.get_logger()

_KEPT_S: Final = 3_600.0
_KEPT_MOST: Final = 10_000
_ASK_S: Final = 3.0
"""More of a send's own time is not spent on it."""


class OptOuts:
    def __init__(self, aws: Aws, now: Callable[[], float] = time.monotonic) -> None:
        self._aws = aws
        self._now = now
        self._may_ask_at = 0.0
        self._known: OrderedDict[str, tuple[bool, float]] = OrderedDict()

    async def has(self, number: str, deadline: float) -> bool:
        """Whether the number is known to have opted out."""
        known = self._known.get(number)
        if known is not None and self._now() < known[1]:
            return known[0]
        if self._now() < self._may_ask_at:
            return False
        answer = await self._ask(number, min(deadline, asyncio.get_running_loop().time() + _ASK_S))
        if answer is None:
            return False
        self._known[number] = (answer, self._now() + _KEPT_S)
        self._known.move_to_end(number)
        while len(self._known) > _KEPT_MOST:
            self._known.popitem(last=False)
        return answer

    async def _ask(self, number: str, deadline: float) -> bool | None:
        params = {"phoneNumber": number}
        try:
            answer = await self._aws.call(
                "sms.send", "check_if_phone_number_is_opted_out", params, effect=False, deadline=deadline
            )
        except AwsRefused as refused:
            log.info("sns.opt_outs_not_asked", code=refused.code)
            if refused.status == 403:
                self._may_ask_at = self._now() + _KEPT_S
            return None
        except ProviderError as error:
            log.info("sns.opt_outs_not_asked", error=type(error).__name__)
            return None
        return answer.get("isOptedOut") is True
