"""AWS through our policy: botocore makes and reads, ours sends, and nothing of this machine takes part."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from onerouter_common.errors import InvalidRequest, ProviderOutcomeUnknown, ProviderUnavailable
from onerouter_providers.aws import Aws, AwsKeys, AwsRefused
from onerouter_providers.http import ProviderHttp

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
PUBLISHED = (
    b'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m-1</MessageId>'
    b"</PublishResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></PublishResponse>"
)
THROTTLED = (
    b'<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>Throttled</Code>'
    b"<Message>Rate exceeded for +14155550100</Message></Error><RequestId>r-2</RequestId></ErrorResponse>"
)
PARAMS = {"PhoneNumber": "+14155550100", "Message": "Only for your eyes."}

Answer = Callable[[httpx.Request], httpx.Response]


def aws_on(answer: Answer, *, session_token: str | None = None, service: str = "sns") -> Aws:
    http = ProviderHttp(httpx.MockTransport(answer), provider="sns", display_name="Amazon SNS")
    token = None if session_token is None else SecretStr(session_token)
    keys = AwsKeys("AKIAIOSFODNN7EXAMPLE", SecretStr(SECRET), token)
    return Aws(http, service=service, region="us-east-1", base_url="http://sns.test/v1", keys=keys)


async def publish(aws: Aws, *, effect: bool = True, **changes: Any) -> Any:
    params = {**PARAMS, **changes}
    return await aws.call("sms.send", "publish", params, effect=effect, deadline=await aws.deadline())


async def test_a_call_is_signed_and_goes_where_it_was_told() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=PUBLISHED)

    assert await publish(aws_on(answer, session_token="t" * 20)) == {"MessageId": "m-1"}
    (request,) = seen
    assert (request.method, str(request.url)) == ("POST", "http://sns.test/v1")
    assert "Credential=AKIAIOSFODNN7EXAMPLE/" in request.headers["authorization"]
    assert request.headers["x-amz-security-token"] == "t" * 20
    assert request.headers["accept-encoding"] == "identity"


async def test_a_4xx_is_for_the_services_own_table() -> None:
    aws = aws_on(lambda _: httpx.Response(429, content=THROTTLED, headers={"Retry-After": "7"}))
    with pytest.raises(AwsRefused) as caught:
        await publish(aws)
    refused = caught.value
    assert (refused.code, refused.status, refused.retry_after_s, refused.request_id) == ("Throttled", 429, 7.0, "r-2")
    assert "+1415" not in str(refused)


@pytest.mark.parametrize("body", [b"<html><body><h1>403 Forbidden</h1><br></body></html>", b"too large", b""])
@pytest.mark.parametrize("service", ["sns", "sesv2"])
@pytest.mark.parametrize("status", [400, 403, 413, 429])
async def test_a_4xx_that_cannot_be_read_is_refused_by_its_status(status: int, service: str, body: bytes) -> None:
    aws = aws_on(lambda _: httpx.Response(status, content=body, headers={"Retry-After": "7"}), service=service)
    with pytest.raises(AwsRefused) as caught:
        if service == "sns":
            await publish(aws)
        else:
            content = {"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}}
            asked = {"FromEmailAddress": "a@example.org", "Content": content}
            await aws.call("email.send", "send_email", asked, effect=True, deadline=await aws.deadline())
    assert (caught.value.status, caught.value.retry_after_s) == (status, 7.0)


@pytest.mark.parametrize("status", [500, 503, 408])
async def test_no_answer_is_a_doubt_only_where_something_was_asked_for(status: int) -> None:
    aws = aws_on(lambda _: httpx.Response(status, content=b"<html></html>"))
    with pytest.raises(ProviderOutcomeUnknown):
        await publish(aws)
    with pytest.raises(ProviderUnavailable):
        await publish(aws, effect=False)


async def test_what_botocores_model_does_not_know_is_not_sent() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing may be sent")

    with pytest.raises(InvalidRequest) as caught:
        await publish(aws_on(answer), Colour="red")
    assert "red" not in str(caught.value)


async def test_calls_at_once_do_not_mix_and_open_one_client() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        number = request.content.decode().rpartition("Number")[2][:2]
        return httpx.Response(200, content=PUBLISHED.replace(b"m-1", f"m-{number}".encode()))

    aws = aws_on(answer)
    answers = await asyncio.gather(*(publish(aws, Message=f"Number{number}") for number in range(10, 30)))
    assert [each["MessageId"] for each in answers] == [f"m-{number}" for number in range(10, 30)]


async def test_nothing_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    aws = aws_on(lambda _: httpx.Response(200, content=PUBLISHED))
    with caplog.at_level(logging.DEBUG):
        await publish(aws)
    for secret in (SECRET, "Only for your eyes", "+14155550100"):
        assert secret not in caplog.text
        assert secret not in repr(aws)
