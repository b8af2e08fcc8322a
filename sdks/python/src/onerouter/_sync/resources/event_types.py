# Written by scripts/make_sync.py from resources/event_types.py: change that, then `make sdk`.
"""The kinds of events there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onerouter import types
from onerouter._options import RequestOptions
from onerouter._sync._resource import SyncResource

if TYPE_CHECKING:
    from typing_extensions import Unpack


class SyncEventTypes(SyncResource):
    """The kinds of events there are."""

    def list(self, **options: Unpack[RequestOptions]) -> types.EventTypeList:
        """List event types.

        All there are, with a JSON Schema and an example each. New types and new fields may come at any time.
        """
        return self._call(types.EventTypeList, "GET", "/v1/event-types", options=options)
