"""A tenant's life, whatever the order of what is done to it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.errors import Conflict
from onerouter_registry.tenant import state
from onerouter_registry.tenant.model import Tenant

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
ACTIVE = Tenant("ten_1", "Acme", NOW)

Step = Callable[[Tenant, datetime], Tenant]

STEPS: dict[str, Step] = {
    "suspend": lambda tenant, now: state.suspend(tenant, "unpaid", now),
    "resume": state.resume,
    "delete by tenant": lambda tenant, now: state.begin_deletion(tenant, "tenant", now + timedelta(days=2), now),
    "delete by operator": lambda tenant, now: state.begin_deletion(tenant, "operator", now + timedelta(days=1), now),
    "undo by tenant": lambda tenant, now: state.undo_deletion(tenant, "tenant", now),
    "undo by operator": lambda tenant, now: state.undo_deletion(tenant, "operator", now),
    "end": state.end,
}


def after(tenant: Tenant, *steps: str) -> Tenant:
    for step in steps:
        tenant = STEPS[step](tenant, NOW)
    return tenant


class TestSuspension:
    def test_has_a_reason_until_it_is_lifted(self) -> None:
        suspended = after(ACTIVE, "suspend")
        assert (suspended.status, suspended.status_reason) == ("suspended", "unpaid")
        resumed = after(suspended, "resume")
        assert (resumed.status, resumed.status_reason) == ("active", None)

    def test_again_changes_nothing_but_another_reason(self) -> None:
        suspended = after(ACTIVE, "suspend")
        assert state.suspend(suspended, "unpaid", LATER) is suspended
        assert state.suspend(suspended, "fraud", LATER).status_reason == "fraud"
        assert state.resume(ACTIVE, LATER) is ACTIVE

    @pytest.mark.parametrize("step", ["suspend", "resume"])
    def test_is_no_matter_of_one_that_is_being_deleted(self, step: str) -> None:
        with pytest.raises(Conflict, match=r"until 2026-03-02T00:00:00\.000Z that can be undone"):
            after(ACTIVE, "delete by operator", step)


class TestDeletion:
    @pytest.mark.parametrize("before", [(), ("suspend",)])
    def test_undone_it_is_as_it_was(self, before: tuple[str, ...]) -> None:
        was = after(ACTIVE, *before)
        again = after(was, "delete by operator", "undo by operator")
        assert (again.status, again.status_reason) == (was.status, was.status_reason)
        assert (again.delete_after, again.deletion_by) == (None, None)

    def test_a_tenant_does_not_undo_what_an_operator_began(self) -> None:
        with pytest.raises(Conflict, match="operator"):
            after(ACTIVE, "delete by operator", "undo by tenant")
        with pytest.raises(Conflict, match="operator"):
            after(ACTIVE, "delete by tenant", "delete by operator", "undo by tenant")
        assert after(ACTIVE, "delete by tenant", "undo by tenant").status == "active"

    def test_a_tenant_does_not_put_off_what_has_begun(self) -> None:
        deleting = after(ACTIVE, "delete by operator")
        assert after(deleting, "delete by tenant") is deleting

    def test_ends_only_when_its_time_has_come(self) -> None:
        deleting = after(ACTIVE, "delete by tenant")
        with pytest.raises(Conflict):
            state.end(deleting, NOW + timedelta(days=2) - timedelta(microseconds=1))
        assert state.end(deleting, NOW + timedelta(days=2)).status == "deleted"


@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 3)), max_size=12))
def test_whatever_is_done_in_whatever_order(steps: list[tuple[str, int]]) -> None:
    tenant, now = ACTIVE, NOW
    for name, days in steps:
        now += timedelta(days=days)
        before = tenant
        try:
            tenant = STEPS[name](tenant, now)
        except Conflict:
            continue
        # Deleted is final, and only reached through a grace that is over.
        assert before.status != "deleted"
        if tenant.status == "deleted":
            assert before.status == "deleting"
            assert before.delete_after is not None
            assert before.delete_after <= now
        # A suspension is lifted by resuming alone.
        if before.status_reason is not None and name != "resume":
            assert tenant.status_reason is not None
        assert (tenant.status == "suspended") <= (tenant.status_reason is not None)
        assert (tenant.status == "active") <= (tenant.status_reason is None)
        assert (tenant.status in ("deleting", "deleted")) == (tenant.delete_after is not None)
