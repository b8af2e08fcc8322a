"""S3's and R2's simulators, spoken to by AWS's own client and by requests that are signed by hand."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError
from tests.services.sandbox.conftest import NO_TLS

from onerouter_sandbox.storage import sigv4

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Sandbox

SECRET = "s" * 40
SESSION = get_session()
"""Shared: it holds the models of AWS's services, which take long to load."""


@dataclass
class Storage:
    """One access key at one of the simulators."""

    sandbox: "Sandbox"
    name: str
    key: str
    bucket: str
    region: str
    s3: Any = field(repr=False)

    @property
    def url(self) -> str:
        return f"{self.sandbox.url}/{self.name}/v1"

    async def register(self, **changes: Any) -> None:
        account = {
            "access_key_id": self.key,
            "secret_access_key": SECRET,
            "region": self.region,
            "buckets": [self.bucket],
            "part_bytes_least": 10,
        }
        await self.sandbox.ask(f"/{self.name}/accounts", **{**account, **changes})

    async def advance(self, seconds: float) -> None:
        await self.sandbox.ask(f"/{self.name}/accounts/{self.key}/clock/advance", seconds=seconds)

    async def refused(self, operation: str, **params: Any) -> tuple[int, str]:
        with pytest.raises(ClientError) as caught:
            await getattr(self.s3, operation)(Bucket=self.bucket, **params)
        told = caught.value.response
        return told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"]

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        unsigned: Mapping[str, str] | None = None,
        content: bytes = b"",
        payload: str | None = None,
        **said: Any,
    ) -> httpx.Response:
        """A request signed in its header; `unsigned` headers go along, `said` changes what is signed."""
        url = f"{self.url}{path}{'?' if query else ''}{query}"
        payload = hashlib.sha256(content).hexdigest() if payload is None else payload
        signed = sign(method, url, self.key, self.region, payload, headers or {}, **said)
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http:
            return await http.request(method, url, headers={**signed, **(unsigned or {})}, content=content)

    async def presign(self, operation: str, *, expires_in: int = 60, **params: Any) -> str:
        url: str = await self.s3.generate_presigned_url(
            operation, Params={"Bucket": self.bucket, **params}, ExpiresIn=expires_in
        )
        return url


def sign(  # the parts of a request, each of which a test changes
    method: str,
    url: str,
    key: str,
    region: str,
    payload: str,
    headers: Mapping[str, str],
    *,
    secret: str = SECRET,
    ago_s: float = 0,
    service: str = "s3",
) -> dict[str, str]:
    """The headers to send."""
    parts, now = urlsplit(url), datetime.now(UTC) - timedelta(seconds=ago_s)
    amz_date = now.strftime("%Y%m%dT%H%M%SZ")
    whole = {**headers, "host": parts.netloc, "x-amz-date": amz_date, "x-amz-content-sha256": payload}
    scope = sigv4.Scope(key, amz_date[:8], region, service, "aws4_request")
    signed = sigv4.Signed(scope, amz_date, tuple(sorted(whole)), "", payload, None, None)
    canonical = sigv4.canonical_request(
        method, parts.path.encode(), sigv4.parse_query(parts.query.encode()), whole, signed.headers, payload
    )
    signature = sigv4.signature(secret, scope, sigv4.string_to_sign(signed, canonical))
    credential = f"{key}/{scope.text}"
    whole["authorization"] = (
        f"{sigv4.ALGORITHM} Credential={credential}, SignedHeaders={';'.join(signed.headers)}, Signature={signature}"
    )
    return whole


@asynccontextmanager
async def speaking(sandbox: "Sandbox", name: str) -> AsyncIterator[Storage]:
    key, region = (f"AKIA{uuid4().hex.upper()}", "eu-central-1") if name == "s3" else (uuid4().hex, "auto")
    async with SESSION.create_client(
        "s3",
        region_name=region,
        endpoint_url=f"{sandbox.url}/{name}/v1",
        aws_access_key_id=key,
        aws_secret_access_key=SECRET,
        config=AioConfig(
            retries={"max_attempts": 0},
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required" if name == "r2" else "when_supported",
        ),
    ) as client:
        made = Storage(sandbox, name, key, f"bucket-{uuid4().hex[:8]}", region, client)
        if name == "r2":  # as R2's users must: what waits for a 100 waits in vain
            client.meta.events.register("before-sign.s3", lambda request, **_: request.headers.__delitem__("Expect"))
        await made.register()
        yield made


@pytest.fixture
async def s3(sandbox: "Sandbox") -> AsyncIterator[Storage]:
    async with speaking(sandbox, "s3") as made:
        yield made


@pytest.fixture
async def r2(sandbox: "Sandbox") -> AsyncIterator[Storage]:
    async with speaking(sandbox, "r2") as made:
        yield made
