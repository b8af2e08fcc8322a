"""Which variables a template uses and what they look like, read off its syntax tree. Runs in a renderer process only.

What is only asked about (`{% if coupon %}`, `{% if plan == "pro" %}`, the filter `default`), or only said where that was
answered well, need not be given. Everything else must, unless the template has a default for it: also what is said on a
condition that another variable decides. A path says that its parts are objects, a loop that it goes over an array.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from liquid import BoundTemplate, RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import BooleanExpression, FilteredExpression, LoopExpression, Path
from liquid.builtin.tags.case_tag import CaseNode, MultiExpressionBlockNode, _AnyExpression
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.expression import Expression

from onerouter_messaging.template.renderer.conditions import NOTHING, Known, holds_without, known_by, paths_in
from onerouter_messaging.template.renderer.language import TOO_DEEP, Unusable

_ALWAYS_THERE: Final = frozenset({"now", "today"})
_OF_ANYTHING: Final = frozenset({"size", "first", "last"})
_MOST_LEVELS: Final = 32
"""Of values within values, by paths and loops together. Each is two levels of the schema; JSON has 254."""


@dataclass
class _Use:
    """What is known of one value."""

    level: int = 1
    is_needed: bool = False
    """It is said somewhere where it may be missing."""
    properties: "dict[str, _Use]" = field(default_factory=dict)
    items: "_Use | None" = None

    def within(self, segment: str | int) -> "_Use":
        """Raises Unusable."""
        if self.level >= _MOST_LEVELS:
            raise Unusable(TOO_DEEP, part="")
        if isinstance(segment, str):
            return self.properties.setdefault(segment, _Use(self.level + 1))
        self.items = self.items or _Use(self.level + 1)
        return self.items

    def schema(self, default: Mapping[str, Any]) -> dict[str, Any]:
        if self.items is not None:
            return {"type": "array", "items": self.items.schema({}), **default}
        if self.properties:
            return {"type": "object", **_members(self.properties, {}), **default}
        return dict(default)


Scope = Mapping[str, _Use | None]
"""Names that the template itself makes: None, or the item that a loop gives them."""


def schema_of(templates: Mapping[str, BoundTemplate], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON schema of the variables of all parts together. Raises Unusable."""
    reader = _Reader()
    for part, template in templates.items():
        try:
            reader.read(template)
        except Unusable as error:
            raise Unusable(error.message, part=part) from None
    used = {name: use for name, use in reader.found.items() if name not in _ALWAYS_THERE}
    for name in defaults:
        used.setdefault(name, _Use())
    return {"type": "object", **_members(used, defaults)}


def _members(used: Mapping[str, _Use], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "properties": {
            name: use.schema({"default": defaults[name]} if name in defaults else {})
            for name, use in sorted(used.items())
        },
        "required": sorted(name for name, use in used.items() if use.is_needed and name not in defaults),
    }


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something stands in a template."""

    scope: Scope
    there: frozenset[int] = NOTHING
    """The `id`s of the values that are surely given where it is rendered."""

    def knowing(self, there: frozenset[int]) -> "_Place":
        return replace(self, there=self.there | there)


class _Reader:
    def __init__(self) -> None:
        self.found: dict[str, _Use] = {}
        self._context: RenderContext
        self._assigned: set[str] = set()
        """Names the template has given values by now: they are there to its end."""

    def read(self, template: BoundTemplate) -> None:
        """Raises Unusable."""
        self._context = RenderContext(template)
        self._assigned.clear()
        for node in template.nodes:
            self._node(node, _Place({}))

    def _node(self, node: Node, place: _Place) -> None:
        if isinstance(node, IfNode | UnlessNode):
            self._branches(node, place)
            return
        inner: dict[str, _Use | None] = {**place.scope, **{str(name): None for name in node.block_scope()}}
        there = place.there
        for expression in node.expressions():
            if isinstance(node, CaseNode):
                self._asked(expression, place)
            elif isinstance(expression, LoopExpression):
                inner[expression.identifier] = self._loop(expression, place)
            else:
                self._expression(expression, place)
        if isinstance(node, MultiExpressionBlockNode):
            there |= self._known(node.expression, place).if_true
        for child in node.children(self._context, include_partials=False):
            self._node(child, _Place(inner, there))
        self._assigned.update(str(name) for name in node.template_scope())

    def _branches(self, node: IfNode | UnlessNode, place: _Place) -> None:
        """Each is rendered where those before it did not hold."""
        known = self._condition(node.condition, place)
        holds, fails = known.if_true, known.if_false
        if isinstance(node, UnlessNode):
            holds, fails = fails, holds
        self._node(node.consequence, place.knowing(holds))
        place = place.knowing(fails)
        for other in node.alternatives:
            known = self._condition(other.expression, place)
            self._node(other.block, place.knowing(known.if_true))
            place = place.knowing(known.if_false)
        if node.default is not None:
            self._node(node.default, place)

    def _condition(self, condition: Expression, place: _Place) -> Known:
        self._expression(condition, place)
        return self._known(condition, place)

    def _known(self, condition: Expression, place: _Place) -> Known:
        return known_by(condition, self._context, lambda path: self._chain(path, place))

    def _loop(self, expression: LoopExpression, place: _Place) -> _Use | None:
        for one in expression.children():
            if one is not expression.iterable:
                self._expression(one, place)
        if not isinstance(expression.iterable, Path):
            self._expression(expression.iterable, place)
            return None
        use = self._needed(expression.iterable, place)
        return None if use is None else use.within(0)

    def _expression(self, expression: Expression, place: _Place) -> None:
        if isinstance(expression, BooleanExpression | _AnyExpression):
            self._asked(expression, place)
            return
        if isinstance(expression, Path):
            self._needed(expression, place)
        children = expression.children()
        if isinstance(expression, FilteredExpression) and isinstance(expression.left, Path):
            filters = [one.name for one in expression.filters or ()]
            if filters[:1] == ["default"]:  # behind another filter it comes too late
                self._chain(expression.left, place)
                children = [one for one in children if one is not expression.left]
        for child in children:
            self._expression(child, place)

    def _asked(self, condition: Expression, place: _Place) -> None:
        """What is missing is no error in a condition, unless what is to be looked for is missing (`a[b]`), or counted to."""
        is_error = holds_without(condition, self._context) is None
        for path in paths_in(condition):
            if is_error:
                self._needed(path, place)
            self._chain(path, place)
            for inner in path.children():
                self._expression(inner, place)

    def _needed(self, path: Path, place: _Place) -> _Use | None:
        """What the path ends at, as far as that can be told. All it goes through must be given, if it is not sure to be."""
        chain = self._chain(path, place)
        for use in chain:
            use.is_needed |= id(use) not in place.there
        return chain[-1] if len(chain) == len(path.path) else None

    def _chain(self, path: Path, place: _Place) -> list[_Use]:
        """What the path goes through, to what is the template's own, or only rendering can tell. Raises Unusable."""
        head, *rest = path.path
        if not isinstance(head, str) or (head in self._assigned and head not in place.scope):
            return []
        use = place.scope[head] if head in place.scope else self.found.setdefault(head, _Use())
        if use is None:
            return []
        chain = [use]
        for segment in rest:
            if isinstance(segment, Path) or segment in _OF_ANYTHING:
                break
            chain.append(chain[-1].within(segment))
        return chain
