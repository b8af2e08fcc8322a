"""The description of our errors, the same in every service's OpenAPI document."""

from typing import Any, Final

NAME: Final = "Problem"

PROBLEM: Final[dict[str, Any]] = {
    "title": NAME,
    "description": "An error (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "error", "retryable", "effect"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for a person."},
        "instance": {"type": "string"},
        "code": {"type": "string", "examples": ["VALIDATION_ERROR"], "description": "For programs; never changes."},
        "error": {"type": "string", "description": "The same as `detail`, for older clients."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "trace_id": {"type": "string"},
        "retryable": {"type": "boolean", "description": "Whether the same request may succeed later."},
        "effect": {"type": "string", "enum": ["none", "unknown", "committed"]},
        "provider": {"type": "string"},
        "provider_code": {"type": "string"},
        "operation_id": {"type": "string", "description": "The operation it is about, also of `OPERATION_IN_FLIGHT`."},
        "resource_id": {"type": "string"},
    },
    "examples": [
        {
            "type": "https://onerouter.dev/problems/validation-error",
            "title": "The request is invalid",
            "status": 422,
            "detail": "amount has more decimals than INR has (2).",
            "instance": "/v1/payments",
            "code": "VALIDATION_ERROR",
            "error": "amount has more decimals than INR has (2).",
            "errors": [{"field": "amount", "message": "has more decimals than INR has (2)"}],
            "retryable": False,
            "effect": "none",
        }
    ],
}
