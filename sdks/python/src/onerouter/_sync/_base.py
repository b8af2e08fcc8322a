# Written by scripts/make_sync.py from _base.py: change that, then `make sdk`.
"""What every client can do: one call, with all that may happen to it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from copy import copy
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

from onerouter._answer import (
    Answer,
    NotJson,
    content_of,
    error_of,
    mark,
    operation_of,
    result_of,
    results_of,
    under_way,
    unreadable,
)
from onerouter._errors import APIConnectionError, NotFoundError, OneRouterError
from onerouter._following import ended, following, not_ended
from onerouter._object import Accepted, Object, Objects
from onerouter._options import RequestOptions
from onerouter._request import Call, Defaults, segment
from onerouter._request import build as build_call
from onerouter._response import Outgoing, RawResponse, Response
from onerouter._retry import delay_s, may_repeat
from onerouter._sync._wait import finished, sleep
from onerouter._tracing import traceparent

if TYPE_CHECKING:
    import logging

    from onerouter._secret import Secret
    from onerouter._sync._transport import SyncTransport

T = TypeVar("T", bound=Object)
R = TypeVar("R")

_FOLLOW_S: Final = 60.0
_SOONEST_S: Final = 0.25
_LATEST_S: Final = 5.0
_SHORTEST_S: Final = 5.0
"""An operation is asked for at least so long, however little of the wait is left."""
_STORED_WITHIN_S: Final = 20.0


class SyncBase:
    """Holds the connections and the defaults of all calls."""

    _api_key: Secret
    _transport: SyncTransport
    _defaults: Defaults
    _log: logging.Logger
    _on_request: Callable[[Outgoing], object] | None
    _on_response: Callable[[Outgoing, Response], object] | None

    def _call(
        self,
        cls: type[T],
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        options: RequestOptions | None = None,
        once: bool = False,
        gone: Mapping[str, object] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """One call whose answer is an object. Raises what stands in `_errors`.

        `once`: the route knows no idempotency key, so what may have been done is not asked for again. `gone`: it deletes, and
        knows none either, so this is what came of an attempt whose answer was lost when a later one finds nothing any more.
        `content`: a body that is no JSON.
        """
        call = build_call(
            method,
            path,
            body=body,
            query=query,
            options=options or {},
            defaults=self._defaults,
            content=content,
            headers=headers,
        )
        answered, response = self._exchange(call, content_of, once=once, gone=gone)
        result = result_of(cls, answered, response, waits=call.waits)
        result._follow = self._follower(options)
        return result

    def _call_array(
        self,
        cls: type[T],
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        options: RequestOptions | None = None,
    ) -> Objects[T]:
        """One call whose answer is a bare array of objects."""
        call = build_call(method, path, body=None, query=query, options=options or {}, defaults=self._defaults)
        content, response = self._exchange(call, content_of)
        return results_of(cls, content, response)

    def _call_bytes(
        self,
        make: Callable[[bytes, Response], R],
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        options: RequestOptions | None = None,
    ) -> R:
        """One call whose answer is bytes, with what its headers say of them."""
        call = build_call(
            method, path, body=None, query=query, options=options or {}, defaults=self._defaults, headers=headers
        )
        content, response = self._exchange(call, _bytes_of)
        return make(content, response)

    def _call_raw(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None,
        query: Mapping[str, object] | None,
        options: RequestOptions | None,
        parse: Callable[[RawResponse], Any],
        once: bool = False,
        gone: Mapping[str, object] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> RawResponse:
        """One call whose answer is left as it came."""
        call = build_call(
            method,
            path,
            body=body,
            query=query,
            options=options or {},
            defaults=self._defaults,
            content=content,
            headers=headers,
        )
        answered, response = self._exchange(call, _bytes_of, once=once, gone=gone)
        return RawResponse(response, answered, parse)

    def _exchange(
        self,
        call: Call,
        read: Callable[[Answer], R],
        *,
        once: bool = False,
        gone: Mapping[str, object] | None = None,
    ) -> tuple[R, Response]:
        """Until there is an answer, it is final, or the retries or the time are used up.

        Each attempt is the same request under the same idempotency key, so that all of them have one effect at most.
        """
        started = monotonic()
        left_s = call.deadline
        attempts = 0
        in_doubt = False
        if "traceparent" not in call.headers and (trace := traceparent()) is not None:
            call.headers["traceparent"] = trace
        while True:
            attempts += 1
            limit_s = call.timeout.total if left_s is None else min(call.timeout.total, left_s)
            failure: OneRouterError
            try:
                answer, response = self._attempt(call, attempts, limit_s, started)
                if answer.is_success:
                    return read(answer), response
                failure = error_of(answer, has_effect=call.has_effect)
                told = None if call.waits else under_way(failure)
                if in_doubt and gone is not None and isinstance(failure, NotFoundError):
                    told = Answer(200, answer.headers, json.dumps(gone).encode())
                if told is not None:  # what a first attempt, whose answer got lost, would have been told
                    response = copy(response)  # a hook may keep the one it was told
                    response.status_code = told.status_code
                    return read(told), response
            except NotJson:
                failure = unreadable(response, "not JSON, or not all of it")
            except APIConnectionError as error:
                failure = error
            in_doubt = _weigh(failure, call, in_doubt)
            mark(failure, idempotency_key=call.idempotency_key, attempts=attempts)
            left_s = None if call.deadline is None else call.deadline - (monotonic() - started)
            delay = delay_s(
                failure,
                retries=attempts - 1,
                max_retries=call.max_retries,
                left_s=left_s,
                chance=random.random(),  # noqa: S311
            )
            if delay is None or (once and in_doubt):
                raise failure
            self._log.info("%s %s: %s; again in %.2f s", call.method, call.path, type(failure).__name__, delay)
            self._sleep(delay)
            left_s = None if call.deadline is None else max(0.001, call.deadline - (monotonic() - started))

    def _attempt(self, call: Call, number: int, limit_s: float, started: float) -> tuple[Answer, Response]:
        """Raises APIConnectionError."""
        headers = call.headers
        outgoing = None
        if self._on_request is not None or self._on_response is not None:
            headers = dict(headers)
            outgoing = Outgoing(call.method, call.path, number, call.idempotency_key, headers)
            if self._on_request is not None:
                finished(self._on_request(outgoing))
        answer = self._transport.send(call, headers, limit_s)
        response = Response(
            answer.status_code,
            answer.headers,
            attempts=number,
            elapsed=monotonic() - started,
            idempotency_key=call.idempotency_key,
        )
        self._log.debug("%s %s: %r", call.method, call.path, response)
        if outgoing is not None and self._on_response is not None:
            finished(self._on_response(outgoing, response))
        return answer, response

    def _sleep(self, seconds: float) -> None:
        """A seam: who tests waits for nothing."""
        sleep(seconds)

    def _follow(
        self,
        cls: type[T],
        operation_id: str,
        timeout: float | None,
        options: RequestOptions | None = None,
        *,
        surely_there: bool = False,
    ) -> T:
        """The operation, when it has succeeded. `timeout` is in seconds, 60 unless said.

        It is accepted before it can be read, so 404 means "not yet" for a while; where it is `surely_there`, always.
        Who cannot be reached is asked again. Raises the operation's own error when it failed, OutcomeUnknownError when the
        time is over before it ended.
        """
        path = f"/v1/operations/{segment(operation_id, 'operation_id')}"
        began = monotonic()
        until = began + (_FOLLOW_S if timeout is None else timeout)
        pause = _SOONEST_S
        while True:
            operation: T | None = None
            missed: OneRouterError | None = None
            within_s = max(until - monotonic(), _SHORTEST_S)
            try:
                operation = self._call(cls, "GET", path, options={"deadline": within_s, **(options or {})})
            except NotFoundError as error:
                if not surely_there and monotonic() - began > _STORED_WITHIN_S:
                    raise
                missed = error
            except OneRouterError as error:
                if not may_repeat(error):
                    raise
                missed = error
            if operation is not None and ended(operation):
                return operation
            left = until - monotonic()
            if left <= 0:
                raise not_ended(operation, operation_id) from missed
            self._sleep(min(pause, left))
            pause = min(pause * 1.5, _LATEST_S)

    def _follower(self, options: RequestOptions | None) -> Callable[[Object, float | None], Any]:
        """Of what a call with these options returned."""
        return partial(self._settle, following(options))

    def _settle(self, options: RequestOptions, result: Object, timeout: float | None) -> Object:
        """`result.wait()`: what a 202 came to, or an operation when it has ended; anything else is what it is."""
        if not isinstance(result, Accepted):
            is_operation = result.get("object") == "operation"
            return self._follow(type(result), result["id"], timeout, options) if is_operation else result
        kind = operation_of(result._meant)
        operation = self._follow(kind, result.operation_id, timeout, options, surely_there=True)
        settled: object = operation.get("result")
        if not isinstance(settled, Object):
            return operation  # done, and what it answered is not kept any more
        settled._response = operation.response
        settled._follow = self._follower(options)
        return settled


def _bytes_of(answer: Answer) -> bytes:
    return answer.content


def _weigh(failure: OneRouterError, call: Call, in_doubt: bool) -> bool:
    """Whether this attempt, or one before it, may have had an effect that nobody has told us of.

    Then a refusal of the last one (too many requests, say) must not tell the caller that nothing happened.
    """
    if isinstance(failure, APIConnectionError):
        failure.sent = failure.sent or in_doubt
        failure.effect = "unknown" if call.has_effect and failure.sent else "none"
    elif in_doubt and failure.operation_id is None and failure.effect != "committed":
        failure.effect = "unknown"
    return failure.effect == "unknown"
