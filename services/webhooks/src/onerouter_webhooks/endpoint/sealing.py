"""What a tenant says of an endpoint, as it is stored: what is secret in it is sealed."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic import SecretStr

from onerouter_common.ids import new_id
from onerouter_common.secrets import DataKey
from onerouter_webhooks.endpoint.auth import shown, to_seal
from onerouter_webhooks.endpoint.keys import AUTH, HEADERS, headers_to_seal, place_of
from onerouter_webhooks.endpoint.schemas import CreateEndpoint, UpdateEndpoint

_SIGNING: Final = "whs"


class Sealed(NamedTuple):
    """A secret as it is stored."""

    id: str
    endpoint_id: str
    sealed: str


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals what belongs to one endpoint."""

    tenant_id: str
    endpoint_id: str
    data_key: DataKey

    def secret(self, secret: SecretStr) -> Sealed:
        secret_id = new_id(_SIGNING)
        return Sealed(secret_id, self.endpoint_id, self.part(secret_id, secret))

    def part(self, name: str, clear: SecretStr) -> str:
        return self.data_key.seal(clear, bound_to=place_of(self.tenant_id, self.endpoint_id, name))


def values_of(wish: CreateEndpoint | UpdateEndpoint, sealer: Sealer) -> dict[str, Any]:
    """What the wish names, by column."""
    named = wish.model_fields_set
    values = {name: getattr(wish, name) for name in named - {"headers", "auth"}}
    if "url" in named and wish.url is not None:
        values["url"] = str(wish.url)
    if "metadata" in named:
        values["metadata"] = wish.metadata or {}
    if "headers" in named:
        values["header_names"] = sorted(wish.headers or ())
        values["headers_sealed"] = sealer.part(HEADERS, headers_to_seal(wish.headers)) if wish.headers else None
    if "auth" in named:
        values["auth"] = shown(wish.auth) if wish.auth is not None else None
        values["auth_sealed"] = sealer.part(AUTH, to_seal(wish.auth)) if wish.auth is not None else None
    return values
