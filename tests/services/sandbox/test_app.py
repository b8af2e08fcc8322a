from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import HTTPException
from pydantic import SecretStr, ValidationError
from starlette.requests import Request

from onerouter_sandbox.app import create_app
from onerouter_sandbox.control import ControlAccess
from onerouter_sandbox.settings import Settings

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Sandbox

ACCOUNT = {"key_id": "rzp_test_SandboxTest01", "key_secret": "sandbox_key_secret_01"}


async def test_health_and_empty_start(running: Any) -> None:
    async with running() as sandbox, httpx.AsyncClient(base_url=sandbox.url) as http:
        assert (await http.get("/livez")).json() == {"status": "ok"}
        assert (await http.get("/readyz")).json() == {"status": "ok"}
        assert (await sandbox.show("/razorpay/accounts")) == {"data": []}


async def test_accounts_from_settings_and_secrets_stay_inside(running: Any) -> None:
    async with running(accounts={"razorpay": (ACCOUNT,)}, latency_ms=1) as sandbox:
        await sandbox.order()
        shown = await sandbox.control.get("/razorpay/accounts")
        assert "sandbox_key_secret_01" not in shown.text
        assert (await sandbox.control.delete(f"/razorpay/accounts/{ACCOUNT['key_id']}")).status_code == 200
        assert (await sandbox.api.get("/orders")).status_code == 401


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="no simulator for 'nopay'"):
        create_app(Settings(accounts={"nopay": ()}))
    with pytest.raises(ValidationError, match="key_id"):
        create_app(Settings(accounts={"razorpay": ({**ACCOUNT, "key_id": "sk_test_1"},)}))


async def test_an_account_keeps_its_id_when_it_is_registered_again(sandbox: "Sandbox") -> None:
    assert (await sandbox.register())["account_id"] == (await sandbox.register(auto_capture=False))["account_id"]


class TestControlAccess:
    def request(self, host: str, authorization: str = "") -> Request:
        headers = [(b"authorization", authorization.encode())]
        return Request({"type": "http", "client": (host, 1), "headers": headers})

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
    def test_loopback_without_a_token(self, host: str) -> None:
        ControlAccess(None)(self.request(host))

    @pytest.mark.parametrize("host", ["10.0.0.7", "::ffff:10.0.0.7", "testclient"])
    def test_not_from_elsewhere(self, host: str) -> None:
        with pytest.raises(HTTPException, match="403"):
            ControlAccess(None)(self.request(host))

    def test_with_a_token_everyone_needs_it(self) -> None:
        access = ControlAccess(SecretStr("let-me-in"))
        access(self.request("10.0.0.7", "Bearer let-me-in"))
        for host, authorization in (("127.0.0.1", ""), ("10.0.0.7", "Bearer other")):
            with pytest.raises(HTTPException, match="401"):
                access(self.request(host, authorization))

    async def test_guards_every_control_route(self, running: Any) -> None:
        async with running(control_token=SecretStr("let-me-in")) as sandbox:
            assert (await sandbox.control.get("/ledger")).status_code == 401
            assert (await sandbox.control.post("/razorpay/accounts", json=ACCOUNT)).status_code == 401
            sandbox.control.headers["Authorization"] = "Bearer let-me-in"
            assert (await sandbox.control.post("/razorpay/accounts", json=ACCOUNT)).status_code == 201


async def test_everything_survives_a_restart(running: Any, receiver: Any, tmp_path: Path) -> None:
    settings = {"data_file": tmp_path / "data" / "sandbox.sqlite"}
    key = {"X-Refund-Idempotency": "key-0123456789"}
    async with running(**settings) as sandbox:
        await sandbox.register(webhook_url="http://127.0.0.1:9/")  # nobody is there yet
        payment_id = await sandbox.paid(receipt="txn_1")
        await sandbox.fault("refund_pending", delay_s=0.05, times=1)
        refund = await sandbox.api.post(f"/payments/{payment_id}/refund", json={"amount": 500}, headers=key)
        before = (await sandbox.api.get("/payments")).json()
        effects = await sandbox.effects()

    async with running(**settings) as sandbox:
        assert (await sandbox.effects()) == effects
        listed = (await sandbox.api.get("/orders", params={"receipt": "txn_1"})).json()
        assert (listed["count"], listed["items"][0]["status"]) == (1, "paid")
        assert (await sandbox.api.get("/payments")).json()["items"][0]["id"] == before["items"][0]["id"]
        again = await sandbox.api.post(f"/payments/{payment_id}/refund", json={"amount": 500}, headers=key)
        assert again.json()["id"] == refund.json()["id"]
        await sandbox.register(webhook_url=receiver.url)
        await receiver.wait(5)  # the three of the payment, and the refund's two
        assert sorted(set(receiver.events)) == [
            "order.paid",
            "payment.authorized",
            "payment.captured",
            "refund.created",
            "refund.processed",
        ]
