"""Payment links: a page to be visited again and again; each visit is a Checkout Session of its own."""

from typing import Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import reading, shapes, validation
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.catalog import Catalog
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.errors import impossible, invalid, missing
from onerouter_sandbox.stripe.goods import Price
from onerouter_sandbox.stripe.link_shapes import Bought, Link, payment_link
from onerouter_sandbox.stripe.routing import ID, Asked, Params, Route, Routes
from onerouter_sandbox.stripe.sessions import Sessions
from onerouter_sandbox.stripe.shelf import Shelf
from onerouter_sandbox.stripe.state import NAME, Session
from onerouter_sandbox.stripe.validation import SESSION_LONGEST_S

_INTENT_DATA: Final = (
    "capture_method metadata description setup_future_usage transfer_group statement_descriptor "
    "statement_descriptor_suffix"
)
_SHARED: Final = "metadata after_completion inactive_message restrictions payment_intent_data customer_creation"


class Links:
    def __init__(self, desk: Desk, catalog: Catalog, sessions: Sessions) -> None:
        self._desk = desk
        self._catalog = catalog
        self._sessions = sessions
        self.shelf = Shelf(desk.state.journal, NAME, "payment_link", Link)
        sessions.on_completed = self._completed

    def visit(self, link: Link, pages: str) -> Session | None:
        """A payer opens the link; None when it does not lead anywhere any more."""
        account = self._desk.state.accounts.get(link.account)
        if account is None or not link.active:
            return None
        return self._sessions.open(
            account,
            pages,
            amount=sum(self._price(item).unit_amount * item["quantity"] for item in link.items),
            currency=link.currency,
            name=self._catalog.products[self._price(link.items[0]).product].name,
            capture_method=link.data.get("capture_method") or "automatic_async",
            success_url=link.redirect or "https://stripe.com",
            cancel_url=None,
            client_reference_id=None,
            customer_email=None,
            metadata=dict(link.metadata),
            intent_metadata=dict(link.data.get("metadata") or {}),
            description=link.data.get("description"),
            payment_method_types=link.payment_method_types or ["card"],
            expires_at=self._desk.now(link.account) + SESSION_LONGEST_S,
            customer_creation=link.customer_creation,
            setup_future_usage=link.data.get("setup_future_usage"),
            transfer_group=link.data.get("transfer_group"),
            payment_link=link.id,
        )

    def shown(self, link: Link) -> dict[str, Any]:
        return payment_link(link, livemode=self._desk.livemode(link.account))

    def line_items(self, link: Link) -> dict[str, Any]:
        shown = [
            {
                "id": f"li_{link.id.removeprefix('plink_')}{place}",
                "object": "item",
                "amount_discount": 0,
                "amount_subtotal": self._price(item).unit_amount * item["quantity"],
                "amount_tax": 0,
                "amount_total": self._price(item).unit_amount * item["quantity"],
                "currency": link.currency,
                "description": self._catalog.products[self._price(item).product].name,
                "price": self._catalog.shown_price(self._price(item)),
                "quantity": item["quantity"],
            }
            for place, item in enumerate(link.items)
        ]
        return shapes.collection(shown, url=f"/v1/payment_links/{link.id}/line_items", more=False)

    def routes(self) -> Routes:
        return {
            ("POST", "payment_links"): Route("payment_links.create", self._create),
            ("GET", "payment_links"): Route("payment_links.list", self._list),
            ("GET", "payment_links", ID): Route("payment_links.retrieve", self._get),
            ("POST", "payment_links", ID): Route("payment_links.update", self._update),
            ("GET", "payment_links", ID, "line_items"): Route("payment_links.line_items", self._list_items),
        }

    def _create(self, account: Account, asked: Asked) -> dict[str, Any]:
        params = asked.params
        reading.only(params, f"{_SHARED} line_items currency payment_method_types submit_type")
        link_id = random_id("plink_1", 23)
        link = Link(
            id=link_id,
            account=account.account_id,
            created=self._desk.now(account.account_id),
            url=f"{asked.host}/stripe/pay/{link_id}",
            items=[],
            currency="",
            metadata=reading.metadata(params),
            data=_data(params),
            payment_method_types=reading.types(params),
            customer_creation=reading.choice(params, "customer_creation", ("always", "if_required")) or "if_required",
        )
        self._read_shared(link, params)
        self._read_items(account, link, params)
        self.shelf.add(link)
        self._effect("payment_link.created", link)
        self._tell("payment_link.created", link)
        return self.shown(link)

    def _update(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, f"{_SHARED} active")
        link = self.shelf.owned(account, asked.id, param="payment_link")
        active = reading.truth(asked.params, "active")
        metadata = reading.changed_metadata(asked.params, link.metadata)
        self._read_shared(link, asked.params)
        link.metadata = metadata
        if "payment_intent_data" in asked.params:
            link.data = {**link.data, **_data(asked.params)}
        ends = link.active and active is False
        link.active = link.active if active is None else active
        self.shelf.changed(link)
        if ends:
            self._effect("payment_link.canceled", link)
        self._tell("payment_link.updated", link)
        return self.shown(link)

    def _get(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return self.shown(self.shelf.owned(account, asked.id, param="payment_link"))

    def _list(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params, "active")
        active = reading.truth(asked.params, "active")
        found, more = self.shelf.page(account, window, lambda each: active in (None, each.active))
        return shapes.collection([self.shown(each) for each in found], url="/v1/payment_links", more=more)

    def _list_items(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.window(asked.params)
        return self.line_items(self.shelf.owned(account, asked.id, param="payment_link"))

    def _completed(self, session: Session) -> None:
        link = self.shelf.find(session.payment_link)
        if link is None:
            return
        link.completed += 1
        if link.limit is not None and link.completed >= link.limit:
            link.active = False
        self.shelf.changed(link)
        self._tell("payment_link.updated", link)

    def _read_shared(self, link: Link, params: Params) -> None:
        after = reading.inner(params, "after_completion", "type redirect hosted_confirmation")
        if after.get("type") == "redirect":
            redirect = reading.inner(after, "redirect", "url", "after_completion[redirect]")
            link.redirect = reading.url(redirect, "url", required=True)
        elif after:
            link.redirect = None
        if "inactive_message" in params:
            link.inactive_message = reading.text(params, "inactive_message", 500)
        if params.get("restrictions") == "":
            link.limit = None
        elif "restrictions" in params:
            given = reading.inner(params, "restrictions", "completed_sessions")
            sessions = reading.inner(given, "completed_sessions", "limit", "restrictions[completed_sessions]")
            link.limit = reading.whole(sessions, "limit")
            if link.limit is None or link.limit < 1:
                raise missing("restrictions[completed_sessions][limit]")

    def _read_items(self, account: Account, link: Link, params: Params) -> None:
        if not params.get("line_items"):
            raise missing("line_items")
        for place, item in enumerate(reading.members(params, "line_items")):
            where = f"line_items[{place}]"
            reading.only(item, "price price_data quantity adjustable_quantity", inside=where)
            quantity = reading.whole(item, "quantity")
            if quantity is None or quantity < 1:
                raise missing(f"{where}[quantity]")
            if isinstance(item.get("price_data"), dict):
                price = self._catalog.inline(account, item["price_data"], f"{where}[price_data]")
            else:
                price = self._catalog.price(account, str(item.get("price", "")), param=f"{where}[price]")
            if price.interval is not None:
                raise impossible("The sandbox simulates payment links for what is bought once only.", param=where)
            if link.currency not in ("", price.currency):
                raise invalid("All items must have the same currency.", param=where)
            link.currency = price.currency
            link.items.append(Bought(price=price.id, quantity=quantity))

    def _price(self, item: Bought) -> Price:
        return self._catalog.prices[item["price"]]

    def _effect(self, kind: str, link: Link) -> None:
        amount = sum(self._price(item).unit_amount * item["quantity"] for item in link.items)
        reference = self._desk.reference(link.account, link.metadata)
        self._desk.record(link.account, kind, reference, link.id, amount, link.currency)

    def _tell(self, event: str, link: Link) -> None:
        self._desk.tell(event, link.account, link.id, self.shown(link))


def _data(params: Params) -> dict[str, Any]:
    """What goes to the PaymentIntent of each visit."""
    given = reading.inner(params, "payment_intent_data", _INTENT_DATA)
    if not given:
        return {}
    return {
        "capture_method": reading.choice(given, "capture_method", ("automatic", "automatic_async", "manual")),
        "description": reading.text(given, "description", 1_000),
        "metadata": reading.metadata(given),
        "setup_future_usage": reading.choice(given, "setup_future_usage", ("on_session", "off_session")),
        "transfer_group": reading.text(given, "transfer_group", 200),
    }
