"""Who holds a key, with what is worked out of it once: it is looked at in every request."""

from dataclasses import dataclass
from typing import Final

import structlog

from onerouter_common.registry_client import Principal
from onerouter_gateway.authentication.address import Network, address_of, is_within, networks_of
from onerouter_gateway.rate_limit.policy import KEY, PLAN, Policy, Rate

log = structlog.get_logger()

_MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Holder:
    principal: Principal
    networks: tuple[Network, ...] | None = None
    """Where the key may be used from; None: anywhere, none in it: nowhere."""
    policies: tuple[Policy, ...] = ()
    """What each of its requests counts against."""

    @classmethod
    def of(cls, principal: Principal) -> "Holder":
        tenant = f"{{{principal.tenant_id}}}"
        rate = Rate.of(principal.rate_limit_per_s, principal.rate_burst)
        policies = [Policy(KEY, f"{tenant}:key:{principal.family}", rate)]
        if principal.requests_per_minute is not None:
            policies.append(Policy(PLAN, f"{tenant}:plan", Rate(max(1, principal.requests_per_minute), _MINUTE_S)))
        return cls(principal, _networks(principal), tuple(policies))

    def may_come_from(self, address: str) -> bool:
        if self.networks is None:
            return True
        parsed = address_of(address)
        return parsed is not None and is_within(parsed, self.networks)


def _networks(principal: Principal) -> tuple[Network, ...] | None:
    if not principal.ip_allow_list:
        return None
    try:
        return networks_of(principal.ip_allow_list)
    except ValueError:
        # The registry checks what it stores. A list that cannot be read all the same lets nobody in, not everybody.
        log.exception("principal.ip_allow_list.unreadable", api_key_id=principal.api_key_id)
        return ()
