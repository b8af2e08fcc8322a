"""A moving window in this process: what limits while Redis is away."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from onerouter_gateway.rate_limit.quota import Quota, Verdict


class LocalWindows:
    """One moving window a key; the keys seen longest ago are forgotten beyond `size`."""

    def __init__(self, *, size: int = 50_000, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._monotonic = monotonic
        self._windows: OrderedDict[str, deque[float]] = OrderedDict()

    def hit(self, key: str, quota: Quota) -> Verdict:
        """Take one if there is one."""
        now = self._monotonic()
        window = self._windows.setdefault(key, deque())
        self._windows.move_to_end(key)
        if len(self._windows) > self._size:
            self._windows.popitem(last=False)
        while window and window[0] <= now - quota.window_s:
            window.popleft()
        if len(window) >= quota.limit:
            return Verdict(False, quota, 0, window[-quota.limit] + quota.window_s - now)
        window.append(now)
        return Verdict(True, quota, quota.limit - len(window), quota.window_s)
