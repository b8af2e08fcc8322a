"""Asks a service whether it is ready, with nothing but the standard library."""

import urllib.error
import urllib.request


def is_healthy(url: str, timeout_s: float) -> bool:
    """Whether the URL answers 2xx in time."""
    if not url.startswith(("http://", "https://")):
        return False
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as response:  # noqa: S310 - the scheme is checked above
            return 200 <= int(response.status) < 300
    except (OSError, urllib.error.URLError):
        return False
