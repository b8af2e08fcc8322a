"""`POST /api/v1/services/{category}` with `{action, data}`: one door for every action."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import InvalidRequest, NotFound
from onerouter_common.money import Money
from onerouter_gateway.admission import ANY_KEY, Reading, Writing
from onerouter_gateway.compatibility.messages import MESSAGE_ACTIONS
from onerouter_gateway.compatibility.payments import create_old, get_old, list_old, refund_old, told
from onerouter_gateway.compatibility.schemas import (
    DATA,
    ActionAnswer,
    LegacyAccepted,
    LegacyPaymentCapture,
    ServiceRequest,
)
from onerouter_gateway.compatibility.storage import SCREENING, STORAGE_ACTIONS
from onerouter_gateway.compatibility.views import legacy_payment, legacy_status
from onerouter_gateway.edge.documentation import command
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.pan import ORDINARY
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.messages.channel import CHANNELS
from onerouter_gateway.messages.sending import Prepared, admit_and_carry_out
from onerouter_gateway.payments.endpoints import (
    READ,
    WRITE,
    cancel_payment_of,
    capture_payment_of,
    resolve_payment,
)
from onerouter_gateway.payments.schemas import PaymentCapture
from onerouter_gateway.refunds.endpoints import WRITE as REFUND_WRITE

Action = Callable[[Request, Writing, Mapping[str, Any]], Awaitable[Prepared]]
Actions = Mapping[str, tuple[tuple[str, ...], Action]]


async def _capture(request: Request, asked: Writing, data: Mapping[str, Any]) -> Response:
    payment_id = _payment_id(data)
    wanted = validate(LegacyPaymentCapture, data)
    amount = None
    if wanted.amount is not None:
        payment = await resolve_payment(gateway_of(request), asked, payment_id)
        amount = Money(wanted.amount, payment["currency"]).major
    today = validate(PaymentCapture, {} if amount is None else {"amount": amount})
    return told(await capture_payment_of(request, asked, payment_id, today), request, legacy_payment)


async def _cancel(request: Request, asked: Writing, data: Mapping[str, Any]) -> Response:
    return told(await cancel_payment_of(request, asked, _payment_id(data)), request, legacy_payment)


async def _refund(request: Request, asked: Writing, data: Mapping[str, Any]) -> Response:
    return await refund_old(request, asked, _payment_id(data), data)


async def _get(request: Request, asked: Writing, data: Mapping[str, Any]) -> Response:
    return await get_old(request, _reading(asked), _payment_id(data), legacy_payment)


async def _status(request: Request, asked: Writing, data: Mapping[str, Any]) -> Response:
    return await get_old(request, _reading(asked), _payment_id(data), legacy_status)


async def _list(request: Request, asked: Writing, data: Mapping[str, Any]) -> Response:
    return await list_old(request, _reading(asked), data)


ACTIONS: Final[Mapping[str, Actions]] = {
    "payments": {
        "create": ((WRITE,), create_old),
        "capture": ((WRITE,), _capture),
        "cancel": ((WRITE,), _cancel),
        "refund": (REFUND_WRITE, _refund),
        "get": ((READ,), _get),
        "status": ((READ,), _status),
        "list": ((READ,), _list),
    },
    **MESSAGE_ACTIONS,
    "storage": STORAGE_ACTIONS,
}
"""Category → action → the scopes of which the key needs one, and what is done. A test compares it with the documents."""


_DESCRIBED: Final = command(
    "Carry out an action of a category", ServiceRequest, ActionAnswer, accepted=LegacyAccepted.__name__
)
_DESCRIBED["responses"][201] = _DESCRIBED["responses"][200]  # as the action has it


@endpoint(_DESCRIBED)
async def legacy_perform_action(request: Request) -> Response:
    """The action's own answer. Payments: as of `/api/v1`, amounts in minor units; `data` may name a payment as `payment_id`
    or `paymentId`. SMS and email: as of `/v1`; fields may be in camel case, and the action `templates` takes an `operation`.
    Storage: as of `/v1`, with `bucket` in `data`; `upload` puts the `content` (base64) where there is one, else it answers
    an address to put it at.
    """
    category = request.path_params["category"]
    actions = ACTIONS.get(category)
    if actions is None:
        raise NotFound(f"There is no category of that name; known are {', '.join(sorted(ACTIONS))}.")
    channel = CHANNELS.get(category)

    async def act(request: Request, asked: Writing, body: Mapping[str, Any]) -> Prepared:
        wanted = validate(ServiceRequest, body)
        found = actions.get(wanted.action.strip().lower())
        if found is None:
            raise InvalidRequest.of("action", f"must be one of {', '.join(sorted(actions))}")
        scopes, chosen = found
        gateway_of(request).admission.require(asked, *scopes)
        return await chosen(request, asked, wanted.data)

    screening = ORDINARY if channel is None else channel.bulk_screening
    if actions is STORAGE_ACTIONS:
        screening = SCREENING
    return await admit_and_carry_out(request, act, ANY_KEY, screening=screening, nested=DATA)


def _payment_id(data: Mapping[str, Any]) -> str:
    """Raises InvalidRequest."""
    given = [data[name] for name in ("payment_id", "paymentId", "id") if data.get(name) is not None]
    if not given or not isinstance(given[0], str) or any(one != given[0] for one in given):
        raise InvalidRequest.of("data.payment_id", "must name one payment")
    return given[0]


def _reading(asked: Writing) -> Reading:
    return Reading(asked.principal, asked.environment)
