"""Payment links on the wire."""

from typing import Any

from onerouter_sandbox.razorpay import fields, shapes
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.links.model import Link
from onerouter_sandbox.razorpay.links.operations import Links
from onerouter_sandbox.razorpay.links.requests import link_change, link_request
from onerouter_sandbox.razorpay.routing import ID, Route, Routes, base_url, page
from onerouter_sandbox.wire import Reply, Request


class Endpoints:
    def __init__(self, links: Links) -> None:
        self._links = links

    def routes(self) -> Routes:
        return {
            ("POST", "v1", "payment_links"): Route("payment_links.create", self.create),
            ("GET", "v1", "payment_links"): Route("payment_links.list", self.list_all),
            ("GET", "v1", "payment_links", ID): Route("payment_links.fetch", self.get),
            ("PATCH", "v1", "payment_links", ID): Route("payment_links.edit", self.edit),
            ("POST", "v1", "payment_links", ID, "cancel"): Route("payment_links.cancel", self.cancel),
            ("POST", "v1", "payment_links", ID, "notify_by", ID): Route("payment_links.notify", self.notify),
        }

    def create(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        live = account.key_id.startswith("rzp_live_")
        wanted = link_request(fields.parse_json(request.body), self._links.now(account.key_id), live=live)
        return self._reply(self._links.create(account, wanted, f"{base_url(request)}/razorpay/links"))

    def list_all(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        window, given = fields.window(request.query)
        reference_id, payment_id = given.get("reference_id"), given.get("payment_id")
        ids = self._links.links.ids_of(account.key_id)
        if reference_id is not None:
            ids = self._links.find(account, reference_id)
        elif payment_id is not None:
            ids = [each for each in ids if any(p.id == payment_id for p in self._links.payments_of(self._get(each)))]
        found = page(ids, self._links.links, window)
        return shapes.ok({"payment_links": [self._shown(each) for each in found]})

    def get(self, account: Account, _request: Request, link_id: str, _second: str) -> Reply:
        return self._reply(self._links.links.owned(account, link_id))

    def edit(self, account: Account, request: Request, link_id: str, _second: str) -> Reply:
        link = self._links.links.owned(account, link_id)
        change = link_change(fields.parse_json(request.body), self._links.now(account.key_id))
        return self._reply(self._links.update(account, link, change))

    def cancel(self, account: Account, _request: Request, link_id: str, _second: str) -> Reply:
        return self._reply(self._links.cancel(self._links.links.owned(account, link_id)))

    def notify(self, account: Account, _request: Request, link_id: str, _medium: str) -> Reply:
        self._links.links.owned(account, link_id)
        return shapes.ok({"success": True})

    def _get(self, link_id: str) -> Link:
        return self._links.links[link_id]

    def _reply(self, link: Link) -> Reply:
        return shapes.ok(self._shown(link))

    def _shown(self, link: Link) -> dict[str, Any]:
        return link.shown(
            [
                {
                    "amount": payment.amount,
                    "created_at": payment.created_at,
                    "method": payment.method,
                    "payment_id": payment.id,
                    "status": payment.status,
                }
                for payment in self._links.payments_of(link)
            ]
        )
