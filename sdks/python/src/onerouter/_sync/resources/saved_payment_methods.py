# Written by scripts/make_sync.py from resources/saved_payment_methods.py: change that, then `make sdk`.
"""`payment_methods`, under the names they have in version 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from onerouter import types
from onerouter._object import Objects
from onerouter._options import RequestOptions
from onerouter._request import segment
from onerouter._sync._resource import SyncResource
from onerouter._sync.resources.payment_methods import SyncPaymentMethods
from onerouter.resources._body import present

if TYPE_CHECKING:
    from typing_extensions import Unpack

_MOST: Final = 100


class SyncSavedPaymentMethods(SyncResource):
    """`payment_methods`, under the names they have in version 2."""

    _of_several_requests = frozenset({"list"})

    def list(self, **options: Unpack[RequestOptions]) -> Objects[types.PaymentMethod]:
        """All methods that can be used, as a plain list: `payment_methods.list` reads them page by page."""
        page = SyncPaymentMethods(self._client).list(limit=_MOST, **options).page()
        found = Objects(page.data)
        found.response = page.response
        following = page.next_page()
        while following is not None:
            found.extend(following.data)
            following = following.next_page()
        return found

    def save(
        self,
        payment_method_id: str,
        nickname: str | None = None,
        metadata: Mapping[str, str] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.PaymentMethod:
        """Keep a method: `payment_methods.create`.

        Args:
            payment_method_id: The provider's own id of it.
        """
        methods = SyncPaymentMethods(self._client)
        return methods.create(payment_method_id, nickname, metadata, **options)

    def update(
        self,
        saved_method_id: str,
        nickname: str | None = None,
        metadata: Mapping[str, str] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.PaymentMethod:
        """Change what you note of a method: `payment_methods.update`. What is None stays as it is."""
        return self._call(
            types.PaymentMethod,
            "PATCH",
            f"/v1/payment-methods/{segment(saved_method_id, 'saved_method_id')}",
            body=present({"nickname": nickname, "metadata": metadata}, blank=("nickname",)),
            options=options,
        )

    def delete(self, saved_method_id: str, **options: Unpack[RequestOptions]) -> types.PaymentMethod:
        """Give a method up: `payment_methods.delete`."""
        return SyncPaymentMethods(self._client).delete(saved_method_id, **options)
