"""What an issuer says of itself at /.well-known/openid-configuration (OpenID Connect Discovery 1.0)."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from onerouter_registry.oidc.errors import IssuerUnavailable
from onerouter_registry.oidc.fetching import Fetcher

PATH = "/.well-known/openid-configuration"


class Discovered(BaseModel):
    """Where its endpoints are, and what they understand. Defaults are the specification's (Discovery 3, RFC 9207 3)."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    issuer: str
    authorization_endpoint: str = Field(max_length=2_048)
    token_endpoint: str = Field(max_length=2_048)
    jwks_uri: str = Field(max_length=2_048)
    userinfo_endpoint: str | None = Field(None, max_length=2_048)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


async def discover(fetcher: Fetcher, issuer: str) -> Discovered:
    """Raises IssuerUnavailable, also for a document that is another issuer's or sends us over plain http."""
    answer = await fetcher.get(issuer.rstrip("/") + PATH)
    if not answer.ok:
        raise IssuerUnavailable(f"The identity provider answered its discovery with status {answer.status}.")
    try:
        found = Discovered.model_validate(answer.body)
    except ValidationError as error:
        fields = ", ".join(sorted({str(item["loc"][0]) for item in error.errors() if item["loc"]}))
        raise IssuerUnavailable(f"The identity provider's discovery document is not usable: {fields}.") from None
    if found.issuer != issuer:
        raise IssuerUnavailable(
            "The identity provider's discovery document names another issuer than the configured one."
        )
    for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint):
        if url is not None:
            fetcher.require_allowed(url)
    return found
