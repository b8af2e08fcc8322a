"""The vault put together. PayPal knows its request ids, which it demands, for three hours."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.paypal import hosted, ids
from onerouter_sandbox.paypal.errors import NotPossible, bad_request
from onerouter_sandbox.paypal.fields import Fields
from onerouter_sandbox.paypal.hosted import Decided, Question, back_to
from onerouter_sandbox.paypal.listing import parse_listing
from onerouter_sandbox.paypal.routing import HOUR, Asked, Repeats, Route, Table
from onerouter_sandbox.paypal.shapes import NO_CONTENT, answer
from onerouter_sandbox.paypal.state import NAME, State
from onerouter_sandbox.paypal.validation import parse_json
from onerouter_sandbox.paypal.vault import shapes
from onerouter_sandbox.paypal.vault.state import SetupToken
from onerouter_sandbox.paypal.vault.tokens import Tokens, wallet
from onerouter_sandbox.paypal.vault.validation import customer_of, setup_token_id, source_request
from onerouter_sandbox.wire import Reply

KEPT_S: Final = 3 * HOUR
_SETUP: Final = "setup-tokens.create"
_CREATE: Final = "payment-tokens.create"
_CARD: Final = {"last_digits": "7704", "brand": "VISA", "expiry": "2031-12"}


class SaveMethod(BaseModel):
    model_config = ConfigDict(extra="forbid")

    customer_id: str | None = Field(None, pattern="^[0-9a-zA-Z_-]{1,22}$")
    kind: Literal["paypal", "card"] = "paypal"


class DeclineNext(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: str | None = Field("5120", pattern="^([0-9A-Z]{4}|INSTRUMENT_DECLINED)$")


class Vault:
    """A `Feature`, and the payer's page."""

    def __init__(self, state: State, tokens: Tokens, repeats: Repeats) -> None:
        self._state = state
        self._tokens = tokens
        self._repeats = repeats

    @property
    def routes(self) -> Table:
        return {
            "POST v3/vault/setup-tokens": Route(_SETUP, self.prepare),
            "GET v3/vault/setup-tokens/:id": Route("setup-tokens.get", self.get_setup),
            "POST v3/vault/payment-tokens": Route(_CREATE, self.create),
            "GET v3/vault/payment-tokens": Route("payment-tokens.list", self.list),
            "GET v3/vault/payment-tokens/:id": Route("payment-tokens.get", self.get),
            "DELETE v3/vault/payment-tokens/:id": Route("payment-tokens.delete", self.delete),
        }

    def resume(self) -> None:
        """Nothing waits."""

    def prepare(self, asked: Asked) -> Reply:
        fields = Fields(parse_json(asked.request.body, _SETUP), _SETUP)
        _require_key(asked, _SETUP)

        def make() -> str:
            source = source_request(fields.needed("payment_source"))
            return self._tokens.prepare(asked.account, customer_of(fields), source, asked.base).id

        def show(token_id: str) -> dict[str, Any]:
            return shapes.setup_token(self._tokens.setup(asked.account, token_id))

        return self._repeats.once(_SETUP, asked, KEPT_S, make, show, minimal=None)

    def get_setup(self, asked: Asked) -> Reply:
        return answer(200, shapes.setup_token(self._tokens.setup(asked.account, asked.id)))

    def create(self, asked: Asked) -> Reply:
        fields = Fields(parse_json(asked.request.body, _CREATE), _CREATE)
        key = _require_key(asked, _CREATE)

        def make() -> str:
            source = fields.needed("payment_source")
            setup_id = setup_token_id(source)
            if setup_id is not None:
                return self._tokens.redeem(asked.account, setup_id, key).id
            wanted = source_request(source)
            if wanted.kind != "card":
                raise source.wrong("paypal", "NOT_SUPPORTED")
            account, customer = asked.account.client_id, customer_of(fields)
            return self._tokens.keep(account, asked.base, customer, "card", wanted.shown, key).id

        def show(token_id: str) -> dict[str, Any]:
            return shapes.payment_token(self._tokens.get(asked.account, token_id))

        return self._repeats.once(_CREATE, asked, KEPT_S, make, show, minimal=None)

    def get(self, asked: Asked) -> Reply:
        return answer(200, shapes.payment_token(self._tokens.get(asked.account, asked.id)))

    def list(self, asked: Asked) -> Reply:
        """Of one customer, newest first."""
        operation = "payment-tokens.list"
        customer = Fields(asked.query, operation).needed_text("customer_id", 36, least=7)
        listing = parse_listing(asked, operation, most=50, default=5)
        found = [
            shapes.payment_token(one)
            for one in self._tokens.tokens.of(asked.account)
            if one.customer == customer and not one.deleted
        ]
        here = f"{asked.base}/v3/vault/payment-tokens"
        shown = listing.page("payment_tokens", found[::-1], here, customer_id=customer)
        return answer(200, {"customer": {"id": customer}, **shown})

    def delete(self, asked: Asked) -> Reply:
        self._tokens.delete(asked.account, asked.id)
        return NO_CONTENT

    def pages(self) -> APIRouter:
        return hosted.router("/agreements/approve", "approval_session_id", self)

    def ask(self, token: str) -> Question:
        setup = self._find(token)
        account = self._state.accounts.get(setup.account)
        if account is None:
            raise HTTPException(404, "There is no such agreement.")
        waits = setup.status == "PAYER_ACTION_REQUIRED"
        return Question(
            merchant=setup.context.get("brand_name") or account.merchant_name,
            headline="Save PayPal for later",
            line=str(setup.shown.get("description") or f"Agreement {setup.id}"),
            state=f"This agreement is {setup.status.lower()}",
            actions=(("approve", "Agree & Continue"), ("cancel", "Cancel")) if waits else (),
        )

    def decide(self, token: str, action: str) -> Decided:
        setup = self._find(token)
        handed = {"approval_token_id": setup.id, "approval_session_id": setup.id}
        if action == "cancel":
            back = back_to(setup.context.get("cancel_url"), **handed)
            return Decided(False, "Not approved", "Nothing was saved.", back)
        self._tokens.approve(setup)
        back = back_to(setup.context.get("return_url"), **handed)
        return Decided(True, "Approved", "The merchant may charge your PayPal account from now on.", back)

    def control(self) -> APIRouter:
        routes = APIRouter(tags=["paypal"])

        @routes.post("/accounts/{client_id}/payment-tokens", status_code=201)
        async def save(
            client_id: str, request: Request, wanted: Annotated[SaveMethod | None, Body()] = None
        ) -> dict[str, Any]:
            """Have a customer's method be saved already."""
            if client_id not in self._state.accounts:
                raise HTTPException(404, "There is no such app.")
            how = wanted or SaveMethod()
            shown = _CARD if how.kind == "card" else wallet("buyer@example.com", ids.merchant_id())
            base = f"{request.base_url}{NAME}"
            token = self._tokens.keep(client_id, base, how.customer_id, how.kind, dict(shown), None)
            return shapes.payment_token(token)

        @routes.post("/setup-tokens/{token_id}/approve")
        async def approve(token_id: str) -> dict[str, Any]:
            """Approve as the payer would on the page."""
            setup = self._find(token_id)
            try:
                self._tokens.approve(setup)
            except NotPossible as problem:
                raise HTTPException(409, str(problem)) from problem
            return shapes.setup_token(setup)

        @routes.post("/payment-tokens/{token_id}/decline-next")
        async def decline_next(token_id: str, wanted: Annotated[DeclineNext | None, Body()] = None) -> dict[str, Any]:
            """What the next order that is charged to it meets; null: nothing."""
            token = self._tokens.tokens.get(token_id)
            if token is None:
                raise HTTPException(404, "There is no such payment token.")
            self._tokens.decline_next(token, (wanted or DeclineNext()).code)
            return shapes.payment_token(token)

        return routes

    def _find(self, token_id: str) -> SetupToken:
        setup = self._tokens.setups.get(token_id)
        if setup is None:
            raise HTTPException(404, "There is no such agreement.")
        return setup


def _require_key(asked: Asked, operation: str) -> str:
    key = asked.request_id(operation)
    if key is None:
        raise bad_request("MISSING_REQUIRED_PARAMETER", "PayPal-Request-Id", operation)
    return key
