"""PayPal's own server SDK, pointed at the sandbox and nothing else changed."""

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests
from paypalserversdk.configuration import Environment, Server
from paypalserversdk.exceptions.error_exception import ErrorException
from paypalserversdk.exceptions.o_auth_provider_exception import OAuthProviderException
from paypalserversdk.exceptions.subscription_error_exception import SubscriptionErrorException
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.models.activate_subscription_request import ActivateSubscriptionRequest
from paypalserversdk.models.cancel_subscription_request import CancelSubscriptionRequest
from paypalserversdk.models.capture_request import CaptureRequest
from paypalserversdk.models.create_subscription_request import CreateSubscriptionRequest
from paypalserversdk.models.modify_subscription_request import ModifySubscriptionRequest
from paypalserversdk.models.order_request import OrderRequest
from paypalserversdk.models.payment_token_request import PaymentTokenRequest
from paypalserversdk.models.plan_request import PlanRequest
from paypalserversdk.models.refund_request import RefundRequest
from paypalserversdk.models.setup_token_request import SetupTokenRequest
from paypalserversdk.models.suspend_subscription import SuspendSubscription
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

from .billing import a_product, plan_body, usd
from .conftest import SECRET, order_body
from .test_vault import WALLET, setup_body, token_body

if TYPE_CHECKING:
    from .conftest import Shop

Opens = Callable[..., Any]
ALL = "return=representation"


@pytest.fixture
def opens(shop: "Shop") -> Iterator[Opens]:
    """Makes a client of the SDK; its table of addresses has the sandbox's in place of PayPal's."""
    with requests.Session() as session:

        def opened(secret: str = SECRET) -> Any:
            credentials = ClientCredentialsAuthCredentials(o_auth_client_id=shop.client_id, o_auth_client_secret=secret)
            client = PaypalServersdkClient(
                http_client_instance=session,
                environment=Environment.SANDBOX,
                client_credentials_auth_credentials=credentials,
            )
            client.config.environments = {Environment.SANDBOX: {Server.DEFAULT: f"{shop.url}/paypal"}}
            return client

        yield opened


async def told(call: Callable[..., Any], **options: Any) -> Any:
    """What an answer says; the SDK waits for it in a thread."""
    return (await asyncio.to_thread(call, options)).body


async def told_of(call: Callable[[str], Any], thing_id: str) -> Any:
    """The same for those calls of the SDK that take an id alone."""
    return (await asyncio.to_thread(call, thing_id)).body


async def test_order_to_refund(shop: "Shop", opens: Opens) -> None:
    client = opens()
    wanted = {"body": OrderRequest.from_dictionary(order_body(custom_id="pay_1")), "paypal_request_id": "k1"}
    order = await told(client.orders.create_order, **wanted, prefer=ALL)
    again = await told(client.orders.create_order, **wanted, prefer=ALL)
    assert (order.id, order.status, order.purchase_units[0].custom_id) == (again.id, "PAYER_ACTION_REQUIRED", "pay_1")
    await shop.approve(order.id)
    assert (await told(client.orders.get_order, id=order.id)).status == "APPROVED"

    done = await told(client.orders.capture_order, id=order.id, paypal_request_id="k2", prefer=ALL)
    (capture,) = done.purchase_units[0].payments.captures
    shown = await told(client.payments.get_captured_payment, capture_id=capture.id)
    kept = shown.seller_receivable_breakdown
    assert (shown.status, shown.custom_id, shown.amount.value) == ("COMPLETED", "pay_1", "12.99")
    assert (kept.gross_amount.value, kept.paypal_fee.currency_code) == ("12.99", "USD")

    part = RefundRequest.from_dictionary({"amount": usd("5.00"), "invoice_id": "ref_1"})
    refund = await told(
        client.payments.refund_captured_payment, capture_id=capture.id, body=part, paypal_request_id="k3", prefer=ALL
    )
    found = await told(client.payments.get_refund, refund_id=refund.id)
    assert (found.status, found.amount.value, found.invoice_id) == ("COMPLETED", "5.00", "ref_1")
    shown = await told(client.payments.get_captured_payment, capture_id=capture.id)
    assert shown.status == "PARTIALLY_REFUNDED"


async def test_a_hold_is_taken_in_part_or_let_go(shop: "Shop", opens: Opens) -> None:
    client = opens()
    body = OrderRequest.from_dictionary(order_body(intent="AUTHORIZE"))
    held = []
    for key in ("k1", "k2"):
        order = await told(client.orders.create_order, body=body, paypal_request_id=key)
        await shop.approve(order.id)
        done = await told(client.orders.authorize_order, id=order.id, paypal_request_id=f"{key}-a", prefer=ALL)
        held += [one.id for one in done.purchase_units[0].payments.authorizations]
    part = {"body": CaptureRequest.from_dictionary({"amount": usd("4.00")}), "paypal_request_id": "k3", "prefer": ALL}
    taken = await told(client.payments.capture_authorized_payment, authorization_id=held[0], **part)
    assert (taken.status, taken.amount.value) == ("COMPLETED", "4.00")
    await told(client.payments.void_payment, authorization_id=held[1], paypal_request_id="k4")
    shown = [await told(client.payments.get_authorized_payment, authorization_id=one) for one in held]
    assert [one.status for one in shown] == ["PARTIALLY_CAPTURED", "VOIDED"]


