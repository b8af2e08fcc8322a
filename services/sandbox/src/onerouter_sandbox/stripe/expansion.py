"""`expand[]=latest_charge.balance_transaction`: objects in place of their ids."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from onerouter_sandbox.stripe import shapes
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.errors import invalid
from onerouter_sandbox.stripe.state import State

_DEEPEST: Final = 4


class Expansion:
    def __init__(self, state: State) -> None:
        self._state = state
        self._makers: Mapping[str, Callable[[str, bool, Mapping[str, Any]], dict[str, Any]]] = {
            "latest_charge": lambda id_, live, _: shapes.charge(state.charges[id_], livemode=live),
            "charge": lambda id_, live, _: shapes.charge(state.charges[id_], livemode=live),
            "payment_intent": lambda id_, live, _: shapes.intent(state.intents[id_], livemode=live),
            "balance_transaction": lambda _, __, parent: shapes.booking(state.charges[parent["id"]]),
        }

    def apply(self, shown: dict[str, Any], params: Mapping[str, Any], account: Account) -> dict[str, Any]:
        """Changes and returns `shown`. Raises Refused for what cannot be expanded."""
        paths = params.get("expand", [])
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise invalid("Invalid array", param="expand")
        for path in paths:
            steps = path.split(".")
            if len(steps) > _DEEPEST:
                raise invalid(f"You cannot expand more than {_DEEPEST} levels of a property ({path}).", param="expand")
            self._walk(shown, steps, account, path)
        return shown

    def _walk(self, thing: dict[str, Any], steps: list[str], account: Account, path: str) -> None:
        name, *rest = steps
        if name == "data" and thing["object"] in ("list", "search_result"):
            for item in thing["data"]:
                self._walk(item, rest, account, path)
            return
        if name not in self._makers or name not in thing:
            raise invalid(f"This property cannot be expanded ({path}).", param="expand")
        if isinstance(thing[name], str):
            thing[name] = self._makers[name](thing[name], account.livemode, thing)
        if rest and thing[name] is not None:
            self._walk(thing[name], rest, account, path)
