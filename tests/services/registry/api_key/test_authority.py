"""Nobody gives a key more than is theirs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.errors import NotPermitted
from onerouter_common.registry_client import Principal
from onerouter_registry.access.caller import Caller
from onerouter_registry.access.permissions import permissions_of_key, permissions_of_role
from onerouter_registry.actor import Actor
from onerouter_registry.api_key.authority import OfKey, OfPerson, authority_of
from onerouter_registry.api_key.model import SETTINGS, KeySettings
from onerouter_registry.api_key.networks import is_within
from onerouter_registry.api_key.scopes import SCOPES, reach_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LISTS = [(), ("10.0.0.0/8",), ("10.1.0.0/16",), ("10.1.0.0/16", "192.0.2.0/24")]
QUOTAS: list[dict[str, int]] = [{}, {"sms": 10}, {"sms": 20}, {"sms": 10, "email": 5}]

settings = st.builds(
    KeySettings,
    name=st.just("x"),
    scopes=st.lists(st.sampled_from(["*", *SCOPES]), min_size=1, max_size=4, unique=True).map(tuple),
    rate_limit_per_s=st.integers(1, 4),
    rate_burst=st.integers(1, 4),
    expires_at=st.none() | st.integers(1, 4).map(lambda days: NOW + timedelta(days=days)),
    ip_allow_list=st.sampled_from(LISTS),
    quotas=st.sampled_from(QUOTAS),
)


def principal(bounds: KeySettings, environment: Any = "test") -> Principal:
    return Principal(
        tenant_id="ten_x",
        environment=environment,
        api_key_id="key_x",
        status="active",
        scopes=frozenset(bounds.scopes),
        rate_limit_per_s=bounds.rate_limit_per_s,
        rate_burst=bounds.rate_burst,
        default_currency="INR",
        services={},
        expires_at=bounds.expires_at,
        ip_allow_list=bounds.ip_allow_list,
        quotas=bounds.quotas,
    )


def is_bound_by(key: KeySettings, own: KeySettings, names: frozenset[str] = SETTINGS) -> bool:
    """Written apart from the rule it checks: what may a holder of `key` do that a holder of `own` may not?"""
    end = datetime.max.replace(tzinfo=UTC)
    bound = {
        "scopes": reach_of(key.scopes) <= reach_of(own.scopes),
        "rate_limit_per_s": key.rate_limit_per_s <= own.rate_limit_per_s,
        "rate_burst": key.rate_burst <= own.rate_burst,
        "expires_at": (key.expires_at or end) <= (own.expires_at or end),
        "ip_allow_list": is_within(key.ip_allow_list, own.ip_allow_list),
        "quotas": all(key.quotas.get(category, 10**12) <= most for category, most in own.quotas.items()),
    }
    return all(holds for name, holds in bound.items() if name in names)


def permits(check: Any, *given_to: Any) -> bool:
    try:
        check(*given_to)
    except NotPermitted:
        return False
    return True


class TestOfKey:
    @given(settings, settings)
    def test_makes_only_keys_that_are_bound_as_it_is(self, own: KeySettings, wanted: KeySettings) -> None:
        made = permits(OfKey(principal(own)).require_making, wanted)
        assert made == (is_bound_by(wanted, own) and not own.quotas)

    @given(settings, settings, settings, st.frozensets(st.sampled_from(sorted(SETTINGS))))
    def test_changes_only_what_it_may_give_in_keys_that_may_no_more(
        self, own: KeySettings, before: KeySettings, after: KeySettings, changed: frozenset[str]
    ) -> None:
        permitted = permits(OfKey(principal(own)).require_change, before, after, changed)
        assert permitted == (is_bound_by(before, own, frozenset({"scopes"})) and is_bound_by(after, own, changed))

    @given(settings)
    def test_cannot_lift_its_own_bounds(self, own: KeySettings) -> None:
        free = KeySettings(name="x", scopes=own.scopes, rate_limit_per_s=99, rate_burst=99)
        for name in ("rate_limit_per_s", "rate_burst", "expires_at", "ip_allow_list", "quotas"):
            bounded = name.startswith("rate") or bool(getattr(own, name))
            assert permits(OfKey(principal(own)).require_change, own, free, frozenset({name})) != bounded


class TestOfPerson:
    @pytest.mark.parametrize(
        ("role", "environment", "beyond"),
        [
            ("owner", "live", ()),
            ("admin", "live", ()),
            ("developer", "test", ("audit:read",)),
            ("viewer", "test", ("api_keys:write", "audit:read", "routing:write", "services:write")),
        ],
    )
    def test_gives_what_the_role_permits(self, role: Any, environment: Any, beyond: tuple[str, ...]) -> None:
        assert OfPerson(permissions_of_role(role, environment)).cannot_give(["*"]) == beyond

    @given(settings, st.sampled_from(["owner", "admin", "developer", "viewer"]), st.sampled_from(["test", "live"]))
    def test_never_gives_a_permission_they_do_not_have(self, wanted: KeySettings, role: Any, environment: Any) -> None:
        permissions = permissions_of_role(role, environment)
        made = permits(OfPerson(permissions).require_making, wanted)
        assert made == (permissions_of_key(frozenset(wanted.scopes)) <= permissions)


class TestAuthorityOf:
    def person(self, role: Any, environment: Any) -> Caller:
        return Caller(
            actor=Actor("user", "usr_x"),
            environment=environment,
            permissions=permissions_of_role(role, environment),
            tenant_id="ten_x",
            user_id="usr_x",
            role=role,
        )

    def key(self, environment: Any, acting_in: Any) -> Caller:
        everything = KeySettings(name="x", scopes=("*",), rate_limit_per_s=1, rate_burst=1)
        return Caller(
            actor=Actor("api_key", "key_x"),
            environment=acting_in,
            permissions=permissions_of_key(frozenset({"*"})),
            tenant_id="ten_x",
            scopes=frozenset({"*"}),
            key=principal(everything, environment),
        )

    def test_a_test_key_never_makes_a_live_one(self) -> None:
        with pytest.raises(NotPermitted, match="live"):
            authority_of(self.key("test", "test"), "live")

    def test_a_live_key_makes_both(self) -> None:
        for acting_in in ("test", "live"):
            for environment in ("test", "live"):
                assert isinstance(authority_of(self.key("live", acting_in), environment), OfKey)

    def test_a_developer_makes_test_keys_only_wherever_they_look(self) -> None:
        assert isinstance(authority_of(self.person("developer", "live"), "test"), OfPerson)
        for looking_at in ("test", "live"):
            with pytest.raises(NotPermitted, match="live"):
                authority_of(self.person("developer", looking_at), "live")

    def test_a_viewer_makes_none(self) -> None:
        with pytest.raises(NotPermitted):
            authority_of(self.person("viewer", "test"), "test")
