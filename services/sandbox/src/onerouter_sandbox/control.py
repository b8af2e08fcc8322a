"""The control API: faults, latency, the ledger, callbacks. Whoever holds it owns the sandbox, so it is guarded."""

import hmac
from ipaddress import ip_address
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from onerouter_sandbox.callbacks import Callback
from onerouter_sandbox.faults import Fault, FaultSpec
from onerouter_sandbox.wire import Latency
from onerouter_sandbox.world import Provider, World


class LatencyChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ms: float = Field(ge=0, le=60_000)


class ClockAdvance(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seconds: float = Field(gt=0, le=10 * 366 * 86_400, description="How far forward, at most ten years.")


class ControlAccess:
    """Lets in who knows the token; without a token, who is on this machine."""

    def __init__(self, token: SecretStr | None) -> None:
        self._token = token

    def __call__(self, request: Request) -> None:
        if self._token is not None:
            expected = f"Bearer {self._token.get_secret_value()}".encode()
            if not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected):
                raise HTTPException(401, "The control API needs its token.", {"WWW-Authenticate": "Bearer"})
        elif request.client is None or not _is_loopback(request.client.host):
            raise HTTPException(403, "Without a control_token the control API answers to this machine only.")


def router(world: World, latency: Latency) -> APIRouter:
    routes = APIRouter()
    for part in (_faults(world), _latency(latency), _ledger(world), _callbacks(world)):
        routes.include_router(part)
    return routes


def clock_router(world: World, provider: Provider) -> APIRouter:
    """The same routes for every provider, under its own prefix: accounts are the provider's."""
    routes = APIRouter(tags=["clock"])

    def known(account_id: str) -> str:
        if not provider.has_account(account_id):
            raise HTTPException(404, "There is no such account.")
        return account_id

    @routes.get("/accounts/{account_id}/clock")
    async def get_clock(account: Annotated[str, Depends(known)]) -> dict[str, Any]:
        """The account's time in seconds since 1970, and how far that is ahead of real time."""
        clock = world.clocks.of(account)
        return {"account": account, "now": clock.now(), "offset_s": clock.offset_s}

    @routes.post("/accounts/{account_id}/clock/advance")
    async def advance_clock(account: Annotated[str, Depends(known)], change: ClockAdvance) -> dict[str, Any]:
        """Move the account's time forward; what became due has happened when this answers (`ran`: how much)."""
        ran = world.timers.advance(account, change.seconds)
        clock = world.clocks.of(account)
        return {"account": account, "now": clock.now(), "offset_s": clock.offset_s, "ran": ran}

    return routes


def _faults(world: World) -> APIRouter:
    routes = APIRouter(tags=["faults"])

    @routes.post("/faults", status_code=201)
    async def add_fault(spec: FaultSpec) -> dict[str, Any]:
        """Ask for a fault; it takes effect with the next call."""
        return _shown_fault(world.faults.add(spec))

    @routes.get("/faults")
    async def list_faults() -> dict[str, Any]:
        """In the order in which they are tried, spent ones included."""
        return {"data": [_shown_fault(fault) for fault in world.faults.all()]}

    @routes.delete("/faults")
    async def clear_faults() -> dict[str, Any]:
        world.faults.clear()
        return {"deleted": True}

    @routes.delete("/faults/{fault_id}")
    async def remove_fault(fault_id: str) -> dict[str, Any]:
        if not world.faults.remove(fault_id):
            raise HTTPException(404, "There is no such fault.")
        return {"deleted": True}

    return routes


def _latency(latency: Latency) -> APIRouter:
    routes = APIRouter(tags=["latency"])

    @routes.get("/latency")
    async def get_latency() -> dict[str, float]:
        return {"ms": latency.ms}

    @routes.post("/latency")
    async def set_latency(change: LatencyChange) -> dict[str, float]:
        """Every answer of every provider waits this long; effects do not."""
        latency.ms = change.ms
        return {"ms": latency.ms}

    return routes


def _ledger(world: World) -> APIRouter:
    routes = APIRouter(tags=["ledger"])

    @routes.get("/ledger")
    async def list_effects(
        *,
        provider: str | None = None,
        account: str | None = None,
        kind: str | None = None,
        reference: str | None = None,
        cursor: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    ) -> dict[str, Any]:
        """Which effects did really happen, for which reference; oldest first."""
        page = world.ledger.find(
            provider=provider, account=account, kind=kind, reference=reference, cursor=cursor, limit=limit
        )
        return {"data": [effect.record() for effect in page.effects], "next_cursor": page.next_cursor}

    @routes.get("/ledger/summary")
    async def summarize(
        account: str | None = None, limit: Annotated[int, Query(ge=0, le=10_000)] = 1_000
    ) -> dict[str, Any]:
        """Counts per kind, and the references under which something happened more than once (at most `limit`)."""
        repeated = world.ledger.repeated(account)
        return {
            "counts": world.ledger.counts(account),
            "repeated_count": len(repeated),
            "repeated": [world.ledger.describe(each) for each in repeated[:limit]],
        }

    @routes.delete("/ledger")
    async def clear_ledger() -> dict[str, Any]:
        world.ledger.clear()
        return {"deleted": True}

    return routes


def _callbacks(world: World) -> APIRouter:
    routes = APIRouter(tags=["callbacks"])

    @routes.get("/callbacks")
    async def list_callbacks(
        *,
        provider: str | None = None,
        account: str | None = None,
        event: str | None = None,
        state: str | None = None,
        group: str | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
    ) -> dict[str, Any]:
        """Callbacks with their tries, oldest first; `counts` is of all that fit the filters, whatever the limit."""
        found = [
            each
            for each in world.callbacks.all()
            if provider in (None, each.provider)
            and account in (None, each.account)
            and event in (None, each.event)
            and state in (None, each.state)
            and group in (None, each.group)
        ]
        counts: dict[str, int] = {}
        for each in found:
            counts[each.state] = counts.get(each.state, 0) + 1
        return {"data": [_shown_callback(each) for each in found[:limit]], "counts": counts}

    @routes.post("/callbacks/{callback_id}/resend")
    async def resend(callback_id: str) -> dict[str, Any]:
        """Deliver again now, with the same event id."""
        callback = world.callbacks.resend(callback_id)
        if callback is None:
            raise HTTPException(404, "There is no such callback.")
        return _shown_callback(callback)

    return routes


def _shown_fault(fault: Fault) -> dict[str, Any]:
    shown = fault.spec.model_dump(mode="json")
    return {"id": fault.id, **shown, "seed": fault.seed, "hits": fault.hits, "spent": fault.spent}


def _shown_callback(callback: Callback) -> dict[str, Any]:
    shown = callback.record()
    del shown["headers"]
    return shown


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
