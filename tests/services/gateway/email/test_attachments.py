"""Files of an email: kept before the command, named in it by id, refused when they lie, and bounded."""

import asyncio
import base64
import gc
import gzip
import json
import os
import time
from typing import Any

import pytest

EMAIL = "/v1/email"
MAIL = {"to": "ada@example.com", "subject": "Your order", "text_body": "It is on its way."}
PDF = b"%PDF-1.7\n" + b"x" * 50


def file(content: bytes = PDF, **said: Any) -> dict[str, Any]:
    return {"filename": "invoice.pdf", "content": base64.b64encode(content).decode(), **said}


class TestAttachments:
    async def test_they_are_kept_before_the_command(self, world: Any, shop: Any) -> None:
        files = [file(), file(b"a,b\n", filename="é tab.csv", content_type="text/csv; charset=utf-8", content_id="t-1")]
        payload = (await shop.command("POST", EMAIL, {**MAIL, "attachments": files})).payload
        first, second = payload["attachments"]
        assert first["attachment_id"].startswith("atc_")
        assert {**first, "attachment_id": ""} == {
            "attachment_id": "",
            "filename": "invoice.pdf",
            "content_type": "application/pdf",
            "size_bytes": len(PDF),
        }
        assert (second["filename"], second["content_type"], second["content_id"]) == ("é tab.csv", "text/csv", "t-1")
        kept = world.desk.files(shop.tenant.id)
        assert [(one.body, one.content_type) for one in kept] == [(PDF, "application/pdf"), (b"a,b\n", "text/csv")]
        assert files[0]["content"] not in json.dumps(payload), "bytes never cross the log"

    async def test_what_is_in_them_is_part_of_the_request(self, shop: Any) -> None:
        content = base64.b64encode(PDF).decode()
        same = [
            file(),
            file(content=PDF, content_type="application/PDF"),
            {**file(), "content": f"{content[:9]}\r\n{content[9:]}"},
        ]
        commands = [await shop.command("POST", EMAIL, {**MAIL, "attachments": [one]}) for one in same]
        assert len({command.fingerprint for command in commands}) == 1
        other = await shop.command("POST", EMAIL, {**MAIL, "attachments": [file(PDF + b"y")]})
        assert other.fingerprint != commands[0].fingerprint

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"content": "not base64!"}, "content"),
            ({"content": "YQ"}, "content"),
            ({"content": ""}, "content"),
            ({"content": None}, "content"),
            ({"content": 5}, "content"),
            ({"filename": None}, "filename"),
            ({"filename": ""}, "filename"),
            ({"filename": " "}, "filename"),
            ({"filename": "../../etc/passwd"}, "filename"),
            ({"filename": "C:\\x.pdf"}, "filename"),
            ({"filename": 'a".pdf'}, "filename"),
            ({"filename": "a\r\nX-Evil: 1.pdf"}, "filename"),
            ({"filename": "invoice\u202efdp.exe"}, "filename"),
            ({"filename": "invoice\u202efdp.txt"}, "filename"),
            ({"filename": "x" * 201}, "filename"),
            ({"filename": "invoice.exe"}, "filename"),
            ({"content_type": "image/png"}, "content_type"),
            ({"content_type": "pdf"}, "content_type"),
            ({"content_type": "application/pdf\r\nX: y"}, "content_type"),
            ({"content_id": "a b"}, "content_id"),
            ({"content_id": "<a>"}, "content_id"),
            ({"content_id": "a\r\nb"}, "content_id"),
        ],
    )
    async def test_what_is_wrong_is_named_with_its_place(
        self, world: Any, shop: Any, said: dict[str, Any], field: str
    ) -> None:
        wrong = {name: value for name, value in {**file(), **said}.items() if value is not None}
        assert await shop.names("POST", EMAIL, {**MAIL, "attachments": [file(), wrong]}) == f"attachments.1.{field}"
        assert not world.desk.files(shop.tenant.id)

    async def test_a_program_under_another_name_is_refused(self, shop: Any) -> None:
        program = b"MZ" + b"\0" * 58 + (64).to_bytes(4, "little") + b"PE\0\0"
        for said in ({"filename": "invoice.pdf", "content_type": "application/octet-stream"}, {"filename": "a.png"}):
            body = {**MAIL, "attachments": [file(program, **said)]}
            assert await shop.names("POST", EMAIL, body) == "attachments.0.filename"

    async def test_twenty_are_enough(self, shop: Any) -> None:
        assert await shop.names("POST", EMAIL, {**MAIL, "attachments": [file()] * 21}) == "attachments"
        same = [file(content_id="a"), file(content_id="a")]
        assert await shop.names("POST", EMAIL, {**MAIL, "attachments": same}) == "attachments"

    @pytest.mark.parametrize(("status", "answered"), [(413, 413), (422, 422), (429, 429), (409, 503)])
    async def test_what_cannot_be_kept_is_not_sent(self, world: Any, shop: Any, status: int, answered: int) -> None:
        world.desk.refuses_files = status
        try:
            await shop.refused("POST", EMAIL, {**MAIL, "attachments": [file()]}, status=answered)
        finally:
            world.desk.refuses_files = None

    async def test_they_are_not_kept_for_another_request_under_a_key(self, world: Any, shop: Any) -> None:
        first = await shop.ask("POST", EMAIL, MAIL, idempotency_key="k-1")
        command = shop.command_of(first.headers["x-onerouter-operation-id"])
        world.messaging.operations[command.operation_id] = shop.tenant.operation(
            command, state="succeeded", result=first.json(), made_by="cmd_first"
        )
        other = await shop.ask("POST", EMAIL, {**MAIL, "attachments": [file()]}, idempotency_key="k-1")
        assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED"), other.text
        assert not world.desk.files(shop.tenant.id)

    @pytest.mark.parametrize(
        "said",
        [{"content_type": "application/octet-stream"}, {"content_type": "text/plain"}, {"content_type": "text/html"}],
    )
    async def test_a_name_that_lies_is_refused(self, shop: Any, said: dict[str, str]) -> None:
        body = {**MAIL, "attachments": [file(b"<html><script>alert(1)</script>", **said)]}
        assert await shop.names("POST", EMAIL, body) == "attachments.0.filename"

    @pytest.mark.parametrize("path", [EMAIL, f"{EMAIL}/bulk"])
    async def test_they_are_not_kept_for_what_the_quota_has_no_room_for(self, world: Any, path: str) -> None:
        async with world.gateway(quota_debt=0) as gateway:  # nothing stands in for the registry's lending
            tenant = world.tenant(quotas={"email": 5})
            to = {"to": "a@example.com"} if path == EMAIL else {"recipients": [{"to": "a@example.com"}]}
            body = {"subject": "s", "text_body": "t", "attachments": [file()], **to}
            answer = await gateway.http.post(path, json=body, headers=tenant.auth)
            assert (answer.status_code, answer.json()["effect"]) == (503, "none"), answer.text
            assert "quota" in answer.json()["detail"]
            assert not world.desk.files(tenant.id)

    async def test_bulk_sends_share_them(self, world: Any, shop: Any) -> None:
        recipients = [{"to": f"a{n}@example.com"} for n in range(10)]
        body = {"subject": "S", "text": "t", "recipients": recipients, "attachments": [file()]}
        payload = (await shop.command("POST", f"{EMAIL}/bulk", body)).payload
        assert len(payload["common"]["attachments"]) == 1
        assert len(world.desk.files(shop.tenant.id)) == 1

    async def test_digits_in_a_file_are_no_card_number(self, shop: Any) -> None:
        # Base64 of which a whole group is digits that pass the Luhn check.
        content = base64.b64decode("4111111111111111")
        body = {**MAIL, "attachments": [file(content, filename="a.bin")]}
        assert body["attachments"][0]["content"] == "4111111111111111"  # type: ignore[index]
        await shop.command("POST", EMAIL, body)
        assert await shop.names("POST", EMAIL, {**body, "text_body": "4111111111111111"}) == "text_body"
        named = {**MAIL, "attachments": [file(filename="4111 1111 1111 1111.pdf")]}
        assert await shop.names("POST", EMAIL, named) == "attachments.0.filename"


