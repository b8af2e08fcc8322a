"""Which URL a tenant may give us. The address behind it is checked again at every connection (`guard.py`)."""

from typing import Final

from yarl import URL

from onerouter_common.egress.addresses import AddressPolicy, parse
from onerouter_common.errors import InvalidRequest

_LONGEST: Final = 2048


def check_url(text: str, policy: AddressPolicy, *, field: str = "url") -> str:
    """The URL as it is stored. Raises InvalidRequest that names the field and says what is wrong with it.

    Only https on a permitted port; where private targets are allowed (development) also http, on any port.
    """
    if len(text.encode()) > _LONGEST:
        raise InvalidRequest.of(field, f"must have at most {_LONGEST} bytes")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise InvalidRequest.of(field, "must not contain white space or control characters")
    try:
        url = URL(text)
        host, port = url.host, url.port
    except ValueError:
        raise InvalidRequest.of(field, "is not a valid URL") from None
    if url.scheme not in (("https", "http") if policy.allowed else ("https",)):
        raise InvalidRequest.of(field, "must start with https://")
    if not host or port is None:
        raise InvalidRequest.of(field, "must name a host")
    if url.user is not None or url.password is not None:
        raise InvalidRequest.of(field, "must not contain a user name or password")
    if url.fragment:
        raise InvalidRequest.of(field, "must not contain a fragment")
    _check_target(host, port, policy, field)
    return str(url)


def _check_target(host: str, port: int, policy: AddressPolicy, field: str) -> None:
    local = bool(policy.allowed)
    if not local and port not in policy.ports:
        permitted = ", ".join(str(number) for number in policy.ports)
        raise InvalidRequest.of(field, f"must use port {permitted}")
    # A dotless name is a neighbour's.
    numeric = parse(host)
    if is_disguised(host) or (numeric is None and not local and "." not in host.rstrip(".")):
        raise InvalidRequest.of(field, "must name a public host")
    if numeric is not None and not policy.permits(host, port):
        raise InvalidRequest.of(field, "must lead to a public address")


def is_disguised(host: str) -> bool:
    """Whether it is no name, but an address as only some read it (`0x7f.1`, `2130706433`, `fe80::1%eth0`): no name ends in a
    part that begins with a digit."""
    return parse(host) is None and (host.rstrip(".").rpartition(".")[2][:1].isdigit() or "%" in host)
