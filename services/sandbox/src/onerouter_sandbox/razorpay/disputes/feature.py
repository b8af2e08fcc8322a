"""Disputes put together."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.razorpay import fields
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.disputes.operations import Disputes, Phase, Verdict
from onerouter_sandbox.razorpay.errors import Refused
from onerouter_sandbox.razorpay.routing import ID, Route, Routes, page
from onerouter_sandbox.razorpay.shapes import collection, ok
from onerouter_sandbox.razorpay.state import State
from onerouter_sandbox.wire import Reply, Request


class OpenDispute(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount: int | None = Field(None, gt=0, description="Minor units; unset: all of the payment.")
    phase: Phase = "chargeback"
    reason_code: str = "goods_or_services_not_received_or_partially_received"


class Decision(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Verdict


class DisputesFeature:
    """A `Feature`."""

    def __init__(self, state: State, disputes: Disputes) -> None:
        self._state = state
        self._disputes = disputes

    def routes(self) -> Routes:
        return {
            ("GET", "v1", "disputes"): Route("disputes.list", self.list_all),
            ("GET", "v1", "disputes", ID): Route("disputes.fetch", self.get),
            ("POST", "v1", "disputes", ID, "accept"): Route("disputes.accept", self.accept),
            ("PATCH", "v1", "disputes", ID, "contest"): Route("disputes.contest", self.contest),
        }

    def list_all(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        window, _ = fields.window(request.query)
        found = page(self._disputes.disputes.ids_of(account.key_id), self._disputes.disputes, window)
        return ok(collection([each.shown() for each in found]))

    def get(self, account: Account, _request: Request, dispute_id: str, _second: str) -> Reply:
        return ok(self._disputes.disputes.owned(account, dispute_id).shown())

    def accept(self, account: Account, _request: Request, dispute_id: str, _second: str) -> Reply:
        return ok(self._disputes.accept(self._disputes.disputes.owned(account, dispute_id)).shown())

    def contest(self, account: Account, request: Request, dispute_id: str, _second: str) -> Reply:
        dispute = self._disputes.disputes.owned(account, dispute_id)
        return ok(self._disputes.contest(dispute, fields.parse_json(request.body)).shown())

    def resume(self) -> None:
        """Nothing of it waits."""

    def control(self) -> APIRouter:
        routes = APIRouter()

        @routes.post("/payments/{payment_id}/dispute", status_code=201)
        async def open_dispute(payment_id: str, wanted: Annotated[OpenDispute | None, Body()] = None) -> dict[str, Any]:
            """The customer's bank disputes a payment."""
            payment = self._state.payments.get(payment_id)
            if payment is None:
                raise HTTPException(404, "There is no such payment.")
            how = wanted or OpenDispute()
            try:
                dispute = self._disputes.open(payment, amount=how.amount, phase=how.phase, reason_code=how.reason_code)
            except Refused as refusal:
                raise HTTPException(409, str(refusal)) from refusal
            return dispute.shown()

        @routes.post("/disputes/{dispute_id}/decide")
        async def decide(dispute_id: str, decision: Decision) -> dict[str, Any]:
            """What the bank says of it."""
            dispute = self._disputes.disputes.get(dispute_id)
            if dispute is None:
                raise HTTPException(404, "There is no such dispute.")
            try:
                self._disputes.decide(dispute, decision.status)
            except Refused as refusal:
                raise HTTPException(409, str(refusal)) from refusal
            return dispute.shown()

        return routes

    def pages(self) -> APIRouter:
        return APIRouter()
