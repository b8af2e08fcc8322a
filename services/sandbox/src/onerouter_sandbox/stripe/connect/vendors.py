"""Connected accounts: a platform's vendors, what Stripe still wants to know of them, and their banks."""

from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import reading, shapes, validation
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.connect import details
from onerouter_sandbox.stripe.connect.shapes import bank_account, vendor_account
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.errors import Refused, impossible, invalid, missing, no_such
from onerouter_sandbox.stripe.routing import ID, Asked, Route, Routes
from onerouter_sandbox.stripe.shelf import Shelf
from onerouter_sandbox.stripe.state import NAME, Slotted

_LINK_LASTS_S: Final = 300
NEEDS: Final = ("business_profile.url", "external_account", "tos_acceptance.date", "tos_acceptance.ip")


class Bank(TypedDict):
    """Where payouts go; of the number only the end is kept."""

    id: str
    last4: str
    routing_number: str | None
    country: str
    currency: str
    holder: str | None
    holder_type: str | None


class Onboarding(TypedDict):
    """An account link: good for one visit."""

    token: str
    expires_at: int
    return_url: str
    refresh_url: str
    visited: bool


@dataclass(slots=True)
class Vendor(Slotted):
    """`state`: new (requirements are due), active, or restricted (something is due again)."""

    id: str
    account: str
    created: int
    type: str
    country: str
    metadata: dict[str, str]
    capabilities: list[str]
    controller: dict[str, Any]
    email: str | None = None
    business_type: str | None = None
    profile: dict[str, Any] = field(default_factory=dict)
    banks: list[Bank] = field(default_factory=list)
    onboardings: list[Onboarding] = field(default_factory=list)
    state: str = "new"
    submitted: bool = False
    deleted: bool = False

    @property
    def active(self) -> bool:
        return self.state == "active"


