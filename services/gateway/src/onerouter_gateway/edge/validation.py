"""pydantic's verdict in our words: which field, what is wrong, never the value that was sent."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from onerouter_common.errors import FieldError, InvalidRequest

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
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
}


def validate(model: type[ModelT], body: Mapping[str, Any]) -> ModelT:
    """The body as the model. Raises InvalidRequest with one entry a wrong field."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        errors = tuple(
            FieldError(
                ".".join(str(part) for part in item["loc"]) or "body",
                _sentence(item["type"], item.get("ctx"), item["msg"]),
            )
            for item in error.errors(include_url=False, include_input=False)
        )
    sentence = "; ".join(f"{item.field} {item.message}" for item in errors[:5])
    raise InvalidRequest(f"{sentence}.", errors=errors)


def _sentence(kind: str, context: Mapping[str, Any] | None, message: str) -> str:
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(**(context or {}))
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    return "has the wrong form"
