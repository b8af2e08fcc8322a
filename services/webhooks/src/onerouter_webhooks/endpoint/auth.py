"""How a delivery shows who it is from beyond its signature: as a tenant tells it, as it is shown, as it is sealed."""

import base64
from typing import Annotated, Final, Literal
from urllib.parse import quote_plus, urlencode

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, TypeAdapter, field_validator

_Visible = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[\x21-\x7e]+$")]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[\x20-\x7e]+$")]


class _Auth(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _is_visible(value: SecretStr, most: int, *, spaces: bool) -> SecretStr:
    text = value.get_secret_value()
    first = " " if spaces else "!"
    if not 1 <= len(text) <= most or not all(first <= character <= "~" for character in text):
        raise ValueError(f"must have 1 to {most} visible ASCII characters")
    return value


class BasicAuth(_Auth):
    """RFC 7617: `Authorization: Basic …`."""

    type: Literal["basic"]
    username: _Name
    password: SecretStr

    @field_validator("username")
    @classmethod
    def _has_no_colon(cls, value: str) -> str:
        if ":" in value:
            raise ValueError("must not contain a colon, which ends a user name")
        return value

    @field_validator("password")
    @classmethod
    def _fits(cls, value: SecretStr) -> SecretStr:
        return _is_visible(value, 500, spaces=True)

    def header(self) -> str:
        pair = f"{self.username}:{self.password.get_secret_value()}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


class BearerAuth(_Auth):
    """RFC 6750: `Authorization: Bearer …`."""

    type: Literal["bearer"]
    token: SecretStr

    @field_validator("token")
    @classmethod
    def _fits(cls, value: SecretStr) -> SecretStr:
        return _is_visible(value, 4_000, spaces=False)

    def header(self) -> str:
        return f"Bearer {self.token.get_secret_value()}"


class OAuth2Auth(_Auth):
    """RFC 6749 §4.4: a token of the tenant's own authorization server, fetched with these credentials."""

    type: Literal["oauth2_client_credentials"]
    token_url: str = Field(min_length=1, max_length=2_048)
    client_id: _Name
    client_secret: SecretStr
    scope: _Name | None = None
    audience: _Name | None = None
    client_authentication: Literal["basic", "body"] = "basic"

    @field_validator("client_secret")
    @classmethod
    def _fits(cls, value: SecretStr) -> SecretStr:
        return _is_visible(value, 1_000, spaces=True)

    def request(self) -> tuple[bytes, dict[str, str]]:
        """Body and headers of the request for a token."""
        fields = {"grant_type": "client_credentials", "scope": self.scope, "audience": self.audience}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        secret = self.client_secret.get_secret_value()
        if self.client_authentication == "body":
            fields |= {"client_id": self.client_id, "client_secret": secret}
        else:  # both parts are form-encoded first (RFC 6749 §2.3.1)
            pair = f"{quote_plus(self.client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return urlencode({name: value for name, value in fields.items() if value is not None}).encode(), headers


Auth = Annotated[BasicAuth | BearerAuth | OAuth2Auth, Field(discriminator="type")]

_AUTH: Final[TypeAdapter[BasicAuth | BearerAuth | OAuth2Auth]] = TypeAdapter(Auth)
_SECRETS: Final = ("password", "token", "client_secret")


def to_seal(auth: BasicAuth | BearerAuth | OAuth2Auth) -> SecretStr:
    """All of it in the clear, to be sealed at once."""
    values = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in auth if value
    }
    return SecretStr(_JSON.dump_json(values).decode())


def opened(text: SecretStr) -> BasicAuth | BearerAuth | OAuth2Auth:
    """What `to_seal` made."""
    return _AUTH.validate_json(text.get_secret_value())


def shown(auth: BasicAuth | BearerAuth | OAuth2Auth) -> dict[str, str]:
    """Without what is secret."""
    return {name: value for name, value in auth if name not in _SECRETS and value is not None}


_JSON: Final = TypeAdapter(dict[str, str])
