"""Finds providers: the folders that installed packages name under the entry point group `onerouter.providers`.

    [project.entry-points."onerouter.providers"]
    "payments.razorpay" = "onerouter_providers.payments.razorpay"

The named package holds `manifest.toml`, a function `create_client(credentials, *, http, base_url)` and, when the provider
calls back, a module `webhook`. Ours are found the same way as anyone's.
"""

import functools
import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from types import ModuleType
from typing import Any, Final, Protocol, Self, cast

import httpx
from pydantic import SecretStr

from onerouter_providers.http import ProviderHttp
from onerouter_providers.instead import instead_of_lacking
from onerouter_providers.manifest import Manifest, ManifestInvalid, parse_manifest
from onerouter_providers.webhook import WebhookModule

GROUP: Final = "onerouter.providers"


class ProviderPackageInvalid(Exception):
    """An installed provider package cannot be used; the text says which and why."""


class CreateClient(Protocol):
    """Makes the client of one connection: it implements the Protocol of the category (`capability.py`)."""

    def __call__(self, credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class ProviderPackage:
    """One provider, ready to be used."""

    manifest: Manifest
    create_client: CreateClient = field(repr=False)
    webhook: WebhookModule | None = field(repr=False)
    """None: the provider does not call us."""

    @property
    def name(self) -> str:
        """`payments.razorpay`."""
        return f"{self.manifest.category}.{self.manifest.id}"

    def open(
        self,
        credentials: Mapping[str, SecretStr],
        *,
        http: httpx.AsyncBaseTransport,
        environment: str,
        base_url: str | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        """A client for these credentials on a shared pool (`http.open_pool`).

        `base_url` is an operator's override; `timeout_s` replaces the manifest's.
        """
        policy = ProviderHttp(
            http,
            provider=self.manifest.id,
            display_name=self.manifest.display_name,
            timeout_s=timeout_s or self.manifest.timeout_s,
        )
        return self.create_client(
            credentials, http=policy, base_url=(base_url or self.manifest.base_url.of(environment)).rstrip("/")
        )


class Providers:
    """All installed providers. Read-only."""

    def __init__(self, packages: Iterable[ProviderPackage]) -> None:
        self._packages = {package.name: package for package in packages}
        manifests = [package.manifest for package in self._packages.values()]
        self._instead = {
            name: instead_of_lacking(package.manifest, manifests) for name, package in self._packages.items()
        }

    @classmethod
    def load(cls, found: Iterable[EntryPoint] | None = None) -> Self:
        """Import every installed provider. Raises ProviderPackageInvalid: better no start than half a catalogue."""
        by_name: dict[str, EntryPoint] = {}
        for entry_point in entry_points(group=GROUP) if found is None else found:
            other = by_name.setdefault(entry_point.name, entry_point)
            if other.value != entry_point.value:
                raise ProviderPackageInvalid(
                    f"Two packages provide '{entry_point.name}': {other.value} and {entry_point.value}."
                )
        return cls(_load(by_name[name]) for name in sorted(by_name))

    def __iter__(self) -> Iterator[ProviderPackage]:
        return iter(self._packages.values())

    def find(self, category: str, provider: str) -> ProviderPackage | None:
        return self._packages.get(f"{category}.{provider}")

    def instead(self, category: str, provider: str) -> Mapping[str, str]:
        """Capability that the provider lacks → what to do instead, and which installed providers can."""
        return self._instead.get(f"{category}.{provider}", {})


_manifest: Final = functools.cache(parse_manifest)
"""To parse all of them takes longer than all else that loading does; the same text says the same."""


def _load(entry_point: EntryPoint) -> ProviderPackage:
    try:
        package = importlib.import_module(entry_point.value)
        manifest = _manifest(
            (files(package) / "manifest.toml").read_text("utf-8"), source=f"{entry_point.value}/manifest.toml"
        )
        webhook = _webhook_of(package, manifest)
    except (ImportError, OSError, ManifestInvalid) as error:
        raise ProviderPackageInvalid(f"The provider '{entry_point.name}' cannot be loaded: {error}") from error
    if f"{manifest.category}.{manifest.id}" != entry_point.name:
        raise ProviderPackageInvalid(
            f"The entry point '{entry_point.name}' leads to a manifest of '{manifest.category}.{manifest.id}'."
        )
    create_client = getattr(package, "create_client", None)
    if not callable(create_client):
        raise ProviderPackageInvalid(f"{entry_point.value} has no function `create_client`.")
    return ProviderPackage(manifest, cast(CreateClient, create_client), webhook)


def _webhook_of(package: ModuleType, manifest: Manifest) -> WebhookModule | None:
    if manifest.callback is None:
        return None
    webhook = importlib.import_module(f"{package.__name__}.webhook")
    missing = [name for name in ("verify", "identify", "parse") if not callable(getattr(webhook, name, None))]
    if missing:
        raise ImportError(f"{webhook.__name__} has no function {', '.join(missing)}")
    if (manifest.certificates is None) is callable(getattr(webhook, "certificate_url", None)):
        raise ImportError(f"{webhook.__name__} and the manifest differ on whether callbacks are signed by certificate")
    if (manifest.callback.handshake_valid_s is None) is callable(getattr(webhook, "handshake", None)):
        raise ImportError(f"{webhook.__name__} and the manifest differ on whether it asks before it calls back")
    return cast(WebhookModule, webhook)
