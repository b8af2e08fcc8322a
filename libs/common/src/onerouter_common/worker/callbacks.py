"""How a provider's callbacks reach a category's resources (the consuming loop is in `callback_inbox.py`)."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from onerouter_common.contracts.callbacks import Callback
from onerouter_common.worker.handler import Resource, Settled

StateT = TypeVar("StateT", bound=Resource)


class CallbackRules(Protocol[StateT]):
    """What a category does with a callback."""

    async def find_keys(self, connection: Any, callbacks: Sequence[Callback]) -> Mapping[str, str]:
        """callback_id → ordering key of the resource it speaks of; missing: not known (yet), it is tried again later."""
        ...

    def patience_s(self, callback: Callback) -> float:
        """How long the resource of a callback may still appear. Then it is taken for one that was never ours."""
        ...

    def apply(self, callback: Callback, resource: StateT) -> Settled[StateT]:
        """Pure, monotonic, repeatable: a late, doubled or reordered callback changes nothing and emits nothing."""
        ...
