"""What a condition says of the variables in it: which of them are there when it holds, and which when it does not.

Runs in a renderer process only. A variable that is missing is no error in a condition: it is false, and equal to nothing but
nil. So what a block says under `{% if name %}`, or `{% if name == "Ann" %}`, or in the `else` of `{% if name == nil %}`, is
only said where `name` is given. Each comparison is asked what it comes to without its variable.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from liquid import RenderContext
from liquid.builtin.expressions import BooleanExpression, Path
from liquid.builtin.expressions.logical import (
    LogicalAndExpression,
    LogicalNotExpression,
    LogicalOrExpression,
    is_truthy,
)
from liquid.builtin.tags.case_tag import _AnyExpression
from liquid.exceptions import LiquidError
from liquid.expression import Expression

NOTHING: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Known:
    """Which values are surely there, by their `id`."""

    if_true: frozenset[int] = NOTHING
    if_false: frozenset[int] = NOTHING


def known_by(condition: Expression, context: RenderContext, values_of: Callable[[Path], Iterable[object]]) -> Known:
    """`values_of`: what a path goes through. `context` has no variables."""
    if isinstance(condition, BooleanExpression):
        return known_by(condition.expression, context, values_of)
    if isinstance(condition, LogicalNotExpression):
        known = known_by(condition.right, context, values_of)
        return Known(known.if_false, known.if_true)
    if isinstance(condition, LogicalAndExpression | LogicalOrExpression):
        left, right = (known_by(one, context, values_of) for one in (condition.left, condition.right))
        if isinstance(condition, LogicalAndExpression):
            return Known(left.if_true | right.if_true, left.if_false & right.if_false)
        return Known(left.if_true & right.if_true, left.if_false | right.if_false)
    paths = list(paths_in(condition))
    if len(paths) != 1:
        return Known()
    there = frozenset(id(value) for value in values_of(paths[0]))
    holds = holds_without(condition, context)
    return Known() if holds is None else Known(if_false=there) if holds else Known(if_true=there)


def paths_in(expression: Expression) -> Iterator[Path]:
    """Those within others (`a[b]`) as well."""
    if isinstance(expression, Path):
        yield expression
    if isinstance(expression, _AnyExpression):  # of `case … when`, the children of which are only what it compares with
        yield from paths_in(expression.left)
    for child in expression.children():
        yield from paths_in(child)


def holds_without(condition: Expression, context: RenderContext) -> bool | None:
    """Whether it holds where no variable is given; None: it cannot be asked then."""
    try:
        found = condition.evaluate(context)
    except LiquidError:
        return None
    return any(found) if isinstance(found, list) else is_truthy(found)
