"""Objects that are too large for the API: straight to the bucket and back, by signed addresses."""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from onerouter._answer import Answer
from onerouter._errors import (
    APIConnectionError,
    APIError,
    OneRouterError,
    PreconditionFailedError,
    ProviderError,
    ProviderUnavailableError,
)
from onerouter._retry import by_status, delay_s, retry_after_s

if TYPE_CHECKING:
    from onerouter._base import AsyncBase
    from onerouter._course import Course

_REFUSED: Final = 403
_NOT_AS_ASKED: Final = 412
_FAILED: Final = 500
_AWAY: Final = 503
"""Said before anything is done."""
_CODE: Final = re.compile(r"<Code>([A-Za-z]{1,64})</Code>")

# sync: | Again = Callable[[], str]
Again = Callable[[], Awaitable[str]]
"""Signs another address for the same."""


class AsyncTransfers:
    """With the connections of a client, and none of its secrets."""

    def __init__(self, client: AsyncBase, course: Course) -> None:
        self._client = client
        self._course = course

    async def put(self, url: str, headers: Mapping[str, str], content: bytes, again: Again) -> str | None:
        """The ETag. The same bytes to the same place have one effect, however often they are sent.

        `again` signs a new address, once, where the bucket takes this one no more. Raises APIConnectionError, ProviderError,
        ProviderUnavailableError or PreconditionFailedError. Its `effect` is "none" only where no attempt may have had one.
        """
        tries = Tries(self._course)
        renewed = in_doubt = False
        while True:
            failure: OneRouterError
            try:
                limit_s = self._course.attempt_s(len(content))
                answer = await self._client._transport.put(url, headers, content, limit_s)
            except APIConnectionError as error:
                failure = error
                in_doubt = in_doubt or error.sent
            else:
                if answer.is_success:
                    return answer.headers.get("etag")
                if answer.status_code == _REFUSED and not renewed:
                    renewed, url = True, await again()
                    continue
                failure = refusal_of(answer)
                in_doubt = in_doubt or (answer.status_code >= _FAILED and answer.status_code != _AWAY)
            failure.effect = "unknown" if in_doubt else "none"
            await self._client._sleep(tries.pause_before_next(failure))


class Tries:
    """How often it is tried, of one transfer."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._done = 0

    def pause_before_next(self, failure: OneRouterError) -> float:
        """Seconds. Raises the failure when there is no next one."""
        chance = random.random()  # noqa: S311
        delay = delay_s(
            failure,
            retries=self._done,
            max_retries=self._course.max_retries,
            left_s=self._course.left_s,
            chance=chance,
        )
        self._done += 1
        failure.attempts = self._done
        if delay is None:
            raise failure
        return delay

    def went_on(self) -> None:
        """Something has come: what fails from now on is counted anew."""
        self._done = 0


def refusal_of(answer: Answer) -> OneRouterError:
    """Of a PUT: where a condition came with it, it was `if_none_match`."""
    kind = PreconditionFailedError if answer.status_code == _NOT_AS_ASKED else ProviderError
    return refused(answer.status_code, answer.headers, answer.content, kind=kind)


def refused(
    status: int, headers: Mapping[str, str], content: bytes, *, kind: type[APIError] = ProviderError
) -> OneRouterError:
    """What a bucket says is XML, and its code is what programs go by."""
    found = _CODE.search(content[:4096].decode("utf-8", "replace"))
    code = None if found is None else found[1]
    is_away = by_status(status) or status >= 500
    made = ProviderUnavailableError if is_away else kind
    error: OneRouterError = made(f"The bucket answered {status}{'' if code is None else f' {code}'}.")
    error.status_code = status
    error.provider_code = code
    error.retryable = is_away
    error.effect = "none"
    error.retry_after = retry_after_s(headers)
    return error
