"""Addresses are signed as AWS and botocore sign them, for both providers' hosts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

import botocore.auth
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from tests.providers.storage.lab import package

from onerouter_providers.objects import DownloadRequest, MultipartReference, UploadRequest
from onerouter_providers.storage.s3_protocol.client import S3Objects
from onerouter_sandbox.storage import sigv4

KEYS: Final = {
    "access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}
S3: Final = {**KEYS, "region": "eu-central-1", "bucket": "my-bucket"}
R2: Final = {**KEYS, "account_id": "0123456789abcdef0123456789abcdef", "bucket": "my-bucket"}


def nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"nothing may be sent: {request}")


def client(provider: str, credentials: Mapping[str, str], base_url: str | None = None) -> S3Objects:
    opened: S3Objects = package(provider).open(
        {name: SecretStr(value) for name, value in credentials.items()},
        http=httpx.MockTransport(nobody),
        environment="live",
        base_url=base_url,
    )
    return opened


@dataclass
class Frozen:
    """botocore's clock."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at.replace(tzinfo=None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Frozen:
    frozen = Frozen(datetime(2026, 11, 21, 16, 46, tzinfo=UTC))
    monkeypatch.setattr(botocore.auth, "get_current_datetime", frozen)
    return frozen


@pytest.mark.parametrize(
    ("name", "provider", "credentials", "key", "size"),
    [
        ("sigv4_presign_aws_put", "s3", S3, "uploads/tn_01/a b+c.pdf", 10),
        ("sigv4_presign_r2_put", "r2", R2, "uploads/a b+c.pdf", None),
    ],
)
async def test_an_upload_is_signed_as_the_vector_says(
    vectors: dict[str, Any],
    clock: Frozen,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    provider: str,
    credentials: Mapping[str, str],
    key: str,
    size: int | None,
) -> None:
    vector = vectors[name]
    clock.at = datetime.strptime(vector["amz_date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    opened = client(provider, credentials)
    # The vectors are of addresses without metadata; ours always tell whose upload it is.
    monkeypatch.setattr(type(opened), "_metadata", lambda *_: {})
    signed = await opened.presign_put(
        UploadRequest(key, "upl_1", vector["signed_headers"]["content-type"], size), expires_in_s=vector["expires"]
    )
    assert signed.url == vector["url"]
    assert {name.lower(): value for name, value in signed.required_headers.items()} == vector["signed_headers"]


@pytest.mark.usefixtures("clock")
class TestAddresses:
    @pytest.mark.parametrize(
        ("provider", "credentials", "host", "path"),
        [
            ("s3", S3, "my-bucket.s3.eu-central-1.amazonaws.com", "/k%20k"),
            ("s3", {**S3, "region": "us-east-1"}, "my-bucket.s3.us-east-1.amazonaws.com", "/k%20k"),
            ("s3", {**S3, "region": "cn-north-1"}, "my-bucket.s3.cn-north-1.amazonaws.com.cn", "/k%20k"),
            ("s3", {**S3, "bucket": "my.bucket"}, "s3.eu-central-1.amazonaws.com", "/my.bucket/k%20k"),
            ("s3", {**S3, "prefix": "a/b/"}, "my-bucket.s3.eu-central-1.amazonaws.com", "/a/b/k%20k"),
            ("r2", R2, f"{R2['account_id']}.r2.cloudflarestorage.com", "/my-bucket/k%20k"),
            (
                "r2",
                {**R2, "jurisdiction": "default"},
                f"{R2['account_id']}.r2.cloudflarestorage.com",
                "/my-bucket/k%20k",
            ),
            ("r2", {**R2, "jurisdiction": "eu"}, f"{R2['account_id']}.eu.r2.cloudflarestorage.com", "/my-bucket/k%20k"),
        ],
    )
    async def test_each_provider_has_its_own(
        self, provider: str, credentials: Mapping[str, str], host: str, path: str
    ) -> None:
        signed = await client(provider, credentials).presign_get(DownloadRequest("k k"), expires_in_s=60)
        parts = urlsplit(signed.url)
        assert (parts.scheme, parts.hostname, parts.path) == ("https", host, path)
        region = credentials.get("region", "auto")
        assert f"%2F20261121%2F{region}%2Fs3%2Faws4_request" in parts.query

    @pytest.mark.parametrize(("provider", "credentials"), [("s3", S3), ("r2", R2)])
    async def test_an_operators_address_stays_as_it_is(self, provider: str, credentials: Mapping[str, str]) -> None:
        opened = client(provider, credentials, "http://sandbox:8090/here")
        signed = await opened.presign_get(DownloadRequest("k"), expires_in_s=60)
        assert signed.url.startswith("http://sandbox:8090/here/my-bucket/k?")

    async def test_a_session_token_goes_along(self) -> None:
        opened = client("s3", {**S3, "session_token": "t" * 20})
        signed = await opened.presign_get(DownloadRequest("k"), expires_in_s=60)
        assert f"X-Amz-Security-Token={'t' * 20}" in signed.url

    @pytest.mark.parametrize(("provider", "credentials"), [("s3", S3), ("r2", R2)])
    async def test_a_part_of_known_length_is_no_other(self, provider: str, credentials: Mapping[str, str]) -> None:
        opened, reference = client(provider, credentials), MultipartReference("k", "upl_1", "theirs")
        signed = await opened.presign_part(reference, 3, expires_in_s=60, size_bytes=5)
        assert signed.required_headers == {"Content-Length": "5"}
        assert "X-Amz-SignedHeaders=content-length%3Bhost" in signed.url
        assert "partNumber=3" in signed.url
        sent = httpx.URL(signed.url)
        query = sigv4.parse_query(sent.query)
        said = sigv4.from_query(query)
        assert said is not None
        path = sent.raw_path.partition(b"?")[0]
        for length, is_good in (("5", True), ("6", False), ("4", False)):
            headers = {"host": sent.host, "content-length": length}
            secret = KEYS["secret_access_key"]
            assert sigv4.matches(secret, said, "PUT", path, query, headers) is is_good
        free = await opened.presign_part(reference, 3, expires_in_s=60)
        assert free.required_headers == {}

    async def test_it_never_says_more_than_it_holds(self) -> None:
        before = datetime.now(UTC)
        signed = await client("s3", S3).presign_get(DownloadRequest("k"), expires_in_s=60)
        assert before - timedelta(seconds=1) <= signed.expires_at - timedelta(seconds=60) <= datetime.now(UTC)

    async def test_what_everybody_may_read(self) -> None:
        public = client("s3", {**S3, "prefix": "a/", "public_base_url": "https://cdn.example.org/files/"})
        assert public.public_url("k é+%.txt") == "https://cdn.example.org/files/a/k%20%C3%A9%2B%25.txt"
        assert client("s3", S3).public_url("k") is None


KEY = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\\"), min_size=1
).filter(lambda key: not key.startswith("/") and len(key.encode()) <= 1_000 and not {".", ".."} & set(key.split("/")))
OPENED: Final = client("r2", R2)


@settings(max_examples=100, deadline=None)
@given(key=KEY, name=KEY)
async def test_whatever_the_key_the_signature_is_over_its_address(key: str, name: str) -> None:
    """By the sandbox's own reckoning, after the address went through a client that writes addresses its own way."""
    signed = await OPENED.presign_get(DownloadRequest(key, filename=name), expires_in_s=60)
    sent = httpx.URL(signed.url)
    query = sigv4.parse_query(sent.query)
    said = sigv4.from_query(query)
    assert said is not None
    path = sent.raw_path.partition(b"?")[0]
    assert unquote_to_bytes(path) == f"/my-bucket/{key}".encode()
    assert sigv4.matches(KEYS["secret_access_key"], said, "GET", path, query, {"host": sent.host})
