"""What a client is made with, checked. Pure, but for the environment it reads."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from onerouter._errors import ConfigurationError
from onerouter._options import Timeout
from onerouter._request import Defaults, timeout_of
from onerouter._secret import Secret
from onerouter._version import __version__

DEFAULT_BASE_URL: Final = "https://api.onerouter.com"
DEFAULT_TIMEOUT: Final = Timeout()
ENVIRONMENTS: Final = frozenset({"test", "live"})


def base_url_of(given: str | None) -> str:
    """Without a slash at its end. Raises ConfigurationError."""
    url = (os.environ.get("ONEROUTER_BASE_URL") or DEFAULT_BASE_URL) if given is None else given
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_one = False
    if not is_one or parts.query or parts.fragment or parts.username is not None:
        raise ConfigurationError("base_url must look like https://api.onerouter.com, with nothing behind its path.")
    return url.rstrip("/")


def defaults_of(
    timeout: float | Timeout | None, deadline: float | None, max_retries: int, environment: str | None
) -> Defaults:
    """Raises ConfigurationError."""
    if max_retries < 0 or (deadline is not None and not deadline > 0):
        raise ConfigurationError("max_retries is 0 or more, and deadline a number of seconds above 0.")
    if environment is not None and environment not in ENVIRONMENTS:
        raise ConfigurationError("environment is `test` or `live`.")
    try:
        limits = DEFAULT_TIMEOUT if timeout is None else timeout_of(timeout)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    return Defaults(limits, deadline, max_retries, environment)


def headers_of(api_key: str, extra: Mapping[str, str] | None) -> dict[str, str]:
    """What all requests carry."""
    return {
        "Authorization": Secret(f"Bearer {api_key}"),
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
        "User-Agent": f"onerouter-python/{__version__} (Python {platform.python_version()}; {platform.system()})",
        **(extra or {}),
    }
