import pytest
from pydantic import SecretStr, ValidationError

from onerouter_common.secrets import KeyRing
from onerouter_common.settings import (
    DatabaseSettings,
    Mode,
    RedisSettings,
    ServiceSettings,
    keyring_of,
    settings_config,
)

TOKEN = "t" * 32


class Settings(ServiceSettings, DatabaseSettings, RedisSettings):
    model_config = settings_config("ONEROUTER_EXAMPLE_")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in {
        "KAFKA_BOOTSTRAP_SERVERS": "one:9092,two:9092",
        "REDIS_URL": "redis://cache:6379/0",
        "ONEROUTER_INTERNAL_TOKENS": f"{TOKEN},{'u' * 32}",
        "ONEROUTER_EXAMPLE_DATABASE_URL": "postgresql://u:p@db:5432/x",
        "ONEROUTER_EXAMPLE_PORT": "9000",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_read_from_shared_and_own_variables(environment: pytest.MonkeyPatch) -> None:
    settings = Settings()
    assert settings.kafka_bootstrap_servers == "one:9092,two:9092"
    assert (settings.port, settings.mode) == (9000, Mode.PRODUCTION)


def test_frozen(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1


@pytest.mark.parametrize("missing", ["KAFKA_BOOTSTRAP_SERVERS", "ONEROUTER_INTERNAL_TOKENS", "REDIS_URL"])
def test_what_has_no_safe_default_must_be_said(environment: pytest.MonkeyPatch, missing: str) -> None:
    environment.delenv(missing)
    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.parametrize("tokens", ["short-secret", f"{TOKEN},short-secret", f"{TOKEN},", " " * 20 + "short-secret"])
def test_a_short_token_is_refused_and_not_quoted(environment: pytest.MonkeyPatch, tokens: str) -> None:
    environment.setenv("ONEROUTER_INTERNAL_TOKENS", tokens)
    with pytest.raises(ValidationError, match="at least 32 characters") as refused:
        Settings()
    assert "short-secret" not in str(refused.value)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ONEROUTER_MODE", "staging"),
        ("ONEROUTER_LOG_FORMAT", "xml"),
        ("ONEROUTER_EXAMPLE_PORT", "70000"),
        ("ONEROUTER_TRACE_SAMPLE_RATIO", "2"),
        ("ONEROUTER_EXAMPLE_DRAIN_TIMEOUT_S", "0"),
    ],
)
def test_a_value_out_of_range_is_refused(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings()


def test_secrets_are_not_printed(environment: pytest.MonkeyPatch) -> None:
    assert TOKEN not in repr(Settings())
    assert TOKEN not in Settings().model_dump_json()


def test_a_keyring_setting() -> None:
    assert keyring_of(SecretStr(KeyRing.generate("k1"))).primary == "k1"
