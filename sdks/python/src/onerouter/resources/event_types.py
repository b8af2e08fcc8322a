"""The kinds of events there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onerouter import types
from onerouter._options import RequestOptions
from onerouter._resource import AsyncResource

if TYPE_CHECKING:
    from typing_extensions import Unpack


class AsyncEventTypes(AsyncResource):
    """The kinds of events there are."""

    async def list(self, **options: Unpack[RequestOptions]) -> types.EventTypeList:
        """List event types.

        All there are, with a JSON Schema and an example each. New types and new fields may come at any time.
        """
        return await self._call(types.EventTypeList, "GET", "/v1/event-types", options=options)
