"""Who is let in, and with which words the others are not."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.services.sandbox.conftest import NO_TLS

if TYPE_CHECKING:
    from .conftest import Storage


async def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]


async def fetch(url: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http:
        return await told(await http.request(method, url, headers=headers))


class TestHeader:
    async def test_a_signed_request_is_let_in(self, s3: "Storage") -> None:
        assert (await s3.send("PUT", f"/{s3.bucket}/k", content=b"x", headers={"x-amz-meta-a": "1"})).status_code == 200
        assert (await s3.send("GET", f"/{s3.bucket}/k")).content == b"x"

    async def test_nobody_is_not(self, s3: "Storage") -> None:
        assert await fetch(f"{s3.url}/{s3.bucket}/k") == (403, "AccessDenied")
        assert await fetch(f"{s3.url}/{s3.bucket}/k", authorization="AWS AKIA:x") == (400, "InvalidRequest")
        assert await fetch(f"{s3.url}/{s3.bucket}/k", authorization="Bearer x") == (400, "AuthorizationHeaderMalformed")

    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            ({"secret": "w" * 40}, (403, "SignatureDoesNotMatch")),
            ({"ago_s": 1_000}, (403, "RequestTimeTooSkewed")),
            ({"ago_s": -1_000}, (403, "RequestTimeTooSkewed")),
            ({"service": "sns"}, (400, "AuthorizationHeaderMalformed")),
        ],
    )
    async def test_a_wrong_one_is_not(self, s3: "Storage", said: dict[str, Any], expected: tuple[int, str]) -> None:
        assert await told(await s3.send("GET", f"/{s3.bucket}/k", **said)) == expected

    async def test_a_body_that_was_changed_on_the_way(self, s3: "Storage") -> None:
        answer = await s3.send("PUT", f"/{s3.bucket}/k", content=b"x", payload="0" * 64)
        assert await told(answer) == (400, "XAmzContentSHA256Mismatch")

    async def test_a_header_that_was_added_on_the_way(self, s3: "Storage") -> None:
        answer = await s3.send("PUT", f"/{s3.bucket}/k", content=b"x", unsigned={"x-amz-meta-a": "1"})
        assert await told(answer) == (403, "AccessDenied")

    async def test_the_region_is_told(self, s3: "Storage") -> None:
        s3.region = "us-east-1"
        answer = await s3.send("GET", f"/{s3.bucket}/k")
        assert await told(answer) == (400, "AuthorizationHeaderMalformed")
        assert "<Region>eu-central-1</Region>" in answer.text

    async def test_temporary_credentials_need_their_token(self, s3: "Storage") -> None:
        await s3.register(session_token="token-1")
        assert await told(await s3.send("GET", f"/{s3.bucket}/k")) == (400, "InvalidToken")
        answer = await s3.send("GET", f"/{s3.bucket}/k", headers={"x-amz-security-token": "token-1"})
        assert await told(answer) == (404, "NoSuchKey")

    async def test_an_unknown_key_in_each_ones_words(self, s3: "Storage", r2: "Storage") -> None:
        s3.key, r2.key = "AKIANOBODYSKEY000000", "f" * 32
        assert await told(await s3.send("GET", f"/{s3.bucket}/k")) == (403, "InvalidAccessKeyId")
        assert await told(await r2.send("GET", f"/{r2.bucket}/k")) == (401, "Unauthorized")


class TestAddress:
    async def test_it_lets_in_whoever_has_it_until_it_expires(self, s3: "Storage", r2: "Storage") -> None:
        for storage, expired in ((s3, (403, "AccessDenied")), (r2, (400, "ExpiredRequest"))):
            await storage.s3.put_object(Bucket=storage.bucket, Key="a b+c", Body=b"x")
            url = await storage.presign("get_object", Key="a b+c", expires_in=60)
            assert (await fetch(url))[0] == 200
            await storage.advance(61)
            assert await fetch(url) == expired

    async def test_it_is_for_one_method_and_one_object(self, s3: "Storage") -> None:
        url = await s3.presign("get_object", Key="k")
        assert await fetch(url, "PUT") == (403, "SignatureDoesNotMatch")
        assert await fetch(url.replace("/k?", "/l?")) == (403, "SignatureDoesNotMatch")
        assert await fetch(url + "&response-content-type=text%2Fhtml") == (403, "SignatureDoesNotMatch")

    async def test_what_is_malformed(self, s3: "Storage") -> None:
        url = await s3.presign("get_object", Key="k")
        bad = (400, "AuthorizationQueryParametersError")
        assert await fetch(url.replace("X-Amz-Expires=60", "X-Amz-Expires=604801")) == bad
        assert await fetch(url.replace("eu-central-1", "us-east-1")) == bad
        assert await fetch(url.partition("&X-Amz-Signature")[0]) == bad
        assert await fetch(url, authorization="AWS4-HMAC-SHA256 x") == (400, "InvalidArgument")
        old = f"{s3.url}/{s3.bucket}/k?AWSAccessKeyId={s3.key}&Signature=x&Expires=1"
        assert await fetch(old) == (400, "InvalidRequest")


class TestPolicy:
    async def test_a_bucket_of_others_and_of_nobody(self, s3: "Storage") -> None:
        await s3.sandbox.ask(
            "/s3/accounts", access_key_id="AKIAOTHER00000000000", secret_access_key="o" * 40, buckets=["others"]
        )
        assert await told(await s3.send("GET", "/others/k")) == (403, "AccessDenied")
        assert await told(await s3.send("GET", "/nobodys/k")) == (404, "NoSuchBucket")

    async def test_who_may_only_read(self, s3: "Storage") -> None:
        await s3.s3.put_object(Bucket=s3.bucket, Key="k", Body=b"x")
        await s3.register(may_write=False)
        assert await s3.refused("put_object", Key="k", Body=b"y") == (403, "AccessDenied")
        assert await s3.refused("delete_object", Key="k") == (403, "AccessDenied")
        assert (await s3.send("GET", f"/{s3.bucket}/k")).content == b"x"

    async def test_who_may_not_list_is_not_told_what_is_absent(self, s3: "Storage") -> None:
        await s3.register(may_list=False)
        assert await s3.refused("list_objects_v2") == (403, "AccessDenied")
        assert await s3.refused("get_object", Key="k") == (403, "AccessDenied")
