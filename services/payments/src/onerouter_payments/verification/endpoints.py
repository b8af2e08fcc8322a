"""The internal route by which the webhooks service asks. The question is the body, byte by byte."""

from typing import Annotated, Final, cast

from fastapi import APIRouter, Depends, Path, Request

from onerouter_common.errors import PayloadTooLarge
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_payments.verification.service import CallbackQuestions

MOST_BYTES: Final = 2 * 1024 * 1024
"""A callback and what is asked around it; the webhooks service takes no larger ones."""

Context = Annotated[TenantContext, Depends(tenant_context)]
ConnectionId = Annotated[str, Path(max_length=64, pattern=r"^con_[0-9a-z]+$")]


def router(auth: InternalAuth) -> APIRouter:
    routes = APIRouter(prefix="/internal/connections", dependencies=[Depends(auth)])

    @routes.post("/{connection_id}/verify-callback")
    async def verify_callback(context: Context, connection_id: ConnectionId, request: Request) -> dict[str, bool]:
        questions = cast(CallbackQuestions, request.state.callback_questions)
        return {"is_genuine": await questions.ask(context, connection_id, await _question(request))}

    return routes


async def _question(request: Request) -> bytes:
    question = bytearray()
    async for chunk in request.stream():
        question += chunk
        if len(question) > MOST_BYTES:
            raise PayloadTooLarge(f"A question about a callback may have at most {MOST_BYTES} bytes.")
    return bytes(question)
