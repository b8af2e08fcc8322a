"""`expand[]=latest_charge.balance_transaction`: objects in place of their ids, and fields that come only when asked for."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from onerouter_sandbox.stripe.errors import invalid

_DEEPEST: Final = 4
_LISTS: Final = ("list", "search_result")

Shows = Callable[[str], dict[str, Any]]
Adds = Callable[[str], Any]


class Expansion:
    """`shows`: name of a field that refers → the object of an id. `adds`: (object, field) → its value by the object's id."""

    def __init__(self, shows: Mapping[str, Shows], adds: Mapping[tuple[str, str], Adds]) -> None:
        self._shows = shows
        self._adds = adds

    def check(self, params: Mapping[str, Any]) -> None:
        """Raises Refused for what no object can expand, before anything is done."""
        names = {*self._shows, *(name for _, name in self._adds)}
        for path in self._paths(params):
            steps = path.split(".")
            if len(steps) > _DEEPEST + (steps[0] == "data"):
                raise invalid(f"You cannot expand more than {_DEEPEST} levels of a property ({path}).", param="expand")
            if steps[-1] not in names:
                raise invalid(f"This property cannot be expanded ({path}).", param="expand")

    def apply(self, shown: dict[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
        """Changes and returns `shown`. Raises Refused for what this object cannot expand."""
        for path in self._paths(params):
            self._walk(shown, path.split("."), path)
        return shown

    def _paths(self, params: Mapping[str, Any]) -> list[str]:
        paths = params.get("expand", [])
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise invalid("Invalid array", param="expand")
        return paths

    def _walk(self, thing: dict[str, Any], steps: list[str], path: str) -> None:
        name, *rest = steps
        if name == "data" and thing.get("object") in _LISTS:
            for item in thing["data"]:
                self._walk(item, rest, path)
            return
        added = self._adds.get((thing.get("object", ""), name))
        if added is not None:
            thing.setdefault(name, added(thing["id"]))
        elif name not in thing or not (name in self._shows or (rest and isinstance(thing[name], dict))):
            raise invalid(f"This property cannot be expanded ({path}).", param="expand")
        elif isinstance(thing[name], str):
            thing[name] = self._shows[name](thing[name])
        if rest and thing[name] is not None:
            self._walk(thing[name], rest, path)
