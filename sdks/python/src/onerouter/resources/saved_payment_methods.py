"""`payment_methods`, under the names they have in version 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from onerouter import types
from onerouter._object import Objects
from onerouter._options import RequestOptions
from onerouter._request import segment
from onerouter._resource import AsyncResource
from onerouter.resources._body import present
from onerouter.resources.payment_methods import AsyncPaymentMethods

if TYPE_CHECKING:
    from typing_extensions import Unpack

_MOST: Final = 100


class AsyncSavedPaymentMethods(AsyncResource):
    """`payment_methods`, under the names they have in version 2."""

    _of_several_requests = frozenset({"list"})

    async def list(self, **options: Unpack[RequestOptions]) -> Objects[types.PaymentMethod]:
        """All methods that can be used, as a plain list: `payment_methods.list` reads them page by page."""
        page = await AsyncPaymentMethods(self._client).list(limit=_MOST, **options).page()
        found = Objects(page.data)
        found.response = page.response
        following = await page.next_page()
        while following is not None:
            found.extend(following.data)
            following = await following.next_page()
        return found

    async def save(
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
        methods = AsyncPaymentMethods(self._client)
        return await methods.create(payment_method_id, nickname, metadata, **options)

    async def update(
        self,
        saved_method_id: str,
        nickname: str | None = None,
        metadata: Mapping[str, str] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.PaymentMethod:
        """Change what you note of a method: `payment_methods.update`. What is None stays as it is."""
        return await self._call(
            types.PaymentMethod,
            "PATCH",
            f"/v1/payment-methods/{segment(saved_method_id, 'saved_method_id')}",
            body=present({"nickname": nickname, "metadata": metadata}, blank=("nickname",)),
            options=options,
        )

    async def delete(self, saved_method_id: str, **options: Unpack[RequestOptions]) -> types.PaymentMethod:
        """Give a method up: `payment_methods.delete`."""
        return await AsyncPaymentMethods(self._client).delete(saved_method_id, **options)
