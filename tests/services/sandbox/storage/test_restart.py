"""What lies in a bucket outlives the sandbox's process, if anything does."""

from pathlib import Path

import httpx
from tests.services.sandbox.conftest import NO_TLS, serve_sandbox

from .conftest import SECRET, sign

KEY, PAYLOAD = "AKIARESTART000000000", "UNSIGNED-PAYLOAD"
ACCOUNT = {"access_key_id": KEY, "secret_access_key": SECRET, "buckets": ["files"]}


async def send(method: str, url: str, content: bytes = b"", **headers: str) -> httpx.Response:
    signed = sign(method, url, KEY, "us-east-1", PAYLOAD, {name.replace("_", "-"): headers[name] for name in headers})
    async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http:
        return (await http.request(method, url, headers=signed, content=content)).raise_for_status()


async def test_objects_and_keys_are_there_again(tmp_path: Path) -> None:
    settings = {"data_file": tmp_path / "sandbox.db"}
    async with serve_sandbox(**settings, accounts={"s3": [ACCOUNT]}) as url:
        for key in ("kept", "gone"):
            await send("PUT", f"{url}/s3/v1/files/{key}", b"\x00\xff", x_amz_meta_a="1")
        await send("DELETE", f"{url}/s3/v1/files/gone")
    async with serve_sandbox(**settings) as url:
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http:
            found = await http.get(f"{url}/control/s3/buckets/files/objects")
        assert [one["key"] for one in found.json()["data"]] == ["kept"]
        answer = await send("GET", f"{url}/s3/v1/files/kept")
        assert (answer.content, answer.headers["x-amz-meta-a"]) == (b"\x00\xff", "1")


async def test_an_upload_in_parts_goes_on(tmp_path: Path) -> None:
    settings = {"data_file": tmp_path / "sandbox.db"}
    async with serve_sandbox(**settings, accounts={"s3": [ACCOUNT]}) as url:
        begun = await send("POST", f"{url}/s3/v1/files/film?uploads=")
        upload = begun.text.partition("<UploadId>")[2].partition("<")[0]
        part = await send("PUT", f"{url}/s3/v1/files/film?partNumber=1&uploadId={upload}", b"part one")
    async with serve_sandbox(**settings) as url:
        told = f"<Part><PartNumber>1</PartNumber><ETag>{part.headers['etag']}</ETag></Part>"
        document = f"<CompleteMultipartUpload>{told}</CompleteMultipartUpload>".encode()
        await send("POST", f"{url}/s3/v1/files/film?uploadId={upload}", document)
        assert (await send("GET", f"{url}/s3/v1/files/film")).content == b"part one"
    async with serve_sandbox(**settings) as url:
        assert upload not in (await send("GET", f"{url}/s3/v1/files?uploads=")).text
