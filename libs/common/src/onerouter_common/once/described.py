"""What OpenAPI says of a route that takes an idempotency key and is no operation."""

from typing import Any, Final

PARAMETER: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 255},
    "description": "The same key and body are carried out once; for at least 24 hours a repeat gets the same answer, with "
    "`Idempotency-Replayed: true`. Another body under the key is 422.",
    "example": "setup-1042",
}
