"""SNS's simulator speaks the query protocol to AWS's own client."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Sandbox

TO = "+14155550100"
SESSION = get_session()
"""Shared: it holds the models of AWS's services, which take long to load."""


@dataclass
class Aws:
    sandbox: "Sandbox"
    key: str
    sns: Any

    async def register(self, **changes: Any) -> None:
        await self.sandbox.ask("/sns/accounts", access_key_id=self.key, **changes)

    async def published(self) -> list[dict[str, Any]]:
        return list((await self.sandbox.show(f"/sns/accounts/{self.key}/messages"))["data"])

    async def sent(self) -> int:
        return len((await self.sandbox.show("/ledger", account=self.key, kind="sms.sent"))["data"])

    async def refused(self, **params: Any) -> tuple[int, str]:
        with pytest.raises(ClientError) as caught:
            await self.sns.publish(**params)
        told = caught.value.response
        return told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"]


@pytest.fixture
async def aws(sandbox: "Sandbox") -> AsyncIterator[Aws]:
    key = f"AKIA{uuid4().hex.upper()}"
    async with SESSION.create_client(
        "sns",
        region_name="us-east-1",
        endpoint_url=f"{sandbox.url}/sns/v1",
        aws_access_key_id=key,
        aws_secret_access_key="s" * 40,
        config=AioConfig(retries={"max_attempts": 0}),
    ) as client:
        made = Aws(sandbox, key, client)
        await made.register()
        yield made


async def test_a_message_is_taken_with_its_attributes(aws: Aws) -> None:
    attributes = {
        "AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"},
        "AWS.SNS.SMS.MaxPrice": {"DataType": "Number", "StringValue": "0.50"},
    }
    answer = await aws.sns.publish(PhoneNumber=TO, Message="Olá 👋 <&>", MessageAttributes=attributes)
    (published,) = await aws.published()
    assert (published["id"], published["body"], published["to"]) == (answer["MessageId"], "Olá 👋 <&>", TO)
    assert published["attributes"] == {"AWS.SNS.SMS.SMSType": "Transactional", "AWS.SNS.SMS.MaxPrice": "0.50"}
    assert await aws.sent() == 1


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"PhoneNumber": "12", "Message": "Hi."}, (400, "InvalidParameter")),
        ({"PhoneNumber": TO, "Message": "ü" * 801}, (400, "InvalidParameter")),
        ({"TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": "Hi."}, (400, "InvalidParameter")),
        (
            {
                "PhoneNumber": TO,
                "Message": "Hi.",
                "MessageAttributes": {"AWS.SNS.SMS.SenderID": {"DataType": "String", "StringValue": "12"}},
            },
            (400, "InvalidParameter"),
        ),
    ],
)
async def test_what_is_wrong_is_refused(aws: Aws, params: dict[str, Any], expected: tuple[int, str]) -> None:
    assert await aws.refused(**params) == expected
    assert await aws.sent() == 0


async def test_an_opted_out_number_is_a_success_that_sends_nothing(aws: Aws) -> None:
    await aws.register(opted_out=[TO])
    assert (await aws.sns.check_if_phone_number_is_opted_out(phoneNumber=TO))["isOptedOut"] is True
    assert (await aws.sns.list_phone_numbers_opted_out())["phoneNumbers"] == [TO]
    assert (await aws.sns.publish(PhoneNumber=TO, Message="Hi."))["MessageId"]
    assert await aws.sent() == 0
    await aws.sns.opt_in_phone_number(phoneNumber=TO)
    await aws.sns.publish(PhoneNumber=TO, Message="Hi.")
    assert await aws.sent() == 1


async def test_past_the_spend_limit_and_in_the_sms_sandbox_nothing_is_sent(aws: Aws) -> None:
    await aws.register(spend_limit_messages=1)
    for _ in range(3):
        await aws.sns.publish(PhoneNumber=TO, Message="Hi.")
    assert await aws.sent() == 1
    await aws.register(in_sms_sandbox=True, verified=["+14155550199"])
    assert (await aws.sns.get_sms_sandbox_account_status())["IsInSandbox"] is True
    await aws.sns.publish(PhoneNumber=TO, Message="Hi.")
    await aws.sns.publish(PhoneNumber="+14155550199", Message="Hi.")
    assert await aws.sent() == 2


async def test_settings_are_kept(aws: Aws) -> None:
    await aws.sns.set_sms_attributes(attributes={"DefaultSMSType": "Transactional"})
    assert (await aws.sns.get_sms_attributes())["attributes"]["DefaultSMSType"] == "Transactional"


async def test_faults_and_pace_speak_awss_words(aws: Aws) -> None:
    await aws.register(messages_per_s=1)
    await aws.sns.publish(PhoneNumber=TO, Message="Hi.")
    assert await aws.refused(PhoneNumber=TO, Message="Hi.") == (429, "Throttled")
    await aws.sandbox.fault("error_5xx", "Publish", key_id=aws.key, times=1, status=503)
    assert await aws.refused(PhoneNumber=TO, Message="Hi.") == (503, "InternalError")


async def test_a_request_that_is_not_signed_or_by_nobody_we_know(aws: Aws) -> None:
    form = {"Action": "Publish", "Version": "2010-03-31", "PhoneNumber": TO, "Message": "Hi."}
    async with httpx.AsyncClient(base_url=aws.sandbox.url, trust_env=False) as http:
        unsigned = await http.post("/sns/v1", data=form)
    assert (unsigned.status_code, b"MissingAuthenticationToken" in unsigned.content) == (403, True)
    await aws.register(region="eu-west-1")
    assert await aws.refused(PhoneNumber=TO, Message="Hi.") == (403, "SignatureDoesNotMatch")
