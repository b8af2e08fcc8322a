"""What 2.0.6 has, by name and keyword: this list is of the published wheel, and only grows. 1.0.0 has a part of it."""

from __future__ import annotations

import importlib
import inspect
import json
from typing import Any, Final

import pytest
from sdks.python.tests.golden import method_of

import onerouter
from onerouter import OneRouter, OneRouterSync, RequestOptions
from onerouter.testing import API_KEY, FakeServer, problem

METHODS: Final = {
    "payments.create": (
        "amount currency method provider receipt notes idempotency_key upi_app emi_plan card_network wallet_provider "
        "bank_code save_card"
    ),
    "payments.get": "transaction_id",
    "payments.refund": "payment_id amount reason speed notes idempotency_key",
    "subscriptions.create": "plan_id customer_notify total_count quantity trial_days start_date provider",
    "subscriptions.get": "subscription_id",
    "subscriptions.cancel": "subscription_id cancel_at_cycle_end",
    "subscriptions.pause": "subscription_id pause_at",
    "subscriptions.resume": "subscription_id",
    "subscriptions.change_plan": "subscription_id new_plan_id prorate",
    "payment_links.create": "amount description customer_email callback_url notes environment provider",
    "saved_payment_methods.list": "",
    "saved_payment_methods.save": "payment_method_id nickname metadata",
    "saved_payment_methods.delete": "saved_method_id",
    "saved_payment_methods.update": "saved_method_id nickname metadata",
    "marketplace.create_split_payment": "amount splits currency description metadata",
    "marketplace.get_split_payment": "payment_id",
    "marketplace.list_vendor_accounts": "",
    "marketplace.add_vendor_account": "vendor_id name account_details split_config",
    "marketplace.update_vendor_split": "vendor_id split_type split_percentage split_amount",
    "marketplace.get_platform_fees": "period currency",
    "marketplace.process_bulk_splits": "payments process_immediately",
    "sms.send": "to body from_number provider idempotency_key",
    "sms.get_status": "message_id",
    "email.send": "to subject html_body text_body from_email provider idempotency_key",
    "email.get_status": "email_id",
}
DEFAULTS: Final[dict[str, dict[str, object]]] = {
    "payments.create": {"currency": "INR"},
    "subscriptions.create": {"customer_notify": True, "total_count": 12, "quantity": 1},
    "subscriptions.cancel": {"cancel_at_cycle_end": False},
    "subscriptions.change_plan": {"prorate": True},
    "marketplace.create_split_payment": {"currency": "INR"},
    "marketplace.get_platform_fees": {"period": "month", "currency": "INR"},
    "marketplace.process_bulk_splits": {"process_immediately": True},
}
# Only described in its README; the published wheel does not have them.
DESCRIBED: Final = {"sms.get": "message_id", "email.get": "email_id"}
ADDRESSES: Final = {
    "onerouter": "OneRouter OneRouterSync OneRouterError AuthenticationError RateLimitError ValidationError APIError",
    "onerouter.client": "OneRouter",
    "onerouter.utils": "OneRouterSync",
    "onerouter.exceptions": "OneRouterError AuthenticationError RateLimitError ValidationError APIError",
    "onerouter.communications": "OneRouter OneRouterClient",
    "onerouter.resources": (
        "PaymentsResource SubscriptionsResource PaymentLinksResource SavedPaymentMethodsResource MarketplaceResource "
        "SMSResource EmailResource"
    ),
}


@pytest.mark.parametrize("client", [OneRouter, OneRouterSync])
@pytest.mark.parametrize("method", sorted({**METHODS, **DESCRIBED}))
def test_methods_take_their_keywords(client: type[OneRouter] | type[OneRouterSync], method: str) -> None:
    signature = inspect.signature(method_of(client(API_KEY), method))
    keywords = {**METHODS, **DESCRIBED}[method].split()
    assert set(keywords) <= {*signature.parameters, *RequestOptions.__annotations__}
    for name, default in DEFAULTS.get(method, {}).items():
        assert signature.parameters[name].default == default
    if keywords:
        assert next(iter(signature.parameters)) == keywords[0]


@pytest.mark.parametrize("address", sorted(ADDRESSES))
def test_names_are_where_they_were(address: str) -> None:
    module = importlib.import_module(address)
    for name in ADDRESSES[address].split():
        assert inspect.isclass(getattr(module, name)), name


@pytest.mark.parametrize("client", [OneRouter, OneRouterSync])
class TestClient:
    def test_is_made_as_before(self, client: type[OneRouter] | type[OneRouterSync]) -> None:
        client(API_KEY, "https://api.onerouter.com", 30, 3)
        client(api_key=API_KEY, base_url="https://api.onerouter.com", timeout=30, max_retries=3)

    @pytest.mark.parametrize("key", ["", "sk_live_1"])
    def test_refuses_what_is_no_key(self, client: type[OneRouter] | type[OneRouterSync], key: str) -> None:
        with pytest.raises(ValueError, match="API key"):
            client(key)


