"""Linked accounts: made, their owner and bank account told, activated or held up.

Source: https://razorpay.com/docs/api/payments/route/
"""

from typing import Any, Literal

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.razorpay import fields
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.books import Books
from onerouter_sandbox.razorpay.callbacks import Webhooks
from onerouter_sandbox.razorpay.errors import Refused, refused
from onerouter_sandbox.razorpay.route import rules
from onerouter_sandbox.razorpay.route.model import LinkedAccount, Product, Stakeholder
from onerouter_sandbox.razorpay.shelf import Shelf, T
from onerouter_sandbox.world import World

Activation = Literal["under_review", "needs_clarification", "activated"]


class LinkedAccounts:
    def __init__(self, world: World, webhooks: Webhooks) -> None:
        self._world = world
        self._books = Books(world)
        self._webhooks = webhooks
        self.accounts = Shelf(world.journal, "linked_account", LinkedAccount)
        self._by_email = {(each.account, each.email): each.id for each in self.accounts}
        self.stakeholders = Shelf(world.journal, "stakeholder", Stakeholder)
        self.products = Shelf(world.journal, "product", Product)

    def create(self, account: Account, body: dict[str, Any]) -> LinkedAccount:
        """Nothing but the e-mail address, which may be used once, keeps a vendor from being made twice."""
        fields.only(body, rules.ACCOUNT_FIELDS)
        if body.get("type", "route") != "route":
            raise refused(f"Invalid type: {body['type']}", field="type")
        email = fields.needed(body, "email")
        rules.check_account(body)
        known = self._by_email.get((account.key_id, email))
        if known is not None:
            raise refused(f"Merchant email already exists for account - {known.removeprefix('acc_')}")
        linked = LinkedAccount(
            id=random_id("acc_"),
            account=account.key_id,
            email=email,
            given={name: value for name, value in body.items() if name not in ("email", "type", "notes")},
            notes=fields.notes(body),
            created_at=self._now(account),
        )
        self.accounts.add(linked)
        self._by_email[account.key_id, email] = linked.id
        self._books.record(account.key_id, "vendor.created", fields.reference(linked.notes), linked.id)
        return linked

    def edit(self, account: Account, linked_id: str, body: dict[str, Any]) -> LinkedAccount:
        linked = self.owned(account, linked_id)
        fields.only(body, rules.ACCOUNT_FIELDS - {"email", "type", "business_type", "reference_id"})
        if "notes" in body:
            linked.notes = fields.notes(body)
        linked.given |= {name: value for name, value in body.items() if name != "notes"}
        self.accounts.changed(linked)
        return linked

    def owned(self, account: Account, linked_id: str) -> LinkedAccount:
        linked = self.accounts.get(linked_id)
        if linked is None or linked.account != account.key_id:
            raise _no_such_account()
        return linked

    def add_stakeholder(self, account: Account, linked_id: str, body: dict[str, Any]) -> Stakeholder:
        linked = self.owned(account, linked_id)
        fields.only(body, rules.STAKEHOLDER_FIELDS)
        fields.needed(body, "name")
        fields.needed(body, "email")
        if linked.stakeholder_id is not None:
            raise refused("Stakeholders cannot be more than one for Route product.")
        stakeholder = Stakeholder(
            id=random_id("sth_"),
            account=account.key_id,
            linked_account_id=linked.id,
            given={name: value for name, value in body.items() if name != "notes"},
            notes=fields.notes(body),
            created_at=self._now(account),
        )
        self.stakeholders.add(stakeholder)
        linked.stakeholder_id = stakeholder.id
        self.accounts.changed(linked)
        return stakeholder

    def edit_stakeholder(
        self, account: Account, linked_id: str, stakeholder_id: str, body: dict[str, Any]
    ) -> Stakeholder:
        stakeholder = self.of_linked(account, linked_id, self.stakeholders, stakeholder_id)
        fields.only(body, rules.STAKEHOLDER_FIELDS)
        if "notes" in body:
            stakeholder.notes = fields.notes(body)
        stakeholder.given |= {name: value for name, value in body.items() if name != "notes"}
        self.stakeholders.changed(stakeholder)
        return stakeholder

    def request_product(self, account: Account, linked_id: str, body: dict[str, Any]) -> Product:
        """Route, once per linked account: asked for again it is the same."""
        linked = self.owned(account, linked_id)
        fields.only(body, frozenset({"product_name", "tnc_accepted"}))
        if body.get("product_name") != "route":
            raise refused("The product requested is invalid.", field="product_name")
        accepted = rules.terms_accepted(body)
        if linked.product_id is not None:
            return self.products[linked.product_id]
        now = self._now(account)
        product = Product(
            id=random_id("acc_prd_"),
            account=account.key_id,
            linked_account_id=linked.id,
            tnc_id=random_id("tnc_"),
            created_at=now,
            tnc_accepted_at=now if accepted else None,
        )
        self.products.add(product)
        linked.product_id = product.id
        self.accounts.changed(linked)
        return product

    def configure(self, account: Account, linked_id: str, product_id: str, body: dict[str, Any]) -> Product:
        """With the bank account and the terms accepted it is reviewed, and as the merchant's account says activated."""
        product = self.of_linked(account, linked_id, self.products, product_id)
        fields.only(body, frozenset({"settlements", "tnc_accepted"}))
        if product.activation_status == "under_review":
            raise refused("Merchant activation form has been locked for editing by admin.")
        if rules.terms_accepted(body) and product.tnc_accepted_at is None:
            product.tnc_accepted_at = self._now(account)
        settlements = fields.mapping(body, "settlements")
        if settlements:
            product.settlements, product.clarify = rules.settlements_of(settlements), None
        if product.settlements is not None and product.tnc_accepted_at is not None and product.clarify is None:
            self.decide(product, "under_review")
            if account.vendor_activation == "activated":
                self.decide(product, "activated")
        self.products.changed(product)
        return product

    def decide(self, product: Product, status: Activation, reason: str = "Bank account details do not match.") -> None:
        """What Razorpay's reviewers say; `reason` is why something has to be clarified."""
        if status == product.activation_status and status != "needs_clarification":
            return
        product.activation_status = status
        product.clarify = reason if status == "needs_clarification" else None
        self.products.changed(product)
        entity = {
            "id": product.id,
            "merchant_id": product.linked_account_id,
            "activation_status": status,
        }
        requirements = product.requirements()
        self._webhooks.emit(
            f"product.route.{status}",
            product.account,
            product.linked_account_id,
            {"merchant_product": entity},
            concerns=product.linked_account_id,  # as in Razorpay's samples: not the merchant's own id
            data={"data": {"requirements": requirements} if requirements else []},
        )

    def suspend(self, linked: LinkedAccount, *, suspended: bool) -> None:
        linked.status = "suspended" if suspended else "created"
        self.accounts.changed(linked)

    def takes_money(self, account: Account, linked_id: str) -> bool:
        """Raises `Refused` when there is no such account."""
        linked = self.owned(account, linked_id)
        product = self.products.get(linked.product_id or "")
        return linked.status != "suspended" and product is not None and product.activation_status == "activated"

    def of_linked(self, account: Account, linked_id: str, shelf: Shelf[T], thing_id: str) -> T:
        """A thing of this linked account, or a refusal."""
        linked = self.owned(account, linked_id)
        thing = shelf.owned(account, thing_id)
        if thing.id not in (linked.stakeholder_id, linked.product_id):
            raise refused("The id provided does not exist")
        return thing

    def _now(self, account: Account) -> int:
        return int(self._world.clocks.of(account.key_id).now())


def _no_such_account() -> Refused:
    return refused("Linked account does not exist", reason="linked_account_id_does_not_exist")
