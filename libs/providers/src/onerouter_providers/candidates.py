"""What routing may ask of a connection, by its provider's manifest."""

from collections.abc import Mapping

from onerouter_common.routing.route import Candidate
from onerouter_providers.manifest import Manifest


def candidate_of(
    manifest: Manifest | None,
    *,
    connection_id: str,
    provider: str,
    enabled: bool,
    switched_off: bool = False,
    instead: Mapping[str, str] | None = None,
) -> Candidate:
    """`manifest` None: the provider is not installed in this process. `instead`: `Providers.instead`; None: the manifest's.

    The manifest's countries say where an account may be based, not where customers are: they restrict no operation.
    """
    return Candidate(
        connection_id,
        provider,
        enabled=enabled,
        switched_off=switched_off,
        capabilities=None if manifest is None else frozenset(one.name for one in manifest.capabilities),
        currencies=None if manifest is None or manifest.currencies is None else frozenset(manifest.currencies),
        instead=instead if instead is not None else {} if manifest is None else manifest.unsupported,
    )
