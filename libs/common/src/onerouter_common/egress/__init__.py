"""Calling addresses that tenants give us: public ones only, checked when they are given and at every connection.

    url = check_url(given, policy)                      # when it is stored
    async with open_session(policy, …) as session: …    # whenever it is called

Whatever in the product calls an address of a tenant's goes through this.
"""

from onerouter_common.egress.addresses import AddressPolicy, Network
from onerouter_common.egress.guard import open_session, peer_of
from onerouter_common.egress.kept import StaleConnection
from onerouter_common.egress.names import TargetBlocked, is_blocked
from onerouter_common.egress.proxy import ProxyAway
from onerouter_common.egress.urls import check_url

__all__ = [
    "AddressPolicy",
    "Network",
    "ProxyAway",
    "StaleConnection",
    "TargetBlocked",
    "check_url",
    "is_blocked",
    "open_session",
    "peer_of",
]
