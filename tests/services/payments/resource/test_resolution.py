"""A creation whose answer was lost, ended by what a person found out: on a real worker."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.libs.common.worker.conftest import rig
from tests.libs.common.worker.rig import FAST, Rig, create_payment, until

from onerouter_common.clock import SystemClock
from onerouter_common.contracts.payment_resources import CreateTransfer
from onerouter_common.errors import InvalidRequest, ProviderOutcomeUnknown, ProviderRefusedUs, ProviderUnavailable
from onerouter_common.ids import TRANSFER, new_id
from onerouter_common.retry import Backoff
from onerouter_common.worker.handler import CategoryRules, Idempotency, handlers_by_name
from onerouter_common.worker.resolution import Decision
from onerouter_common.worker.runtime import Worker
from onerouter_payments.marketplace.operations import TransferCreate
from onerouter_payments.store import Store
from onerouter_providers.resources import ResourceReference, ResourceSnapshot, TransferRequest

__all__ = ["rig"]

_TRANSFER = CreateTransfer(
    payment_id="pay_1",
    vendor_id="ven_1",
    connection_id="con_1",
    provider_account_id="acct_1",
    provider_payment_id="pay_A",
    payment_amount_minor=50_000,
    amount_minor=20_000,
    currency="INR",
)


@dataclass
class _Payouts:
    """Loses every answer, cannot be asked by our id, and is read by its own."""

    has: dict[str, ResourceSnapshot] = field(default_factory=dict)

    async def create_transfer(self, request: TransferRequest, *, key: str) -> ResourceSnapshot:
        raise ProviderOutcomeUnknown("No answer came.", provider="scripted", reason="timeout")

    async def find_transfer(self, request: TransferRequest) -> ResourceSnapshot | None:
        raise ProviderUnavailable("Not by our id.", provider="scripted", reason="unsupported_operation")

    async def get_transfer(self, reference: ResourceReference) -> ResourceSnapshot:
        found = self.has.get(reference.provider_id)
        if found is None:
            raise ProviderRefusedUs("Not known.", provider="scripted", reason="not_found")
        return found


@pytest.mark.parametrize(("is_gone", "status"), [(False, "succeeded"), (True, "pending")])
async def test_a_lost_transfer_is_ended_by_the_id_that_an_operator_found(rig: Rig, is_gone: bool, status: str) -> None:
    connection: Any = rig.connections.connections[0]
    connection.client = _Payouts({"payout_1": ResourceSnapshot("succeeded", "payout_1")})
    connection.idempotency["transfer.create"] = Idempotency.LOOKUP
    handlers = handlers_by_name(TransferCreate(SystemClock()))
    worker = Worker(
        rules=CategoryRules("payments", "payments", Store(), handlers),
        callbacks=None,
        connections=rig.connections,
        pool=rig.pool,
        producer=rig.producer,
        bootstrap_servers=rig.bootstrap,
        options=replace(FAST, ask=Backoff(first_s=60, most_s=60)),
    )
    await worker.start()
    try:
        await until(lambda: worker.is_ready)
        transfer_id = new_id(TRANSFER)
        command = create_payment(
            operation="transfer.create",
            resource_id=transfer_id,
            ordering_key=transfer_id,
            payload=_TRANSFER.model_dump(mode="json"),
        )
        await rig.send(command)
        await rig.until_state(command.operation_id, "unknown")
        with pytest.raises(InvalidRequest):
            await worker.resolutions.resolve(command.operation_id, Decision("succeeded", "So.", "usr_1", "payout_2"))
        if is_gone:
            rig.connections.connections.clear()
        await worker.resolutions.resolve(command.operation_id, Decision("succeeded", "Seen.", "usr_1", "payout_1"))
    finally:
        await worker.stop()
    row = await rig.operation(command.operation_id)
    assert (row["state"], row["result"]["status"], row["result"]["provider_transfer_id"]) == (
        "succeeded",
        status,
        "payout_1",
    )
    told = await rig.pool.fetchval("SELECT data FROM history WHERE kind = 'resolution'")
    assert told["verified"] == (not is_gone)