async def test_a_saved_method(shop: "Shop", opens: Opens) -> None:
    vault = opens().vault
    wanted = SetupTokenRequest.from_dictionary(setup_body(WALLET))
    setup = await told(vault.create_setup_token, body=wanted, paypal_request_id="k1")
    assert setup.status == "PAYER_ACTION_REQUIRED"
    await shop.ask(f"/paypal/setup-tokens/{setup.id}/approve")
    assert (await told_of(vault.get_setup_token, setup.id)).status == "APPROVED"
    redeemed = PaymentTokenRequest.from_dictionary(token_body(setup.id))
    token = await told(vault.create_payment_token, body=redeemed, paypal_request_id="k2")
    assert (await told_of(vault.get_payment_token, token.id)).payment_source.paypal.email_address == "buyer@example.com"
    listed = await told(vault.list_customer_payment_tokens, customer_id="cust_00001")
    assert [one.id for one in listed.payment_tokens] == [token.id]
    await told_of(vault.delete_payment_token, token.id)
    with pytest.raises(ErrorException) as caught:
        await told_of(vault.get_payment_token, token.id)
    assert caught.value.response_code == 404


async def test_a_subscription(shop: "Shop", opens: Opens) -> None:
    subscriptions = opens().subscriptions
    product = await a_product(shop)  # the SDK has no catalogue of products
    plan, other = [
        await told(
            subscriptions.create_billing_plan,
            body=PlanRequest.from_dictionary(plan_body(product)),
            paypal_request_id=key,
            prefer=ALL,
        )
        for key in ("p1", "p2")
    ]
    assert (await told_of(subscriptions.get_billing_plan, plan.id)).billing_cycles[0].frequency.interval_unit == "MONTH"
    assert {one.id for one in (await told(subscriptions.list_billing_plans)).plans} == {plan.id, other.id}

    wanted = CreateSubscriptionRequest.from_dictionary({"plan_id": plan.id, "custom_id": "sub_1"})
    made = await told(subscriptions.create_subscription, body=wanted, paypal_request_id="k1", prefer=ALL)
    assert (made.status, made.custom_id) == ("APPROVAL_PENDING", "sub_1")
    await shop.ask(f"/paypal/subscriptions/{made.id}/approve")
    change = {"id": made.id, "body": SuspendSubscription(reason="away")}
    await told(subscriptions.suspend_subscription, **change)
    assert (await told(subscriptions.get_subscription, id=made.id)).status == "SUSPENDED"
    await told(subscriptions.activate_subscription, id=made.id, body=ActivateSubscriptionRequest(reason="back"))
    revised = ModifySubscriptionRequest.from_dictionary({"plan_id": other.id})
    answer = await told(subscriptions.revise_subscription, id=made.id, body=revised)
    assert "approve" in {link.rel for link in answer.links}

    span = {"start_time": "2020-01-01T00:00:00.000Z", "end_time": "2100-01-01T00:00:00.000Z"}
    charged = await told(subscriptions.list_subscription_transactions, id=made.id, **span)
    assert [one.amount_with_breakdown.gross_amount.value for one in charged.transactions] == ["10.00"]
    await told(subscriptions.cancel_subscription, id=made.id, body=CancelSubscriptionRequest(reason="too dear"))
    assert (await told(subscriptions.get_subscription, id=made.id)).status == "CANCELLED"
    with pytest.raises(SubscriptionErrorException) as caught:
        await told(subscriptions.suspend_subscription, **change)
    assert (caught.value.name, caught.value.response_code) == ("UNPROCESSABLE_ENTITY", 422)


async def test_errors_reach_the_clients_classes(shop: "Shop", opens: Opens) -> None:
    client = opens()
    with pytest.raises(ErrorException) as caught:
        await told(client.orders.capture_order, id="0XX00000XX000000X")
    assert (caught.value.name, caught.value.response_code) == ("RESOURCE_NOT_FOUND", 404)
    order = await told(client.orders.create_order, body=OrderRequest.from_dictionary(order_body()))
    with pytest.raises(ErrorException) as caught:
        await told(client.orders.capture_order, id=order.id)
    assert [one.issue for one in caught.value.details] == ["ORDER_NOT_APPROVED"]
    with pytest.raises(OAuthProviderException) as wrong:
        await asyncio.to_thread(opens("ELsomebody_elses_secret").oauth_2.fetch_token)
    assert wrong.value.response_code == 401
