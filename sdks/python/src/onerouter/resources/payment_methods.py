"""Cards and accounts that payers have entrusted to a provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from onerouter import types
from onerouter._object import Object, Objects
from onerouter._options import NOT_GIVEN, NotGiven, RequestOptions
from onerouter._pages import AsyncList
from onerouter._request import segment
from onerouter._resource import AsyncResource
from onerouter.resources._body import present

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import Unpack


_PATH: Final = "/v1/payment-methods"


class _AsyncArray(AsyncList[types.PaymentMethod]):
    """This list alone is a bare array, as it was in version 2; where the next page is stands in a header."""

    async def answer(self, cursor: str | None = None) -> Object:
        query = self._query if cursor is None else {**self._query, "cursor": cursor}
        rows = await self._client._call_array(self._cls, "GET", self._path, query=query, options=self._options)
        return (
            _page_of(rows) if isinstance(rows, Objects) else rows.then(_page_of)
        )  # of `with_raw_response`: as it came


def _page_of(rows: Objects[types.PaymentMethod]) -> Object:
    following = _cursor_of(rows.response.headers.get("link", ""))
    page = Object(data=rows, has_more=following is not None, next_cursor=following)
    page._response = rows.response
    return page


class AsyncPaymentMethods(AsyncResource):
    """Cards and accounts that payers have entrusted to a provider."""

    async def create(
        self,
        payment_method_id: str,
        nickname: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        customer_id: str | None = None,
        provider: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.PaymentMethod:
        """Keep a payment method.

        Keeps a method that the payer has entrusted to the provider, for later payments of its customer.

        Args:
            payment_method_id: The provider's own id of it.
            customer_id: Of a customer made with us; some providers need one.
            provider: Where it is. Absent: where the customer is.
        """
        return await self._call(
            types.PaymentMethod,
            "POST",
            "/v1/payment-methods",
            body=present(
                {
                    "customer_id": customer_id,
                    "metadata": metadata,
                    "nickname": nickname,
                    "payment_method_id": payment_method_id,
                    "provider": provider,
                },
                blank=("nickname",),
            ),
            options=options,
        )

    async def get(self, payment_method_id: str, **options: Unpack[RequestOptions]) -> types.PaymentMethod:
        """Get a payment method.

        By our id or the provider's.
        """
        return await self._call(
            types.PaymentMethod,
            "GET",
            f"/v1/payment-methods/{segment(payment_method_id, 'payment_method_id')}",
            options=options,
        )

    def list(
        self,
        *,
        status: str | None = None,
        provider: str | None = None,
        customer_id: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        limit: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncList[types.PaymentMethod]:
        """List payment methods, newest first.

        Args:
            status: Only with this status. Absent: those that can be used.
            provider: Only at this provider.
            customer_id: Only of this customer (our id).
            created_after: Only what was created after this moment.
            created_before: Only what was created before this moment.
            limit: Most entries of one page.
        """
        query = {
            "status": status,
            "provider": provider,
            "customer_id": customer_id,
            "created_after": created_after,
            "created_before": created_before,
            "limit": limit,
        }
        return _AsyncArray(self._client, types.PaymentMethod, _PATH, query=present(query), options=options)

    async def update(
        self,
        payment_method_id: str,
        *,
        metadata: Mapping[str, str] | NotGiven | None = NOT_GIVEN,
        nickname: str | NotGiven | None = NOT_GIVEN,
        **options: Unpack[RequestOptions],
    ) -> types.PaymentMethod:
        """Change what you note of a payment method.

        The nickname and the metadata are yours; the method itself is the payer's.

        Args:
            metadata: Takes the place of what was there.
        """
        return await self._call(
            types.PaymentMethod,
            "PATCH",
            f"/v1/payment-methods/{segment(payment_method_id, 'payment_method_id')}",
            body={"metadata": metadata, "nickname": nickname},
            options=options,
        )

    async def delete(self, payment_method_id: str, **options: Unpack[RequestOptions]) -> types.PaymentMethod:
        """Give up a payment method.

        The provider forgets it; nobody can be charged with it any more. Answers what it was, with status `removed`.
        """
        return await self._call(
            types.PaymentMethod,
            "DELETE",
            f"/v1/payment-methods/{segment(payment_method_id, 'payment_method_id')}",
            options=options,
        )


def _cursor_of(link: str) -> str | None:
    """Of `</v1/payment-methods?cursor=…>; rel="next"`. None: there is no next page."""
    target, _, relation = link.partition(">")
    if 'rel="next"' not in relation:
        return None
    return dict(parse_qsl(urlsplit(target.lstrip(" <")).query)).get("cursor")
