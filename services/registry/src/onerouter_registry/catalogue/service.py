"""What can be connected, as the manifests say."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.contracts.base import Category
from onerouter_common.errors import InvalidRequest
from onerouter_providers.loader import ProviderPackage, Providers
from onerouter_providers.manifest import Manifest

_SHOWN: Final = {
    "id",
    "category",
    "display_name",
    "description",
    "color",
    "docs_url",
    "api_version",
    "credentials",
    "capabilities",
    "unsupported",
    "callback",
    "currencies",
    "countries",
    "limits",
    "cost",
}


class Catalogue:
    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    def package(self, category: str, provider: str) -> ProviderPackage:
        """Raises InvalidRequest (INVALID_PROVIDER), naming those there are."""
        package = self._providers.find(category, provider)
        if package is None:
            present = ", ".join(one.manifest.id for one in self._providers if one.manifest.category == category)
            raise InvalidRequest(
                f"'{provider[:40]}' is not a provider of {category[:40]}; there is: {present or 'none'}.",
                code="INVALID_PROVIDER",
            )
        return package

    def find(self, category: str, provider: str) -> Manifest | None:
        """None: not installed (any more)."""
        package = self._providers.find(category, provider)
        return None if package is None else package.manifest

    def instead(self, category: str, provider: str) -> Mapping[str, str]:
        """Capability that it lacks → what to do instead, and who can."""
        return self._providers.instead(category, provider)

    def get(self, category: str, provider: str) -> Manifest:
        """Raises InvalidRequest (INVALID_PROVIDER)."""
        return self.package(category, provider).manifest

    def category_of(self, value: str) -> Category:
        """Raises InvalidRequest unless some provider is of this category."""
        for package in self._providers:
            if package.manifest.category == value:
                return package.manifest.category
        raise InvalidRequest.of("category", f"'{value[:40]}' has no provider")

    def entries(self) -> list[dict[str, Any]]:
        """Each provider's public facts, for forms and discovery."""
        return [package.manifest.model_dump(mode="json", include=_SHOWN) for package in self._providers]

    def manifests(self) -> list[Manifest]:
        """By category and provider."""
        found = [package.manifest for package in self._providers]
        return sorted(found, key=lambda manifest: (manifest.category, manifest.id))
