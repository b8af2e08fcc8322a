"""The session's sandbox with an account of its own at each of the six providers, written to as their clients write."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from tests.services.sandbox.conftest import NO_TLS

TOKEN: Final = "0123456789abcdef0123456789abcdef"
NUMBER: Final = "+15005550006"
PHONE: Final = "+14155550123"


@dataclass
class Post:
    """`http` is a browser without any right but to be on this machine. Account ids are new for each test."""

    http: httpx.AsyncClient
    mark: str = field(default_factory=lambda: uuid4().hex)

    @property
    def twilio(self) -> str:
        return f"AC{self.mark}"

    @property
    def aws(self) -> str:
        return f"AKIA{self.mark.upper()}"

    @property
    def resend(self) -> str:
        return f"team_{self.mark}"

    @property
    def sendgrid(self) -> str:
        return f"sg_{self.mark}"

    @property
    def domain(self) -> str:
        return f"{self.mark}.example.com"

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.http.post(path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def api(self, path: str, **params: Any) -> dict[str, Any]:
        answer = await self.http.get(f"/inbox/api{path}", params=params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def listed(self, **params: Any) -> list[dict[str, Any]]:
        return list((await self.api("/messages", **params))["data"])

    async def opened(self, summary: dict[str, Any]) -> dict[str, Any]:
        return await self.api(f"/messages/{summary['provider']}/{summary['id']}")

    async def do(self, message: dict[str, Any], name: str, **more: Any) -> None:
        """Press one of its buttons."""
        (action,) = (each for each in message["actions"] if each["name"] == name)
        await self.ask(action["path"], **action["body"], **more)

    async def sms(self, body: str = "Hello.", to: str = PHONE, **more: str) -> str:
        data = {"To": to, "From": NUMBER, "Body": body, **more}
        path = f"/twilio/2010-04-01/Accounts/{self.twilio}/Messages.json"
        answer = await self.http.post(path, data=data, auth=(self.twilio, TOKEN))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["sid"])

    async def published(self, body: str = "Hello.", **attributes: str) -> None:
        form = {"Action": "Publish", "Version": "2010-03-31", "PhoneNumber": PHONE, "Message": body}
        for place, (name, value) in enumerate(attributes.items(), start=1):
            entry = f"MessageAttributes.entry.{place}"
            form |= {f"{entry}.Name": f"AWS.SNS.SMS.{name}", f"{entry}.Value.DataType": "String"}
            form[f"{entry}.Value.StringValue"] = value
        answer = await self.http.post("/sns/v1/", data=form, headers=self._signed("sns"))
        assert answer.status_code == 200, answer.text

    async def by_resend(self, **changes: Any) -> None:
        email = {"from": "Acme <hello@example.com>", "to": ["Ada <ada@example.net>"], "subject": "Hi", "text": "T"}
        headers = {"Authorization": f"Bearer re_{self.mark}"}
        answer = await self.http.post("/resend/emails", json={**email, **changes}, headers=headers)
        assert answer.status_code == 200, answer.text

    async def by_sendgrid(self, **changes: Any) -> None:
        email = {
            "personalizations": [{"to": [{"email": "ada@example.net", "name": "Ada"}], "subject": "Hi"}],
            "from": {"email": "hello@example.com", "name": "Acme"},
            "content": [{"type": "text/plain", "value": "T"}],
        }
        headers = {"Authorization": f"Bearer {self._sendgrid_key}"}
        answer = await self.http.post("/sendgrid/v3/mail/send", json={**email, **changes}, headers=headers)
        assert answer.status_code == 202, answer.text

    async def by_mailgun(self, *files: tuple[str, tuple[str, bytes, str]], **changes: str) -> None:
        form = {"from": f"Acme <hello@{self.domain}>", "to": "Ada <ada@example.net>", "subject": "Hi", "text": "T"}
        path, auth = f"/mailgun/v3/{self.domain}/messages", ("api", "key-0123456789")
        answer = await self.http.post(path, data={**form, **changes}, files=files or None, auth=auth)
        assert answer.status_code == 200, answer.text

    async def by_ses(self, **changes: Any) -> None:
        simple = {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "T"}}, **changes}
        email = {
            "FromEmailAddress": "Acme <hello@example.com>",
            "Destination": {"ToAddresses": ["Ada <ada@example.net>"], "CcAddresses": ["bob@example.net"]},
            "Content": {"Simple": simple},
            "EmailTags": [{"Name": "onerouter_id", "Value": "em_1"}],
            "ConfigurationSetName": "onerouter",
        }
        answer = await self.http.post("/ses/v2/email/outbound-emails", json=email, headers=self._signed("ses"))
        assert answer.status_code == 200, answer.text

    async def register(self) -> None:
        # By hand: nothing changes but what a test does.
        await self.ask(
            "/control/twilio/accounts", account_sid=self.twilio, auth_token=TOKEN, numbers=[NUMBER], delivery="manual"
        )
        await self.ask("/control/sns/accounts", access_key_id=self.aws)
        await self.ask(
            "/control/resend/accounts",
            account_id=self.resend,
            api_key=f"re_{self.mark}",
            domains=["example.com"],
            fate="sent",
        )
        await self.ask(
            "/control/sendgrid/accounts", account_id=self.sendgrid, api_key=self._sendgrid_key, fate="processed"
        )
        await self.ask("/control/mailgun/accounts", domain=self.domain, api_key="key-0123456789", delivery="manual")
        await self.ask("/control/ses/accounts", access_key_id=self.aws, delivery="manual")

    @property
    def _sendgrid_key(self) -> str:
        return f"SG.{self.mark[:22]}.{(self.mark * 2)[:43]}"

    def _signed(self, service: str) -> dict[str, str]:
        scope = f"{self.aws}/20261122/us-east-1/{service}/aws4_request"
        signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'a' * 64}"
        return {"Authorization": signature, "X-Amz-Date": "20261122T000000Z"}


@pytest.fixture
async def post(sandbox_url: str) -> AsyncIterator[Post]:
    async with httpx.AsyncClient(base_url=sandbox_url, timeout=60, verify=NO_TLS) as http:
        made = Post(http)
        await made.register()
        yield made
