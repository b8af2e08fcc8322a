"""What each error answer looks like, for the API's description: made by the errors themselves."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common import errors
from onerouter_common.web.problems import body_of, problem_of

_TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
_EXAMPLES: Final[Mapping[int, errors.OneRouterError]] = {
    one.http_status: one
    for one in (
        errors.MalformedRequest("The body is not valid JSON: Expecting value at line 1, column 11."),
        errors.Unauthenticated("There is no such API key."),
        errors.ProviderDeclined("The card was declined.", provider="stripe", provider_code="card_declined"),
        errors.NotPermitted("This needs an API key with the scope payments:write."),
        errors.NotFound("There is no such payment in this environment.", code="PAYMENT_NOT_FOUND"),
        errors.RequestTimedOut("The body came too slowly, or not at all; nothing was done."),
        errors.Conflict("The payment is captured already."),
        errors.PreconditionFailed("There is an object of this key already."),
        errors.PayloadTooLarge("The body is larger than 1048576 bytes, the most that is accepted here."),
        errors.UnsupportedMediaType("The body must be application/json, not 'text/plain'."),
        errors.RangeNotSatisfiable("The object has 4821 bytes; nothing of it lies in the range."),
        errors.InvalidRequest.of("amount", "has more decimals than INR has (2)"),
        errors.RateLimited("The limit of this API key is reached. Try again in 2 seconds.", retry_after_s=2),
        errors.ProviderRefusedUs(
            "The provider does not accept this account's credentials.",
            provider="stripe",
            provider_code="api_key_expired",
        ),
        errors.Overloaded("The request could not be answered right now. Try again in a few seconds.", retry_after_s=2),
    )
}


def problem_example(status: int, path: str) -> dict[str, Any]:
    """Of an error status of a route of this path."""
    return body_of(problem_of(_EXAMPLES[status]), instance=path, extra={"trace_id": _TRACE})