class TestErrors:
    def test_are_made_as_before(self) -> None:
        limited = onerouter.RateLimitError("Rate limit exceeded", retry_after=60)
        assert limited.retry_after == 60
        other = onerouter.APIError("Not found", status_code=404, response={"detail": "Not found"})
        assert (other.status_code, other.response) == (404, {"detail": "Not found"})

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (401, onerouter.AuthenticationError),
            (422, onerouter.ValidationError),
            (429, onerouter.RateLimitError),
            (404, onerouter.APIError),
            (500, onerouter.APIError),
        ],
    )
    def test_are_raised_as_before(self, status: int, error: type[onerouter.APIError]) -> None:
        server = FakeServer()
        server.next(problem(status, detail="It is so.", retryable=False, retry_after=1))
        with server.sync_client() as client, pytest.raises(error, match="It is so"):
            client.payments.get("txn_1")


def test_empty_texts_say_nothing_as_before() -> None:
    server = FakeServer()
    for path in ("payments", "refunds", "payment-links", "payment-methods", "sms", "email", "subscriptions/s/pause"):
        server.on("POST", f"/v1/{path}", {})
    server.on("POST", "/v1/marketplace/payments/split", {})
    server.on("PATCH", "/v1/payment-methods/m", {})
    client: Any = server.sync_client()
    empty = ("provider", "receipt", "upi_app", "emi_plan", "card_network", "wallet_provider", "bank_code", "method")
    for method, needed, optional in (
        ("payments.create", {"amount": 1, "currency": "INR"}, empty),
        ("payments.refund", {"payment_id": "p"}, ("reason",)),
        ("payment_links.create", {"amount": 1}, ("customer_email", "callback_url", "provider", "environment")),
        ("saved_payment_methods.save", {"payment_method_id": "m"}, ("nickname",)),
        ("saved_payment_methods.update", {"saved_method_id": "m"}, ("nickname",)),
        ("marketplace.create_split_payment", {"amount": 1, "splits": [], "currency": "INR"}, ("description",)),
        ("sms.send", {"to": "+1", "body": "b"}, ("from_number", "idempotency_key")),
        ("email.send", {"to": "a@b.c", "text_body": "t"}, ("html_body", "from_email", "idempotency_key")),
        ("subscriptions.pause", {"subscription_id": "s"}, ("pause_at",)),
    ):
        method_of(client, method)(**needed, **dict.fromkeys(optional, ""))
        call = server.calls[-1]
        in_path = {"saved_method_id", "subscription_id"}
        assert call.json == {name: value for name, value in needed.items() if name not in in_path}, method
        assert "x-onerouter-environment" not in call.headers and call.idempotency_key


def test_an_empty_amount_is_not_all_of_it() -> None:
    server = FakeServer()
    server.on("POST", "/v1/refunds", {})
    server.sync_client().payments.refund("p", "")
    assert server.calls[0].json == {"payment_id": "p", "amount": ""}


async def test_the_published_readme_works() -> None:
    """Its examples, in one."""
    server = FakeServer()
    server.on("POST", "/v1/payments", {"transaction_id": "txn_1", "provider_order_id": "order_1", "checkout_url": "u"})
    server.on("GET", "/v1/payments/{id}", {"transaction_id": "txn_1", "status": "created"})
    server.on("POST", "/v1/refunds", {"id": "re_1"})
    server.on("POST", "/v1/sms", {"message_id": "SM1", "status": "sent"})
    server.on("GET", "/v1/sms/{id}", {"status": "delivered"})
    server.on("POST", "/v1/email", {"email_id": "EM1", "status": "sent"})
    server.on("POST", "/v1/subscriptions", {"id": "sub_1"})
    server.on("POST", "/v1/subscriptions/{id}/cancel", {"id": "sub_1"})
    server.on("POST", "/v1/payment-links", {"short_url": "https://rzp.io/1"})
    async with server.client() as client:
        order: Any = await client.payments.create(amount=500.00, currency="INR", receipt="order_123")
        assert json.loads(json.dumps(order)) == dict(order)
        assert (await client.payments.get(order["transaction_id"]))["status"] == "created"
        await client.payments.refund(payment_id=order["provider_order_id"], amount=100.00)
        sms = await client.sms.send(to="+1234567890", body="Your verification code is 123456")
        assert (await client.sms.get(sms["message_id"]))["status"] == "delivered"
        email = await client.email.send(
            to="user@example.com", subject="Welcome!", html_body="<h1>Welcome!</h1>", from_email="hello@yourdomain.com"
        )
        assert (email["email_id"], email["status"]) == ("EM1", "sent")
        subscription = await client.subscriptions.create(plan_id="plan_1", customer_notify=True, total_count=12)
        await client.subscriptions.cancel(subscription_id=subscription["id"], cancel_at_cycle_end=True)
        link = await client.payment_links.create(amount=999.00, description="Premium", customer_email="u@example.com")
        assert link["short_url"]
