"""A bulk send: each recipient by itself, so that one that is wrong stops no other."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from onerouter_common.contracts.messages import Rejected
from onerouter_common.errors import FieldError, InvalidRequest
from onerouter_gateway.edge.pan import Withheld
from onerouter_gateway.messages.sending import of_many

RecipientT = TypeVar("RecipientT")

_AT_ONCE: Final = 25
"""Recipients looked at before others get their turn: a few milliseconds."""
_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Recipients(Generic[RecipientT]):
    accepted: Sequence[RecipientT]
    indexes: Sequence[int]
    """Of each: its place in the request."""
    rejected: Sequence[Rejected]


async def each(items: Sequence[Any], read: Callable[[Any], RecipientT]) -> Recipients[RecipientT]:
    """`read` raises InvalidRequest for what cannot be a message. Raises InvalidRequest when nothing can."""
    accepted: list[RecipientT] = []
    indexes: list[int] = []
    rejected: list[Rejected] = []
    errors: list[FieldError] = []
    for index, item in enumerate(items):
        if index % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)
        try:
            if isinstance(item, Withheld):
                raise item.refusal()
            if not isinstance(item, dict):
                raise InvalidRequest.of("to", "is required, in an object")
            accepted.append(read(item))
            indexes.append(index)
        except InvalidRequest as error:
            rejected.append(Rejected(index=index, to=_to_of(item), message=error.detail))
            errors.extend(FieldError(f"recipients.{index}.{one.field}", one.message) for one in error.errors)
    if not accepted:
        raise of_many(errors)
    return Recipients(accepted, indexes, rejected)


def check_own(*, has_text: bool, has_variables: bool, has_template: bool) -> None:
    """What a recipient brings goes with what the whole has. Raises InvalidRequest."""
    if has_text and has_template:
        raise InvalidRequest.of("body", "cannot be there beside a template")
    if has_variables and not has_template:
        raise InvalidRequest.of("variables", "need a template_id: texts that are sent as they are have none")


def _to_of(item: Any) -> str:
    to = item.to if isinstance(item, Withheld) else item.get("to") if isinstance(item, dict) else None
    if isinstance(to, dict):
        to = to.get("email")
    return to[:_SHOWN] if isinstance(to, str) else ""
