"""SES's simulator by itself, asked by botocore's own models through aiobotocore, and what outlives a restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError
from tests.providers.payments.inbox import serving

from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings

KEY = "AKIA0000000000000001"


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[str]:
    account = {"access_key_id": KEY, "delivery_delay_s": 3_600, **settings.pop("account", {})}
    async with serving(create_app(Settings(accounts={"ses": (account,)}, **settings))) as url:
        yield url


@asynccontextmanager
async def client(url: str, key: str = KEY) -> AsyncIterator[Any]:
    made = get_session().create_client(
        "sesv2",
        region_name="us-east-1",
        endpoint_url=f"{url}/ses",
        aws_access_key_id=key,
        aws_secret_access_key="secret",
        config=AioConfig(retries={"max_attempts": 0}),
    )
    async with made as opened:
        yield opened


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    async with running() as made:
        yield made


@pytest.fixture
async def ses(url: str) -> AsyncIterator[Any]:
    async with client(url) as opened:
        yield opened


def mail(to: str = "a@example.net", **more: Any) -> dict[str, Any]:
    content = {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hello"}}}}
    return {
        "FromEmailAddress": "shop@example.com",
        "Destination": {"ToAddresses": [to]},
        "Content": content,
        "EmailTags": [{"Name": "onerouter_id", "Value": "eml_1"}],
        **more,
    }


async def test_awss_own_client_sends_and_reads(ses: Any) -> None:
    assert (await ses.send_email(**mail()))["MessageId"]
    account = await ses.get_account()
    assert (account["SendingEnabled"], account["SendQuota"]["SentLast24Hours"]) == (True, 1.0)
    content = {"Subject": "Hi {{name}}", "Text": "Hello"}
    await ses.create_email_template(TemplateName="t", TemplateContent=content)
    assert (await ses.get_email_template(TemplateName="t"))["TemplateContent"] == content


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"to": "a@localhost"}, "BadRequestException"),
        ({"to": "ü@example.net"}, "BadRequestException"),
        ({"EmailTags": [{"Name": "a b", "Value": "c"}]}, "BadRequestException"),
        ({"Content": {"Simple": {"Subject": {"Data": "Hi"}, "Body": {}}}}, "BadRequestException"),
        ({"Content": {"Template": {"TemplateName": "nobodys", "TemplateData": "{}"}}}, "NotFoundException"),
        ({"ConfigurationSetName": "nobodys"}, "NotFoundException"),
        ({"Destination": {"ToAddresses": [f"a{n}@example.net" for n in range(51)]}}, "BadRequestException"),
    ],
)
async def test_what_is_refused(ses: Any, more: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        await ses.send_email(**mail(**more))
    assert caught.value.response["Error"]["Code"] == code


async def test_a_key_of_nobody_is_refused(url: str) -> None:
    async with client(url, "AKIANOBODYS000000000") as nobody:
        with pytest.raises(ClientError) as caught:
            await nobody.get_account()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"
    async with httpx.AsyncClient(trust_env=False) as unsigned:
        answer = await unsigned.get(f"{url}/ses/v2/email/account")
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")


async def test_what_is_to_happen_and_the_certificate_outlive_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.db"
    account = {"webhook_url": "http://127.0.0.1:9/nowhere"}
    async with running(data_file=file, account=account) as url, client(url) as ses:
        to = "bounce@simulator.amazonses.com"
        await ses.send_email(**mail(to, ConfigurationSetName="onerouter"))
        before = await callbacks(url)
    async with running(data_file=file, account=account) as url, httpx.AsyncClient(trust_env=False) as http:
        advance = await http.post(f"{url}/control/ses/accounts/{KEY}/clock/advance", json={"seconds": 3_601})
        assert advance.json()["ran"] == 1
        after = await callbacks(url)
    assert ([each["event"] for each in before], [each["event"] for each in after]) == (["Send"], ["Send", "Bounce"])
    names = {part for each in after for part in each["body"].split('"') if part.endswith(".pem")}
    assert len({name.rpartition("/")[2] for name in names}) == 1


async def callbacks(url: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(trust_env=False) as http:
        return list((await http.get(f"{url}/control/callbacks", params={"account": KEY})).json()["data"])
