"""What is said to who asks a provider for what it cannot do: what to do instead, and who can."""

from collections.abc import Iterable, Mapping

from onerouter_providers.manifest import Manifest


def instead_of_lacking(manifest: Manifest, installed: Iterable[Manifest]) -> Mapping[str, str]:
    """Capability → the manifest's own sentence, where it has one, and the ids of the providers of its category that can.

    Of all that the provider lacks: what somebody else has, and what its manifest explains.
    """
    able: dict[str, list[str]] = {}
    for other in installed:
        if other.category == manifest.category:
            for capability in other.capabilities:
                able.setdefault(capability.name, []).append(other.id)
    lacking = {name for name in able if manifest.find_capability(name) is None} | manifest.unsupported.keys()
    return {name: _sentence(manifest.unsupported.get(name), able.get(name, [])) for name in sorted(lacking)}


def _sentence(explained: str | None, able: list[str]) -> str:
    who = f"Supported by: {', '.join(sorted(able))}." if able else None
    return " ".join(part for part in (explained, who) if part)
