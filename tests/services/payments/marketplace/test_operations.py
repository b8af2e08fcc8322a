"""Bank data on its way to the provider: opened for every question, and nothing is sent where it does not open."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from onerouter_common.contracts.payment_resources import CreateVendor
from onerouter_common.db.engine import Pool
from onerouter_common.errors import CredentialsUnreadable, Overloaded, ProviderUnavailable
from onerouter_common.secrets import KeyRing, KeyRings
from onerouter_payments.marketplace.details import VendorDetails
from onerouter_payments.marketplace.operations import VendorCreate
from onerouter_payments.resource.kinds.vendor import VENDOR_KIND
from onerouter_payments.resource.operations import Question
from onerouter_providers.payments.paypal.vendors import account_snapshot, receiver_of
from onerouter_providers.resources import ResourceSnapshot, VendorRequest

from ..examples import NOW, FakeConnection, FixedClock, a_resource

DETAILS: Final = {"payer_id": "WDJJHEBZ4X2LY"}


class _PayPal:
    """A platform's client as far as it decides whom a vendor is bound to: by PayPal's own rule, without the wire."""

    def __init__(self) -> None:
        self.asked: list[VendorRequest] = []

    async def create_vendor(self, request: VendorRequest, *, key: str) -> ResourceSnapshot:
        return self._bound(request)

    async def find_vendor(self, request: VendorRequest) -> ResourceSnapshot | None:
        return self._bound(request)

    def _bound(self, request: VendorRequest) -> ResourceSnapshot:
        self.asked.append(request)
        receiver = receiver_of(request, is_platform=False)
        assert receiver is not None
        return account_snapshot(receiver)


class _Away(VendorDetails):
    async def open(self, tenant_id: str, environment: str, id_: str) -> Mapping[str, str]:
        raise Overloaded("The KMS is away.")


def rings() -> KeyRings:
    return KeyRings(test=KeyRing.parse(KeyRing.generate("one")), live=KeyRing.parse(KeyRing.generate("live")))


async def question(details: VendorDetails, asker: VendorCreate) -> Question:
    command = CreateVendor(
        name="Asha", email="asha@shop.example", details_id=await details.keep("ten_1", "test", DETAILS)
    )
    vendor = a_resource(VENDOR_KIND, provider="paypal")
    return Question(asker.ask(vendor, command, FakeConnection(provider="paypal")), NOW)


async def test_a_lookup_asks_for_the_account_that_the_call_named(pool: Pool) -> None:
    details, client = VendorDetails(pool, rings()), _PayPal()
    asker = VendorCreate(FixedClock(NOW), details)
    asked = await question(details, asker)
    made, found = await asker.call(client, asked, "key"), await asker.lookup(client, asked, "key")
    assert found is not None
    assert made.provider_id == found.provider_id == DETAILS["payer_id"]
    assert [request.account_details for request in client.asked] == [DETAILS, DETAILS]


class TestWhereItDoesNotOpen:
    async def ask(self, asker: VendorCreate, asked: Question, error: type[Exception]) -> Any:
        client = _PayPal()
        for act in (asker.call, asker.lookup):
            with pytest.raises(error) as raised:
                await act(client, asked, "key")
        assert client.asked == [], "nothing is sent"
        return raised.value

    async def test_with_the_keys_away_it_is_tried_again(self, pool: Pool) -> None:
        keys = rings()
        asked = await question(VendorDetails(pool, keys), VendorCreate(FixedClock(NOW), VendorDetails(pool, keys)))
        told = await self.ask(VendorCreate(FixedClock(NOW), _Away(pool, keys)), asked, ProviderUnavailable)
        assert told.provider == "paypal"

    async def test_with_the_key_gone_it_has_failed(self, pool: Pool) -> None:
        details = VendorDetails(pool, rings())
        asked = await question(details, VendorCreate(FixedClock(NOW), details))
        other = VendorCreate(FixedClock(NOW), VendorDetails(pool, rings()))
        await self.ask(other, asked, CredentialsUnreadable)

    async def test_anothers_row_is_none_of_its(self, pool: Pool) -> None:
        details = VendorDetails(pool, rings())
        asker = VendorCreate(FixedClock(NOW), details)
        asked = await question(details, asker)
        moved = replace(asked, what=replace(asked.what, tenant_id="ten_2"))
        told = await self.ask(asker, moved, Exception)
        assert told.error_code == "CONFLICT"
