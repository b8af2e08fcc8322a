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

    def make(self, callback: Callback) -> tuple[str, StateT] | None:  # noqa: ARG002
        """Pure. What this callback itself brings into being (a message that came in), and its ordering key; None: nothing.

        Asked of every callback. It is taken only where nothing is stored under that key; then it goes through `apply` like
        a stored one, and is saved. The key must follow from what the callback tells, so that a twin of it makes the same
        (`derive_id`), and be the one that `find_keys` gives for it, if that gives one.
        """
        return None

    def patience_s(self, callback: Callback) -> float:
        """How long the resource of a callback may still appear. Then it is taken for one that was never ours. 0: it surely is
        none of ours, and is passed over at once."""
        ...

    def apply(self, callback: Callback, resource: StateT) -> Settled[StateT]:
        """Pure, monotonic, repeatable: a late, doubled or reordered callback changes nothing and emits nothing."""
        ...
