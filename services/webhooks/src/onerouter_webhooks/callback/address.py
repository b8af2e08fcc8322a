"""The address that a callback came to, as the provider knows it."""

from collections.abc import Mapping

from onerouter_providers.webhook import ADDRESS_HEADER


def with_address(headers: Mapping[str, str], base_url: str | None, path: str, query: str) -> dict[str, str]:
    """The headers with the address in front, made of our own base and of what was asked for there.

    Whatever the sender says of it (`Host`, `X-Forwarded-*`, this very header) is not believed. Without a base there is none,
    and a provider that signs it cannot be verified.
    """
    told = {name: value for name, value in headers.items() if name.lower() != ADDRESS_HEADER}
    if base_url is None:
        return told
    address = base_url.rstrip("/") + path + (f"?{query}" if query else "")
    return {ADDRESS_HEADER: address, **told}  # first: what is kept of headers is bounded
