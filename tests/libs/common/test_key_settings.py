from itertools import combinations

import pytest
from pydantic import SecretStr, ValidationError

from onerouter_common.key_settings import CallbackKeySettings, CredentialKeySettings, KeyringText
from onerouter_common.secrets import KeyRing
from onerouter_common.settings import settings_config

NAMES = ("credential_keys_test", "credential_keys_live", "callback_keys_test", "callback_keys_live", "encryption_keys")


class Settings(CredentialKeySettings, CallbackKeySettings):
    model_config = settings_config("ONEROUTER_EXAMPLE_")

    encryption_keys: KeyringText


def values(**changes: object) -> dict[str, object]:
    return {name: KeyRing.generate("k1") for name in NAMES} | changes


def test_read_from_the_shared_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in values().items():
        monkeypatch.setenv(f"ONEROUTER_{'EXAMPLE_' * (name == 'encryption_keys')}{name.upper()}", str(value))
    monkeypatch.setenv("ONEROUTER_KMS_REGION", "eu-central-1")
    settings = Settings()
    rings = settings.credential_rings(settings.open_kms())
    assert rings.of("test").primary == rings.of("live").primary == "k1"
    assert not rings.of("test").shares_a_key_with(rings.of("live"))
    assert settings.kms_region == "eu-central-1"


@pytest.mark.parametrize(("one", "other"), list(combinations(NAMES, 2)))
def test_no_key_is_in_two_rings_whatever_its_id(one: str, other: str) -> None:
    given = values()
    shared = str(given[one]).replace("k1:", "another:")
    given[other] = f"{given[other]},{shared}"
    with pytest.raises(ValidationError, match="share a key") as refused:
        Settings.model_validate(given)
    assert one in str(refused.value)
    assert other in str(refused.value)
    assert shared.partition(":")[2] not in str(refused.value)


def test_nor_is_a_kms_key() -> None:
    kms = {"credential_keys_test": "a:aws-kms:alias/one", "credential_keys_live": "b:aws-kms:alias/one"}
    with pytest.raises(ValidationError, match="share a key"):
        Settings.model_validate(values(**kms))
    assert Settings.model_validate(values(**{**kms, "credential_keys_live": "b:aws-kms:alias/two"}))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_keyring_is_refused_without_being_quoted(name: str) -> None:
    with pytest.raises(ValidationError, match="not valid base64") as refused:
        Settings.model_validate(values(**{name: "k1:!not-a-key!"}))
    assert "not-a-key" not in str(refused.value)
    assert isinstance(Settings.model_validate(values()).encryption_keys, SecretStr)


@pytest.mark.parametrize("url", ["http://kms.example.com", "ftp://127.0.0.1", "kms.eu-central-1.amazonaws.com", ""])
def test_data_keys_are_not_sent_in_the_clear(url: str) -> None:
    with pytest.raises(ValidationError, match="https"):
        Settings.model_validate(values(kms_endpoint_url=url))


@pytest.mark.parametrize("url", ["https://vpce-1.kms.eu-central-1.vpce.amazonaws.com", "http://127.0.0.1:5000"])
def test_they_are_by_https_or_to_this_machine(url: str) -> None:
    assert Settings.model_validate(values(kms_endpoint_url=url)).kms_endpoint_url == url
