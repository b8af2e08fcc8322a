"""Plans: immutable, never deleted, made without a key of ours and found by their note."""

from onerouter_providers.payments.razorpay import recurring
from onerouter_providers.payments.razorpay.part import Part
from onerouter_providers.payments.razorpay.wire import segment, strange
from onerouter_providers.resources import PlanRequest, ResourceReference, ResourceSnapshot

PLANS = "/v1/plans"


class Plans(Part):
    async def create_plan(self, request: PlanRequest, *, key: str) -> ResourceSnapshot:  # noqa: ARG002 - no header
        body = recurring.plan_body(request)
        plan = await self._wire.post("plan.create", PLANS, body, self._wire.deadline())
        if not plan.get("id"):
            raise strange("plan.create", "a plan without an id", effect=True)
        return recurring.plan_snapshot(plan)

    async def find_plan(self, request: PlanRequest) -> ResourceSnapshot | None:
        found = await self._noted("plan.find", PLANS, {}, request.plan_id, self._wire.deadline())
        return None if found is None else recurring.plan_snapshot(found)

    async def get_plan(self, reference: ResourceReference) -> ResourceSnapshot:
        path = f"{PLANS}/{segment(reference.provider_id, 'plan')}"
        return recurring.plan_snapshot(await self._wire.get("plan.get", path, self._wire.deadline()))
