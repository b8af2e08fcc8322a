"""Moving windows in this process: what limits while Redis is away."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from onerouter_gateway.rate_limit.policy import Policy, Rate, Verdict, settled


class LocalWindows:
    """One moving window a policy's key; the keys seen longest ago are forgotten beyond `size`."""

    def __init__(self, *, size: int = 50_000, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._monotonic = monotonic
        self._windows: OrderedDict[str, deque[float]] = OrderedDict()

    def hit(self, policies: Sequence[Policy]) -> Verdict:
        """Take one of each if each has one, else none of any."""
        return self._decide(policies, counting=True)

    def look(self, policies: Sequence[Policy]) -> Verdict:
        """What `hit` would say, without taking any."""
        return self._decide(policies, counting=False)

    def _decide(self, policies: Sequence[Policy], *, counting: bool) -> Verdict:
        now = self._monotonic()
        windows = [self._window(policy, now) for policy in policies]
        allowed = all(len(window) < policy.rate.limit for window, policy in zip(windows, policies, strict=True))
        figures: list[float] = []
        for window, policy in zip(windows, policies, strict=True):
            if allowed and counting:
                window.append(now)
            figures.extend(_standing(window, policy.rate, now, allowed=allowed))
        return settled(policies, allowed, figures)

    def _window(self, policy: Policy, now: float) -> deque[float]:
        window = self._windows.setdefault(policy.key, deque())
        self._windows.move_to_end(policy.key)
        if len(self._windows) > self._size:
            self._windows.popitem(last=False)
        while window and window[0] <= now - policy.rate.window_s:
            window.popleft()
        return window


def _standing(window: deque[float], rate: Rate, now: float, *, allowed: bool) -> tuple[float, float]:
    remaining = max(0, rate.limit - len(window))
    if remaining == 0 and not allowed:
        return 0, window[-rate.limit] + rate.window_s - now
    return remaining, window[-1] + rate.window_s - now if window else 0.0
