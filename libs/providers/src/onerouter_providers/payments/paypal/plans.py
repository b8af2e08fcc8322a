"""PayPal's plans, all of one product."""

from onerouter_common.errors import ProviderDeclined, ProviderRefusedUs
from onerouter_providers.payments.paypal import catalog
from onerouter_providers.payments.paypal.part import Part
from onerouter_providers.payments.paypal.wire import segment, strange, sub_key
from onerouter_providers.resources import PlanRequest, ResourceReference, ResourceSnapshot


class Plans(Part):
    """`OffersPlans`."""

    async def create_plan(self, request: PlanRequest, *, key: str) -> ResourceSnapshot:
        """The product first, unless it is there. Its id is ours, so that there is never a second one."""
        body = catalog.plan_body(request, self._product_id)
        deadline = self._wire.deadline()
        await self._have_product(key, deadline)
        plan = await self._wire.post("plan.create", "/v1/billing/plans", body, deadline, key=key)
        if not plan.get("id"):
            raise strange("plan.create", "a plan without an id")
        return catalog.plan_snapshot(plan)

    async def find_plan(self, request: PlanRequest) -> ResourceSnapshot | None:
        """By our id, which ends its description."""
        deadline = self._wire.deadline()
        window = {"product_id": self._product_id}
        async for plans in self._wire.pages("plan.create", "/v1/billing/plans", "plans", window, deadline):
            for plan in plans:
                if catalog.is_plan_of(request, plan):
                    return catalog.plan_snapshot(plan)
        return None

    async def get_plan(self, reference: ResourceReference) -> ResourceSnapshot:
        path = f"/v1/billing/plans/{segment(reference.provider_id, 'plan')}"
        return catalog.plan_snapshot(await self._wire.get("plan.get", path, self._wire.deadline()))

    @property
    def _product_id(self) -> str:
        return catalog.product_of(self._client_id)

    async def _have_product(self, key: str, deadline: float) -> None:
        try:
            await self._wire.get("plan.create", f"/v1/catalogs/products/{self._product_id}", deadline)
        except ProviderRefusedUs as refused:
            if refused.reason != "not_found":
                raise
        else:
            return
        try:
            await self._wire.post(
                "plan.create",
                "/v1/catalogs/products",
                catalog.product_body(self._product_id),
                deadline,
                key=sub_key(key, "product"),
            )
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason != "duplicate":  # somebody else was making it just then
                raise
