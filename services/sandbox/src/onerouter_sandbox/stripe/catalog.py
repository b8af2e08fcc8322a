"""Products and prices: what can be bought, once or again and again. A price never changes but for its `active`."""

from typing import Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import goods, reading, shapes, validation
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.errors import impossible, invalid, missing
from onerouter_sandbox.stripe.goods import Price, Product
from onerouter_sandbox.stripe.routing import ID, Asked, Params, Route, Routes
from onerouter_sandbox.stripe.shelf import Shelf
from onerouter_sandbox.stripe.state import NAME

_INTERVALS: Final = ("day", "week", "month", "year")
_MOST_INTERVALS: Final = {"day": 1_095, "week": 156, "month": 36, "year": 3}


class Catalog:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.products = Shelf(desk.state.journal, NAME, "product", Product)
        self.prices = Shelf(desk.state.journal, NAME, "price", Price)

    def price(self, account: Account, price_id: str, *, param: str) -> Price:
        """Raises Refused for one that does not exist or can no longer be bought."""
        price = self.prices.owned(account, price_id, param=param)
        if not price.active:
            raise impossible(
                f"The price specified is inactive. This field only accepts active prices: {price_id}.", param=param
            )
        return price

    def once(self, account: Account, price_id: str, param: str) -> tuple[str, int, str]:
        """Currency, amount and name of what is bought once."""
        price = self.price(account, price_id, param=param)
        if price.interval is not None:
            raise impossible(
                "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or "
                "use only one-time prices.",
                param=param,
            )
        return price.currency, price.unit_amount, self.products[price.product].name

    def inline(self, account: Account, params: Params, where: str) -> Price:
        """A price made within another object: of `product` or of a new product named in `product_data`."""
        reading.only(params, "currency product product_data recurring unit_amount tax_behavior", inside=where)
        return self._make(account, params, where)

    def routes(self) -> Routes:
        return {
            ("POST", "products"): Route("products.create", self._create_product),
            ("GET", "products"): Route("products.list", self._list_products),
            ("GET", "products", ID): Route("products.retrieve", self._get_product),
            ("POST", "products", ID): Route("products.update", self._update_product),
            ("POST", "prices"): Route("prices.create", self._create_price),
            ("GET", "prices"): Route("prices.list", self._list_prices),
            ("GET", "prices", ID): Route("prices.retrieve", self._get_price),
            ("POST", "prices", ID): Route("prices.update", self._update_price),
        }

    def shown_product(self, product: Product) -> dict[str, Any]:
        return goods.shown_product(product, livemode=self._desk.livemode(product.account))

    def shown_price(self, price: Price) -> dict[str, Any]:
        return goods.shown_price(price, livemode=self._desk.livemode(price.account))

    def _create_product(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "id name active description metadata default_price_data unit_label url")
        product_id = reading.text(asked.params, "id", 200)
        if product_id is not None and self.products.find(product_id) is not None:
            raise impossible(f"Product already exists: {product_id}", code="resource_already_exists", param="id")
        product = self._product(account, asked.params, "name", product_id)
        if "default_price_data" in asked.params:
            given = reading.inner(asked.params, "default_price_data", "currency recurring unit_amount metadata")
            price = self._make(account, {**given, "product": product.id}, "default_price_data")
            product.default_price = price.id
            self.products.changed(product)
        return self.shown_product(product)

    def _update_product(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "name active description metadata default_price")
        product = self.products.owned(account, asked.id, param="id")
        active = reading.truth(asked.params, "active")
        product.metadata = reading.changed_metadata(asked.params, product.metadata)
        product.name = reading.text(asked.params, "name", 5_000) or product.name
        if "description" in asked.params:
            product.description = reading.text(asked.params, "description", 40_000)
        product.active = product.active if active is None else active
        product.updated = self._desk.now(account.account_id)
        self.products.changed(product)
        self._desk.tell("product.updated", product.account, product.id, self.shown_product(product))
        return self.shown_product(product)

    def _get_product(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return self.shown_product(self.products.owned(account, asked.id, param="id"))

    def _list_products(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params, "active ids")
        active, ids = reading.truth(asked.params, "active"), asked.params.get("ids")
        found, more = self.products.page(
            account, window, lambda each: active in (None, each.active) and (ids is None or each.id in ids)
        )
        return shapes.collection([self.shown_product(each) for each in found], url="/v1/products", more=more)

    def _create_price(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(
            asked.params,
            "currency product product_data recurring unit_amount metadata nickname lookup_key active transfer_lookup_key",
        )
        price = self._make(account, asked.params, "")
        reference = self._desk.reference(account.account_id, price.metadata)
        self._desk.record(account.account_id, "plan.created", reference, price.id, price.unit_amount, price.currency)
        return self.shown_price(price)

    def _update_price(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "active metadata nickname lookup_key")
        price = self.prices.owned(account, asked.id, param="price")
        active = reading.truth(asked.params, "active")
        price.metadata = reading.changed_metadata(asked.params, price.metadata)
        price.active = price.active if active is None else active
        if "nickname" in asked.params:
            price.nickname = reading.text(asked.params, "nickname", 5_000)
        self.prices.changed(price)
        self._desk.tell("price.updated", price.account, price.id, self.shown_price(price))
        return self.shown_price(price)

    def _get_price(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return self.shown_price(self.prices.owned(account, asked.id, param="price"))

    def _list_prices(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params, "active currency product lookup_keys type")
        active, keys, of = reading.truth(asked.params, "active"), asked.params.get("lookup_keys"), asked.params
        found, more = self.prices.page(
            account,
            window,
            lambda each: (
                active in (None, each.active)
                and of.get("product") in (None, each.product)
                and of.get("currency") in (None, each.currency)
                and of.get("type") in (None, "one_time" if each.interval is None else "recurring")
                and (keys is None or each.lookup_key in keys)
            ),
        )
        return shapes.collection([self.shown_price(each) for each in found], url="/v1/prices", more=more)

    def _product(self, account: Account, params: Params, where: str, product_id: str | None = None) -> Product:
        name = reading.text(params, "name", 5_000)
        if name is None:
            raise missing(where)
        now = self._desk.now(account.account_id)
        product = Product(
            id=product_id or random_id("prod_", 14),
            account=account.account_id,
            created=now,
            updated=now,
            name=name,
            metadata=reading.metadata(params),
            description=reading.text(params, "description", 40_000),
            active=reading.truth(params, "active") is not False,
        )
        self.products.add(product)
        self._desk.tell("product.created", account.account_id, product.id, self.shown_product(product))
        return product

    def _make(self, account: Account, params: Params, where: str) -> Price:
        """Checks everything before anything is made. `where`: in which parameter these are."""
        currency = reading.currency(params, "currency", _in(where, "currency"))
        unit_amount = reading.whole(params, "unit_amount")
        if unit_amount is None:
            raise missing(_in(where, "unit_amount"))
        if unit_amount < 0:
            raise invalid("Invalid non-negative integer", param=_in(where, "unit_amount"))
        interval, count = _recurring(params, _in(where, "recurring"))
        lookup_key = reading.text(params, "lookup_key", 200)
        if lookup_key is not None and any(each.lookup_key == lookup_key for each in self.prices.of(account.account_id)):
            raise impossible(
                f"A price with lookup key {lookup_key} already exists.",
                param="lookup_key",
                code="resource_already_exists",
            )
        metadata, nickname = reading.metadata(params), reading.text(params, "nickname", 5_000)
        active = reading.truth(params, "active") is not False
        price = Price(
            id=random_id("price_1", 23),
            account=account.account_id,
            created=self._desk.now(account.account_id),
            product=self._product_of(account, params, where),
            currency=currency,
            unit_amount=unit_amount,
            metadata=metadata,
            interval=interval,
            interval_count=count,
            nickname=nickname,
            lookup_key=lookup_key,
            active=active,
        )
        self.prices.add(price)
        self._desk.tell("price.created", account.account_id, price.id, self.shown_price(price))
        return price

    def _product_of(self, account: Account, params: Params, where: str) -> str:
        if params.get("product") is not None:
            return self.products.owned(account, str(params["product"]), param=_in(where, "product")).id
        if "product_data" not in params:
            raise missing(_in(where, "product"))
        given = reading.inner(
            params, "product_data", "id name active metadata statement_descriptor unit_label description"
        )
        return self._product(account, given, _in(where, "product_data[name]"), reading.text(given, "id", 200)).id


def _recurring(params: Params, where: str) -> tuple[str | None, int]:
    if "recurring" not in params:
        return None, 1
    given = reading.inner(params, "recurring", "interval interval_count usage_type", where)
    interval = reading.choice(given, "interval", _INTERVALS)
    if interval is None:
        raise missing(f"{where}[interval]")
    count = reading.whole(given, "interval_count")
    count = 1 if count is None else count
    if not 1 <= count <= _MOST_INTERVALS[interval]:
        raise invalid(
            "You cannot have a price with an interval longer than three years.", param=f"{where}[interval_count]"
        )
    return interval, count


def _in(where: str, name: str) -> str:
    first, bracket, rest = name.partition("[")
    return name if not where else f"{where}[{first}]{bracket}{rest}"