class Vendors:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.shelf = Shelf(desk.state.journal, NAME, "account.connected", Vendor)

    def owned(self, account: Account, vendor_id: str, *, param: str) -> Vendor:
        vendor = self.shelf.find(vendor_id)
        if vendor is None or vendor.account != account.account_id or vendor.deleted:
            raise no_such("account", vendor_id, param=param)
        return vendor

    def become(self, vendor: Vendor, state: str) -> None:
        """`active`: everything is known; `restricted`: something is due, and nothing may happen until then."""
        vendor.state, vendor.submitted = state, True
        if state == "active" and not vendor.banks:
            vendor.banks.append(details.test_bank(vendor.country))
        self.shelf.changed(vendor)
        self._told(vendor)

    def onboarding(self, token: str) -> tuple[Vendor, Onboarding] | None:
        """Whose account link this is."""
        for vendor in self.shelf:
            for each in vendor.onboardings:
                if each["token"] == token:
                    return vendor, each
        return None

    def visited(self, vendor: Vendor, onboarding: Onboarding) -> bool:
        """Use the link up; False when it was used before or is too old."""
        good = not onboarding["visited"] and self._desk.now(vendor.account) < onboarding["expires_at"]
        onboarding["visited"] = True
        self.shelf.changed(vendor)
        return good

    def bank(self, bank_id: str) -> dict[str, Any]:
        for vendor in self.shelf:
            for bank in vendor.banks:
                if bank["id"] == bank_id:
                    return bank_account(bank, vendor.id)
        return {"id": bank_id, "object": "bank_account", "deleted": True}

    def shown(self, vendor: Vendor) -> dict[str, Any]:
        if vendor.deleted:
            return {"id": vendor.id, "object": "account", "deleted": True}
        return vendor_account(vendor, NEEDS)

    def routes(self) -> Routes:
        return {
            ("POST", "accounts"): Route("accounts.create", self._create),
            ("GET", "accounts"): Route("accounts.list", self._list),
            ("GET", "accounts", ID): Route("accounts.retrieve", self._get, for_vendors=True),
            ("POST", "accounts", ID): Route("accounts.update", self._update),
            ("DELETE", "accounts", ID): Route("accounts.delete", self._delete),
            ("POST", "accounts", ID, "external_accounts"): Route("accounts.external_accounts.create", self._add_bank),
            ("GET", "accounts", ID, "external_accounts"): Route("accounts.external_accounts.list", self._banks),
            ("GET", "accounts", ID, "external_accounts", ID): Route(
                "accounts.external_accounts.retrieve", self._get_bank
            ),
            ("POST", "account_links"): Route("account_links.create", self._create_link),
        }

    def _create(self, account: Account, asked: Asked) -> dict[str, Any]:
        params = asked.params
        reading.only(params, f"{details.FIELDS} type country controller bank_account")
        kind = reading.choice(params, "type", ("custom", "express", "standard"))
        controller = details.controller(params)
        if kind is not None and controller:
            raise invalid("You may only specify one of these parameters: type, controller.", param="controller")
        vendor = Vendor(
            id=random_id("acct_1", 16),
            account=account.account_id,
            created=self._desk.now(account.account_id),
            type=kind or ("none" if controller else "standard"),
            country=details.country(params) or account.country,
            metadata=reading.metadata(params),
            capabilities=details.capabilities(params),
            controller=controller,
        )
        self._read(vendor, asked)
        self.shelf.add(vendor)
        reference = self._desk.reference(account.account_id, vendor.metadata)
        self._desk.record(account.account_id, "vendor.created", reference, vendor.id)
        return self.shown(vendor)

    def _update(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, details.FIELDS)
        vendor = self.owned(account, asked.id, param="account")
        metadata = reading.changed_metadata(asked.params, vendor.metadata)
        capabilities = [*vendor.capabilities, *details.capabilities(asked.params)]
        self._read(vendor, asked)
        vendor.metadata, vendor.capabilities = metadata, list(dict.fromkeys(capabilities))
        self.shelf.changed(vendor)
        self._told(vendor)
        return self.shown(vendor)

    def _read(self, vendor: Vendor, asked: Asked) -> None:
        bank = details.bank(asked.params, vendor.country)
        vendor.email = reading.text(asked.params, "email", 512) or vendor.email
        vendor.business_type = reading.choice(asked.params, "business_type", details.TYPES) or vendor.business_type
        vendor.profile = vendor.profile | details.profile(asked.params)
        if bank is not None:
            vendor.banks.append(bank)

    def _get(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        try:
            return self.shown(self.owned(account, asked.id, param="account"))
        except Refused as refusal:
            if asked.id == account.account_id:
                return shapes.account(account)
            raise invalid(
                f"The provided key does not have access to account '{asked.id}' (or that account does not exist). "
                "Application access may have been revoked.",
                code="account_invalid",
                status=403,
            ) from refusal

    def _list(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params)
        found, more = self.shelf.page(account, window, lambda each: not each.deleted)
        return shapes.collection([self.shown(each) for each in found], url="/v1/accounts", more=more)

    def _delete(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        vendor = self.owned(account, asked.id, param="account")
        vendor.deleted = True
        self.shelf.changed(vendor)
        return self.shown(vendor)

    def _add_bank(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "external_account metadata default_for_currency")
        vendor = self.owned(account, asked.id, param="account")
        bank = details.bank(asked.params, vendor.country)
        if bank is None:
            raise missing("external_account")
        vendor.banks.append(bank)
        self.shelf.changed(vendor)
        shown = bank_account(bank, vendor.id)
        self._desk.tell("account.external_account.created", vendor.account, vendor.id, shown, vendor=vendor.id)
        return shown

    def _banks(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "limit starting_after object")
        vendor = self.owned(account, asked.id, param="account")
        shown = [bank_account(bank, vendor.id) for bank in vendor.banks]
        return shapes.collection(shown, url=f"/v1/accounts/{vendor.id}/external_accounts", more=False)

    def _get_bank(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        vendor = self.owned(account, asked.id, param="account")
        for bank in vendor.banks:
            if bank["id"] == asked.ids[1]:
                return bank_account(bank, vendor.id)
        raise no_such("external account", asked.ids[1], param="id")

    def _create_link(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "account refresh_url return_url type collection_options collect")
        vendor_id = reading.text(asked.params, "account", 200)
        if vendor_id is None:
            raise missing("account")
        kind = reading.choice(asked.params, "type", ("account_onboarding", "account_update"))
        if kind is None:
            raise missing("type")
        vendor = self.owned(account, vendor_id, param="account")
        if kind == "account_update" and not vendor.submitted:
            raise impossible("You cannot create `account_update` type Account Links for this account.", param="type")
        now = self._desk.now(account.account_id)
        link = Onboarding(
            token=random_id("", 24),
            expires_at=now + _LINK_LASTS_S,
            return_url=reading.url(asked.params, "return_url", required=True) or "",
            refresh_url=reading.url(asked.params, "refresh_url", required=True) or "",
            visited=False,
        )
        vendor.onboardings.append(link)
        self.shelf.changed(vendor)
        url = f"{asked.host}/stripe/onboarding/{link['token']}"
        return {"object": "account_link", "created": now, "expires_at": link["expires_at"], "url": url}

    def _told(self, vendor: Vendor) -> None:
        self._desk.tell("account.updated", vendor.account, vendor.id, self.shown(vendor), vendor=vendor.id)
