"""The keys that are held, and their index by tenant, which is never larger."""

import pytest
from tests.services.gateway.authentication.test_principals import PRINCIPAL

from onerouter_gateway.authentication.holder import Holder
from onerouter_gateway.authentication.known import Entry, KnownKeys


def _entry(tenant_id: str, environment: str = "test") -> Entry:
    principal = PRINCIPAL.model_copy(update={"tenant_id": tenant_id, "environment": environment})
    return Entry(Holder.of(principal), 0.0)


class TestForgetTenant:
    @pytest.mark.parametrize(("environment", "left"), [("test", ["b", "c"]), ("live", ["a", "c"]), (None, ["c"])])
    def test_takes_its_keys_of_the_environment(self, environment: str | None, left: list[str]) -> None:
        known = KnownKeys(10)
        for key_hash, entry in {"a": _entry("ten_1"), "b": _entry("ten_1", "live"), "c": _entry("ten_2")}.items():
            known.remember(key_hash, entry)
        assert known.forget_tenant("ten_1", environment) == {"a", "b", "c"} - set(left)
        assert list(known.entries) == left
        assert known.forget_tenant("ten_1", environment) == set()


class TestRemember:
    def test_drops_what_was_used_longest_ago_from_the_index_too(self) -> None:
        known = KnownKeys(2)
        for key_hash in ("a", "b", "a", "c"):
            known.remember(key_hash, _entry("ten_1"))
        assert list(known.entries) == ["a", "c"]
        assert known.forget_tenant("ten_1", "test") == {"a", "c"}

    def test_follows_a_key_whose_environment_is_another_now(self) -> None:
        known = KnownKeys(2)
        known.remember("a", _entry("ten_1"))
        known.remember("a", _entry("ten_1", "live"))
        assert known.forget_tenant("ten_1", "test") == set()
        assert known.forget_tenant("ten_1", "live") == {"a"}
