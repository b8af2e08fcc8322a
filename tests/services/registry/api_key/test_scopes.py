"""One table says which scopes there are, and one rule when some cover others."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.errors import InvalidRequest
from onerouter_registry.access.permissions import permissions_of_key
from onerouter_registry.api_key.scopes import AREAS, EVERYTHING, SCOPES, beyond, reach_of, scopes_of

WORKSPACE = Path(__file__).parents[4]
some_scopes = st.frozensets(st.sampled_from([EVERYTHING, *SCOPES]), max_size=6)


def used_by(service: str) -> set[str]:
    files = (WORKSPACE / f"services/{service}/src").rglob("*.py")
    return {name for file in files for name in re.findall(r'"([a-z_]+:(?:read|write))"', file.read_text())}


class TestTable:
    def test_has_every_scope_the_gateway_asks_for(self) -> None:
        asked = used_by("gateway")
        assert {"payments:write", "webhooks:read"} <= asked
        assert asked <= SCOPES.keys()

    def test_has_every_permission_a_key_can_have(self) -> None:
        assert permissions_of_key(frozenset({EVERYTHING})) <= SCOPES.keys()

    def test_has_the_services_and_no_permission_of_people(self) -> None:
        for category in ("payments", "sms", "email", "storage"):
            assert {f"{category}:read", f"{category}:write"} <= SCOPES.keys()
        assert not {"members:write", "owners:write", "tenant:write", "tenant:delete"} & SCOPES.keys()

    def test_describes_each(self) -> None:
        for area in AREAS:
            assert area.display_name
            assert area.description.endswith(".")
            for scope in area.scopes:
                assert scope.name.startswith(f"{area.id}:")
                assert scope.description.endswith(".")
                assert scope.implies <= SCOPES.keys() - {scope.name}


class TestScopesOf:
    def test_are_sorted_without_repeats(self) -> None:
        assert scopes_of(["sms:write", "email:read", "sms:write"]) == ("email:read", "sms:write")

    @pytest.mark.parametrize(
        "value", ["payments", "payments:delete", "owners:write", "payments:write\n", "\x00", "**", ""]
    )
    def test_names_what_is_no_scope(self, value: str) -> None:
        with pytest.raises(InvalidRequest) as refused:
            scopes_of(["payments:read", value])
        (error,) = refused.value.errors
        assert error.field == "scopes"
        assert f"'{value}'" in error.message

    @given(st.lists(st.text(max_size=80), min_size=1, max_size=20))
    def test_takes_only_what_is_in_the_table(self, values: list[str]) -> None:
        if set(values) <= {EVERYTHING, *SCOPES}:
            assert set(scopes_of(values)) == set(values)
        else:
            with pytest.raises(InvalidRequest):
                scopes_of(values)


class TestBeyond:
    @given(some_scopes)
    def test_everything_covers_all_and_all_cover_themselves(self, scopes: frozenset[str]) -> None:
        assert beyond(scopes, {EVERYTHING}) == ()
        assert beyond(scopes, scopes) == ()

    @given(some_scopes, some_scopes)
    def test_what_is_covered_permits_nothing_more(self, asked: frozenset[str], held: frozenset[str]) -> None:
        covered = not beyond(asked, held)
        assert covered == (reach_of(asked) <= reach_of(held))
        if covered:
            # Nor on the management API, whose permissions are the scopes themselves.
            assert permissions_of_key(asked) <= permissions_of_key(held)

    @given(some_scopes, some_scopes, some_scopes)
    def test_is_handed_on(self, one: frozenset[str], two: frozenset[str], three: frozenset[str]) -> None:
        if not beyond(one, two) and not beyond(two, three):
            assert not beyond(one, three)

    @given(some_scopes)
    def test_nothing_but_everything_covers_everything(self, scopes: frozenset[str]) -> None:
        assert bool(beyond({EVERYTHING}, scopes)) == (EVERYTHING not in scopes)

    def test_taking_payments_includes_giving_them_back(self) -> None:
        assert beyond({"refunds:write"}, {"payments:write"}) == ()
        assert beyond({"payments:write"}, {"refunds:write"}) == ("payments:write",)
