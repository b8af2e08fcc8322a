"""The operators' kill switches on the management API."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Security

from onerouter_registry.access.authentication import operator
from onerouter_registry.access.caller import Caller
from onerouter_registry.switch.model import WHOLE_CATEGORY
from onerouter_registry.switch.schemas import SwitchablesView, SwitchOff
from onerouter_registry.switch.service import Switches

router = APIRouter(prefix="/api/admin", tags=["Operators"])


def _switches(request: Request) -> Switches:
    switches: Switches = request.state.admin.switches
    return switches


Operator = Annotated[Caller, Security(operator)]
SwitchesUsed = Annotated[Switches, Depends(_switches)]
_WORD = r"^[a-z0-9][a-z0-9_-]*$"
CategoryName = Annotated[str, Path(max_length=64, pattern=_WORD, examples=["payments"])]
ProviderName = Annotated[str, Path(max_length=64, pattern=_WORD, examples=["razorpay"])]


@router.get("/providers", summary="List providers and categories with their switches")
async def list_switches(_: Operator, switches: SwitchesUsed) -> SwitchablesView:
    return SwitchablesView.of(await switches.list())


@router.post("/providers/{category}/{provider}/disable", summary="Switch a provider off for every tenant")
async def disable_provider(
    caller: Operator, switches: SwitchesUsed, category: CategoryName, provider: ProviderName, body: SwitchOff
) -> SwitchablesView:
    """Nothing new is begun with it from within a second on; what has been begun is followed to its end."""
    await switches.disable(category, provider, body.reason, by=caller.actor)
    return SwitchablesView.of(await switches.list())


@router.post("/providers/{category}/{provider}/enable", summary="Switch a provider on again")
async def enable_provider(
    caller: Operator, switches: SwitchesUsed, category: CategoryName, provider: ProviderName
) -> SwitchablesView:
    await switches.enable(category, provider, by=caller.actor)
    return SwitchablesView.of(await switches.list())


@router.post("/categories/{category}/disable", summary="Switch a category off for every tenant")
async def disable_category(
    caller: Operator, switches: SwitchesUsed, category: CategoryName, body: SwitchOff
) -> SwitchablesView:
    await switches.disable(category, WHOLE_CATEGORY, body.reason, by=caller.actor)
    return SwitchablesView.of(await switches.list())


@router.post("/categories/{category}/enable", summary="Switch a category on again")
async def enable_category(caller: Operator, switches: SwitchesUsed, category: CategoryName) -> SwitchablesView:
    """Providers with a switch of their own stay off."""
    await switches.enable(category, WHOLE_CATEGORY, by=caller.actor)
    return SwitchablesView.of(await switches.list())