class TestLarge:
    async def test_megabytes_are_taken_without_keeping_others_waiting(self, world: Any, shop: Any) -> None:
        content = b"%PDF-1.7\n" + os.urandom(6_000_000)
        body = {**MAIL, "subject": "Grüße", "attachments": [file(content)]}  # its escapes make every text be searched

        async def longest_turn() -> float:
            """CPU seconds of this thread, in which the gateway runs: other processes do not count."""
            longest = 0.0
            while not sending.done():
                began = time.thread_time()
                await asyncio.sleep(0)
                longest = max(longest, time.thread_time() - began)
            return longest

        raw = json.dumps(body).encode()
        sending = asyncio.create_task(shop.ask("POST", EMAIL, raw))
        longest = await longest_turn()
        answer = await sending
        assert answer.status_code == 201, answer.text
        assert world.desk.files(shop.tenant.id)[0].body == content
        assert longest < 0.15

    async def test_all_together_have_a_bound(self, shop: Any) -> None:
        half = b"%PDF-1.7\n" + b"x" * 3_760_000
        (error,) = await shop.refused("POST", EMAIL, {**MAIL, "attachments": [file(half), file(half)]}, status=413)
        assert error["field"] == "attachments.1.content"

    async def test_more_than_ten_mebibytes_are_not_read(self, shop: Any) -> None:
        raw = json.dumps({**MAIL, "attachments": [file(b"x" * 8_000_000)]}).encode()
        assert len(raw) > 10 << 20
        await shop.refused("POST", EMAIL, raw, status=413)
        await shop.refused("POST", EMAIL, gzip.compress(raw), status=413, content_encoding="gzip")

    @pytest.mark.parametrize(
        "path", ["/v1/sms", "/v1/sms/bulk", "/v1/payments", "/v1/email/templates", "/api/v1/services/sms"]
    )
    async def test_only_email_may_be_so_large(self, shop: Any, path: str) -> None:
        raw = json.dumps({"body": "x" * (1 << 20)}).encode()
        await shop.refused("POST", path, raw, status=413)

    async def test_a_stranger_takes_no_place(self, shop: Any) -> None:
        raw = json.dumps({**MAIL, "attachments": [file(b"x" * 2_000_000)]}).encode()
        answer = await shop.ask("POST", EMAIL, raw, auth={"Authorization": "Bearer unf_test_wrong"})
        assert answer.status_code == 401

    async def test_who_drips_keeps_nobody_waiting(self, world: Any) -> None:
        async with world.gateway(max_large_bodies=2) as gateway:
            bodies = gateway.app.state.gateway.admission._large
            tenant, other = world.tenant(), world.tenant()
            large = json.dumps({**MAIL, "attachments": [file(b"%PDF-" + b"x" * 1_500_000)]}).encode()
            cut = len(large) - 10
            finished = asyncio.Event()

            async def slow() -> Any:
                yield large[:cut]
                await finished.wait()
                yield large[cut:]

            def send(who: Any, content: Any) -> Any:
                headers = {**who.auth, "Content-Type": "application/json"}
                return asyncio.create_task(gateway.http.post(EMAIL, content=content, headers=headers))

            dripping = [send(tenant, slow()) for _ in range(4)]
            async with asyncio.timeout(60):
                while not (of_it := bodies._tenants.get(tenant.id)) or not of_it.places.locked():
                    await asyncio.sleep(0.01)
            assert (await send(other, large)).status_code == 201
            bodies._wait_s = 0.3  # of the fifth alone: whoever is to get a place may wait for it
            fifth = await send(tenant, large)
            bodies._wait_s = 60.0
            assert (fifth.status_code, fifth.json()["effect"], fifth.headers["retry-after"]) == (429, "none", "2")
            assert "4 of your requests with large" in fifth.json()["detail"]
            assert (await send(tenant, json.dumps(MAIL).encode())).status_code == 201, "small ones need no place"
            finished.set()
            assert {(await one).status_code for one in dripping} == {201}

    async def test_millions_of_values_do_not_stop_the_loop(self, shop: Any) -> None:
        bomb = gzip.compress(b'{"to":"a@b.co","x":[' + b"{}," * 3_400_000 + b"{}]}")
        assert len(bomb) < 20_000
        (answer, longest) = await _longest_gap(shop.ask("POST", EMAIL, bomb, content_encoding="gzip"))
        assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
        assert "100,000 values" in answer.json()["detail"]
        assert longest < 1

    @pytest.mark.parametrize("field", ["to", "cc", "headers", "metadata", "tags", "variables", "x"])
    async def test_as_many_values_as_may_be_do_not_either(self, shop: Any, field: str) -> None:
        value = (
            {str(n): {} for n in range(45_000)}
            if field in {"headers", "metadata"}
            else ["4 1 1 1", {"a": 1.5}] * 20_000
        )
        raw = json.dumps({**MAIL, field: value}).encode()
        answer, longest = await _longest_gap(shop.ask("POST", EMAIL, raw))
        assert answer.status_code == (201 if field == "x" else 422)
        assert len(answer.content) < 100_000
        assert longest < 1


async def _longest_gap(asking: Any) -> tuple[Any, float]:
    """The answer, and the longest time in which the loop did nothing else, in CPU seconds of this process.

    Of all its threads: one that keeps the interpreter to itself stops the loop, too. Other processes do not count.
    """
    gc.collect()  # what other tests left
    task = asyncio.create_task(asking)
    longest, last = 0.0, time.process_time()
    while not task.done():
        await asyncio.sleep(0.001)
        now = time.process_time()
        longest, last = max(longest, now - last), now
    return await task, longest
