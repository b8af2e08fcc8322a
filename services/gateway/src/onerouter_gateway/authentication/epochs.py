"""When what last changed: whether an answer may be of before a change that concerns it."""

from collections import OrderedDict
from typing import Final

from onerouter_common.contracts.registry import EVERY_TENANT, RegistryChange

IN_NO_PRINCIPAL: Final = frozenset({"callback_token", "provider"})
"""Of what a principal has nothing. `services` names the tenant's own connections: an operator's switch is the worker's to
heed, so using it does not send every gateway asking for every key.
"""
_REMEMBERED: Final = 10_000


class Epochs:
    """Counts changes. Of each key and tenant the last one is remembered, so that one tenant's changes touch nobody else.

    Bounded: what is forgotten counts as a change of everybody's, which costs a question too many, never an old answer.
    """

    def __init__(self, *, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._last: OrderedDict[str, int] = OrderedDict()
        self._everybody = 0
        self.now = 0

    def changed(self, change: RegistryChange) -> None:
        """A key's own changes concern it alone, all others its tenant. Of what is in a principal, that is."""
        if change.tenant_id == EVERY_TENANT:
            self.all_changed()
        elif change.entity == "api_key" and change.key_hash is not None:
            self._note(change.key_hash)
        else:
            self._note(change.tenant_id)

    def all_changed(self) -> None:
        """Or changes may have been missed."""
        self.now += 1
        self._everybody = self.now
        self._last.clear()

    def _note(self, what: str) -> None:
        self.now += 1
        self._last[what] = self.now
        self._last.move_to_end(what)
        if len(self._last) > self._remembered:
            self._everybody = self._last.popitem(last=False)[1]

    def changed_since(self, epoch: int, *concerned: str) -> bool:
        """Whether a change of one of these key hashes and tenants came after this moment (`now` of then)."""
        return self._everybody > epoch or any(self._last.get(what, 0) > epoch for what in concerned)
