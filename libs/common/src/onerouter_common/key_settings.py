"""The keyrings in a service's settings: one for test, one for live, and no key in two of them."""

from itertools import combinations
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from onerouter_common.secrets import AwsKms, KeyRings, Kms, KmsOptions
from onerouter_common.settings import keyring_of

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _IsKeyring:
    """Marks a setting whose keys must be in no other."""


def _checked(value: SecretStr) -> SecretStr:
    keyring_of(value)
    return value


KeyringText = Annotated[SecretStr, AfterValidator(_checked), _IsKeyring()]
"""`id:base64` or `id:aws-kms:<key id, alias or ARN>`, several by comma; the first is primary."""


class KeyringSettings(BaseSettings):
    """Mixed into the settings of who holds keyrings."""

    kms_region: str | None = Field(
        None,
        validation_alias=AliasChoices("ONEROUTER_KMS_REGION", "kms_region"),
        description="AWS region of the keys that keyrings name as aws-kms:…; absent: AWS's own settings say it.",
    )
    kms_endpoint_url: str | None = Field(
        None,
        validation_alias=AliasChoices("ONEROUTER_KMS_ENDPOINT_URL", "kms_endpoint_url"),
        description="Another address of AWS KMS, a VPC endpoint's. Data keys are sent there: https, except on this machine.",
    )
    kms_timeout_s: float = Field(
        3.0,
        gt=0,
        le=30,
        validation_alias=AliasChoices("ONEROUTER_KMS_TIMEOUT_S", "kms_timeout_s"),
        description="Longest wait for AWS KMS, its retries included.",
    )

    @field_validator("kms_endpoint_url")
    @classmethod
    def _data_keys_travel_by_https(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
                raise ValueError("must start with https://: data keys are sent there")
        return value

    @model_validator(mode="after")
    def _share_no_key(self) -> Self:
        names = [
            name
            for name, field in type(self).model_fields.items()
            if any(isinstance(mark, _IsKeyring) for mark in field.metadata)
        ]
        rings = {name: keyring_of(getattr(self, name)) for name in names}
        for one, other in combinations(names, 2):
            if rings[one].shares_a_key_with(rings[other]):
                raise ValueError(
                    f"{one} and {other} share a key: whoever may open the one could open the other. Each needs its own"
                )
        return self

    def open_kms(self) -> AwsKms:
        """To be entered before rings that name a KMS are used; costs nothing where none does."""
        return AwsKms(
            KmsOptions(region=self.kms_region, endpoint_url=self.kms_endpoint_url, timeout_s=self.kms_timeout_s)
        )


class CredentialKeySettings(KeyringSettings):
    """For who opens providers' API credentials."""

    credential_keys_test: KeyringText = Field(
        validation_alias=AliasChoices("ONEROUTER_CREDENTIAL_KEYS_TEST", "credential_keys_test"),
        description="Keyring for API credentials in test: id:base64 or id:aws-kms:<key id, alias or ARN>, several by comma, "
        "first is primary. No key may be in two keyrings.",
    )
    credential_keys_live: KeyringText = Field(
        validation_alias=AliasChoices("ONEROUTER_CREDENTIAL_KEYS_LIVE", "credential_keys_live"),
        description="Keyring for API credentials in live, and people's second factors.",
    )

    def credential_rings(self, kms: Kms) -> KeyRings:
        return KeyRings(
            test=keyring_of(self.credential_keys_test, kms), live=keyring_of(self.credential_keys_live, kms)
        )


class CallbackKeySettings(KeyringSettings):
    """For who opens what verifies callbacks."""

    callback_keys_test: KeyringText = Field(
        validation_alias=AliasChoices("ONEROUTER_CALLBACK_KEYS_TEST", "callback_keys_test"),
        description="Keyring for callback secrets in test; of what tenants enter, all that the webhooks service can open.",
    )
    callback_keys_live: KeyringText = Field(
        validation_alias=AliasChoices("ONEROUTER_CALLBACK_KEYS_LIVE", "callback_keys_live"),
        description="Keyring for callback secrets in live.",
    )

    def callback_rings(self, kms: Kms) -> KeyRings:
        return KeyRings(test=keyring_of(self.callback_keys_test, kms), live=keyring_of(self.callback_keys_live, kms))
