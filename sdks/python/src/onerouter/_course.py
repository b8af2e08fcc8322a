"""A call that is several requests: what each of them is told, and what is left of the time for all."""

from __future__ import annotations

from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final

from onerouter._errors import APITimeoutError
from onerouter._options import RequestOptions
from onerouter._request import KEY_HEADER, times_of

if TYPE_CHECKING:
    from onerouter._request import Defaults

_SLOWEST_BYTES_PER_S: Final = 32 * 1024


class Course:
    """Begins when it is made. Raises ValueError or TypeError for options that no call takes."""

    def __init__(self, options: RequestOptions, defaults: Defaults) -> None:
        timeout, deadline, self.max_retries = times_of(options, defaults)
        self.silence_s = timeout.total
        """How long nothing may come."""
        self._is_exact = options.get("timeout") is not None
        self._options = options
        self._deadline = deadline
        self.until = inf if deadline is None else monotonic() + deadline
        """By `monotonic`."""
        headers = options.get("extra_headers") or {}
        self._later: RequestOptions = {**options}
        self._later.pop("idempotency_key", None)
        if headers:
            self._later["extra_headers"] = {
                name: value for name, value in headers.items() if name.lower() != KEY_HEADER.lower()
            }
        self.is_ours = options.get("idempotency_key") is None and len(headers) == len(
            self._later.get("extra_headers") or {}
        )
        """The key was made for this call: nobody has begun the same before, or does meanwhile."""

    @property
    def left_s(self) -> float | None:
        """Of the deadline; None: there is none."""
        return None if self._deadline is None else max(0.0, self.until - monotonic())

    def first(self) -> RequestOptions:
        """Of the request that the idempotency key is for. Raises APITimeoutError."""
        return self._within(self._options)

    def next(self) -> RequestOptions:
        """Of any other. Raises APITimeoutError."""
        return self._within(self._later)

    def at_the_end(self, seconds: float, least: float) -> RequestOptions:
        """Of what is cleaned up, in so many seconds, also when the time is over: then in the `least`."""
        left = self.left_s
        return {**self._later, "deadline": seconds if left is None else min(seconds, max(left, least))}

    def attempt_s(self, size: int = 0) -> float:
        """Most seconds of one transfer of so many bytes: as the call said, or as many as a slow line takes.

        Raises APITimeoutError.
        """
        longest = self.silence_s if self._is_exact else max(self.silence_s, size / _SLOWEST_BYTES_PER_S)
        left = self._left()
        return longest if left is None else min(longest, left)

    def is_over(self) -> APITimeoutError:
        return APITimeoutError(f"The call has not ended within its deadline of {self._deadline:.3g} s.")

    def _within(self, options: RequestOptions) -> RequestOptions:
        left = self._left()
        return options if left is None else {**options, "deadline": left}

    def _left(self) -> float | None:
        left = self.left_s
        if left == 0.0:
            error = self.is_over()
            error.sent = False
            error.effect = "none"
            raise error
        return left
