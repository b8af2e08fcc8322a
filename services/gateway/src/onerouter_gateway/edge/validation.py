"""pydantic's verdict in our words: which field, what is wrong, never the value that was sent."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from onerouter_common.errors import FieldError, InvalidRequest
from onerouter_gateway.edge.moments import NO_MOMENT

ModelT = TypeVar("ModelT", bound=BaseModel)

_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "is required",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be an array",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "timezone_aware": "must say how far it is from UTC, as 2026-01-31T09:30:00Z or 2026-01-31T15:00:00+05:30 does",
    "datetime_type": NO_MOMENT,
    "datetime_parsing": NO_MOMENT,
    "datetime_from_date_parsing": NO_MOMENT,
    "datetime_object_invalid": NO_MOMENT,
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
}

_TOO_SHORT: Final = frozenset({"string_too_short", "too_short"})
_MOST_TOLD: Final = 100


def validate(model: type[ModelT], body: Mapping[str, Any]) -> ModelT:
    """The body as the model. Raises InvalidRequest with one entry a wrong field, of the first hundred."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        errors = tuple(
            FieldError(
                ".".join(str(part) for part in item["loc"]) or "body",
                _sentence(item["type"], item.get("ctx"), item["msg"]),
            )
            for item in error.errors(include_url=False, include_input=False)[:_MOST_TOLD]
        )
    sentence = "; ".join(f"{item.field} {item.message}" for item in errors[:5])
    raise InvalidRequest(f"{sentence}.", errors=errors)


def _sentence(kind: str, context: Mapping[str, Any] | None, message: str) -> str:
    context = context or {}
    if kind in _TOO_SHORT and context.get("min_length") == 1:
        return "must not be empty"
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(**context)
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    return "has the wrong form"
