"""What a tenant's host names mean: nothing, when any address they lead to is not permitted."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from onerouter_common.egress.addresses import AddressPolicy


class TargetBlocked(Exception):
    """The name or number leads to an address that is not permitted."""


def is_blocked(error: BaseException) -> bool:
    """Whether a failed request was stopped by the policy: aiohttp may put an error of its own around ours."""
    return isinstance(error, TargetBlocked) or isinstance(error.__cause__, TargetBlocked)


class GuardedResolver(AbstractResolver):
    """Names that lead to any address that is not permitted do not resolve, even when they also lead to one that is."""

    def __init__(self, inner: AbstractResolver, policy: AddressPolicy) -> None:
        self._inner = inner
        self._policy = policy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not all(self._policy.permits(one["host"], port) for one in found):
            raise TargetBlocked(host)
        return found

    async def close(self) -> None:
        await self._inner.close()
