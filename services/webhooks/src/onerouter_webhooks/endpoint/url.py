"""Which URL a tenant may give us. The address behind it is checked again at every connection (`delivery/transport.py`)."""

from typing import Final

from yarl import URL

from onerouter_common.errors import InvalidRequest
from onerouter_webhooks.delivery.addresses import AddressPolicy, parse

_LONGEST: Final = 2048


def check_url(text: str, policy: AddressPolicy) -> str:
    """The URL as it is stored. Raises InvalidRequest that says what is wrong with it.

    Only https on a permitted port; where private targets are allowed (development) also http, on any port.
    """
    if len(text.encode()) > _LONGEST:
        raise InvalidRequest.of("url", f"must have at most {_LONGEST} bytes")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise InvalidRequest.of("url", "must not contain white space or control characters")
    try:
        url = URL(text)
        host, port = url.host, url.port
    except ValueError:
        raise InvalidRequest.of("url", "is not a valid URL") from None
    local = bool(policy.allowed)
    if url.scheme not in (("https", "http") if local else ("https",)):
        raise InvalidRequest.of("url", "must start with https://")
    if not host or port is None:
        raise InvalidRequest.of("url", "must name a host")
    if url.user is not None or url.password is not None:
        raise InvalidRequest.of("url", "must not contain a user name or password: deliveries are signed instead")
    if url.fragment:
        raise InvalidRequest.of("url", "must not contain a fragment")
    _check_target(host, port, policy, local)
    return str(url)


def _check_target(host: str, port: int, policy: AddressPolicy, local: bool) -> None:
    if not local and port not in policy.ports:
        permitted = ", ".join(str(number) for number in policy.ports)
        raise InvalidRequest.of("url", f"must use port {permitted}")
    # A dotless name or one that ends in a number is an address in disguise (`0x7f.1`, `2130706433`) or a neighbour's.
    last = host.rstrip(".").rpartition(".")[2]
    numeric = parse(host)
    if numeric is None and (last[:1].isdigit() or "%" in host or (not local and "." not in host.rstrip("."))):
        raise InvalidRequest.of("url", "must name a public host")
    if numeric is not None and not policy.permits(host, port):
        raise InvalidRequest.of("url", "must lead to a public address")
