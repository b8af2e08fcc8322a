"""What changed when, within bounds."""

from datetime import UTC, datetime

from onerouter_common.contracts.registry import RegistryChange
from onerouter_gateway.authentication.epochs import Epochs


def _of(tenant_id: str) -> RegistryChange:
    return RegistryChange(
        entity="route", id="x", tenant_id=tenant_id, environment=None, change="updated", at=datetime.now(UTC)
    )


class TestEpochs:
    def test_what_is_forgotten_counts_as_everybodys(self) -> None:
        epochs = Epochs(remembered=2)
        for tenant_id in ("ten_1", "ten_2"):
            epochs.changed(_of(tenant_id))
        assert not epochs.changed_since(0, "ten_3")
        epochs.changed(_of("ten_3"))
        assert epochs.changed_since(0, "ten_1"), "its change is no longer remembered, but not lost"
        assert epochs.changed_since(0, "ten_4")
        assert not epochs.changed_since(1, "ten_1")
        assert epochs.changed_since(1, "ten_2")
