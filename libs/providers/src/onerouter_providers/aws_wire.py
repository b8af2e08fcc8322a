"""botocore's part of `aws.py`: clients that send through `ProviderHttp`, and what their exceptions mean."""

import logging
import os
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import ClientError, ParamValidationError

from onerouter_common.errors import InvalidRequest, OneRouterError
from onerouter_providers.aws import AwsKeys, AwsRefused, AwsUnreadable
from onerouter_providers.http import Admit, AnswerTooLarge, ProviderHttp, parse_retry_after

for _noisy in ("botocore", "aiobotocore"):
    logging.getLogger(_noisy).setLevel(logging.INFO)  # at DEBUG they write bodies and signed headers

_NOBODYS: Final = (None, None, None, None)
_NO_FILE: Final = (None, None, os.devnull, None)
_CONFIG: Final[Mapping[str, Any]] = {
    "retries": {"max_attempts": 0},
    "connect_timeout": 5,
    "read_timeout": 15,
    "ignore_configured_endpoint_urls": True,
    "user_agent": "OneRouter",
}


@dataclass(slots=True)
class Call:
    """What the hook that sends must know of the call it is in, and how far it came."""

    http: ProviderHttp
    capability: str
    effect: bool
    deadline: float
    most_bytes: int | None = None
    """For content: see `ProviderHttp.send_raw`. Then it is kept here, for botocore would stream it."""
    admit: Admit | None = None
    was_sent: bool = False
    content: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    status: int | None = None
    """Of the answer, once there is one."""
    retry_after_s: float | None = None


_call: ContextVar[Call] = ContextVar("aws_call")


async def open_client(
    service: str, region: str, base_url: str, keys: AwsKeys, config: Mapping[str, Any] | None = None
) -> Any:
    """A client that is never closed: it has no connections of its own."""
    token = keys.session_token
    made = _session().create_client(
        service,
        region_name=region,
        endpoint_url=base_url,
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key.get_secret_value(),
        aws_session_token=None if token is None else token.get_secret_value(),
        config=AioConfig(**_CONFIG, **(config or {})),
    )
    client = await made.__aenter__()
    client.meta.events.register("before-send", _send)
    client.meta.events.register("before-sign.s3", _without_expect)
    client.meta.events.register_last("before-parameter-build.s3", _stay_in_region)
    return client


async def invoke(client: Any, operation: str, params: Mapping[str, Any], call: Call) -> Mapping[str, Any]:
    """Raises AwsRefused, AwsUnreadable, InvalidRequest, and what `ProviderHttp.send_raw` raises."""
    token = _call.set(call)
    try:
        answer = await getattr(client, operation)(**params)
    except ParamValidationError:
        # Its text quotes the values.
        raise InvalidRequest(f"{call.http.display_name} has no request of this form.") from None
    except ClientError as error:
        raise _meaning(error) from None  # its text may quote the request
    except (OneRouterError, AnswerTooLarge):
        raise
    except Exception as error:
        # botocore trips over an answer of another shape in its own ways (KeyError, ResponseParserError, …), whose texts
        # quote it. Whatever it was: after the request was sent it may have been carried out, unless its status says that
        # it was refused (a proxy's or a firewall's page is no answer of the service's, but its 403 is a refusal).
        if call.status is not None and _is_refusal(call.status):
            raise AwsRefused("", "", status=call.status, retry_after_s=call.retry_after_s, request_id=None) from None
        raise AwsUnreadable(type(error).__name__, status=call.status, was_sent=call.was_sent) from None
    finally:
        _call.reset(token)
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


async def _send(request: Any, **_: object) -> AioAWSResponse:
    """botocore's hook before it sends: what is returned here is the answer."""
    call = _call.get()
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    call.was_sent = True
    raw = await call.http.send_raw(
        call.capability,
        request.method,
        request.url,
        effect=call.effect,
        headers={name: _text(value) for name, value in request.headers.items()},
        content=body.encode() if isinstance(body, str) else bytes(body),
        deadline=call.deadline,
        most_bytes=call.most_bytes,
        admit=call.admit,
    )
    headers = {name.lower(): value for name, value in raw.headers.items()}
    call.status, call.retry_after_s = raw.status, parse_retry_after(headers.get("retry-after"))
    call.content, call.headers = raw.content, headers
    return AioAWSResponse(request.url, raw.status, headers, _Read(raw.content))


def _without_expect(request: Any, **_: object) -> None:
    """`Expect: 100-continue` is waited for without end where nobody answers it, and R2 does not."""
    if "Expect" in request.headers:
        del request.headers["Expect"]


def _stay_in_region(context: dict[str, Any], **_: object) -> None:
    """S3's clients follow a bucket to the region it is in, with calls of their own; the connection says the region."""
    context.setdefault("s3_redirect", {})["redirected"] = True


def _meaning(error: ClientError) -> AwsRefused | AwsUnreadable:
    told: Mapping[str, Any] = error.response.get("Error", {})
    meta: Mapping[str, Any] = error.response.get("ResponseMetadata", {})
    status = meta.get("HTTPStatusCode")
    if not isinstance(status, int) or not _is_refusal(status):
        return AwsUnreadable(
            f"status {status}",
            status=status if isinstance(status, int) else None,
            code=str(told.get("Code", "")),
        )
    return AwsRefused(
        str(told.get("Code", "")),
        str(told.get("Message", "")),
        status=status,
        retry_after_s=parse_retry_after(meta.get("HTTPHeaders", {}).get("retry-after")),
        request_id=meta.get("RequestId"),
    )


def _is_refusal(status: int) -> bool:
    """A 408 says that it waited for us, not what it did."""
    return 400 <= status < 500 and status != 408


class _Read:
    """A body that was read, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def read(self) -> bytes:
        return self._content


@lru_cache(maxsize=1)
def _session() -> AioSession:
    """Knows nothing of this machine; holds the models of the services, which take long to load."""
    variables = {"profile": _NOBODYS, "config_file": _NO_FILE, "credentials_file": _NO_FILE}
    return AioSession(session_vars=variables)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
