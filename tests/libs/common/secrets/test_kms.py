"""Data keys wrapped by AWS KMS: its own client against moto's server, which encrypts for real."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr
from tests.aws_kms import REGION, new_key, running_kms

from onerouter_common.errors import Overloaded
from onerouter_common.secrets import AwsKms, DataKey, KeyRing, KmsKey, KmsOptions, SecretUnopenable, wrapper_of
from onerouter_local.ports import free_port

OWNER = ("ten_1", "live")
PLACE = ("ten_1", "con_1", "key_secret")


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    with running_kms() as url:
        yield url


@pytest.fixture(scope="module")
async def kms(aws: str) -> AsyncIterator[AwsKms]:
    async with AwsKms(KmsOptions(region=REGION, endpoint_url=aws, timeout_s=20)) as opened:
        yield opened


async def ring_of(kms: AwsKms, key: str) -> KeyRing:
    return KeyRing.parse(f"kms1:aws-kms:{key}", kms)


class TestWrapping:
    @pytest.mark.parametrize("named_by", ["arn", "alias", "id"])
    async def test_a_data_key_goes_there_and_back(self, kms: AwsKms, named_by: str) -> None:
        arn = await new_key(kms, f"alias/onerouter-{named_by}")
        name = {"arn": arn, "alias": f"alias/onerouter-{named_by}", "id": arn.rpartition("/")[2]}[named_by]
        data_key, wrapped = await (await ring_of(kms, name)).new_data_key(bound_to=OWNER)
        sealed = data_key.seal(SecretStr("secret"), bound_to=PLACE)
        fresh = await (await ring_of(kms, name)).open_data_key(data_key.id, wrapped, bound_to=OWNER)
        assert fresh.open(sealed, bound_to=PLACE).get_secret_value() == "secret"
        assert wrapper_of(wrapped) == "kms1"

    @pytest.mark.parametrize("owner", [("ten_2", "live"), ("ten_1", "test"), ("ten_1/live",), ("ten_1",)])
    async def test_another_tenants_or_environments_context_is_refused(
        self, kms: AwsKms, owner: tuple[str, ...]
    ) -> None:
        ring = await ring_of(kms, await new_key(kms))
        data_key, wrapped = await ring.new_data_key(bound_to=OWNER)
        with pytest.raises(SecretUnopenable, match="wrapped for another place"):
            await ring.open_data_key(data_key.id, wrapped, bound_to=owner)
        with pytest.raises(SecretUnopenable, match="wrapped for another place"):
            await ring.open_data_key("dk_other", wrapped, bound_to=OWNER)

    async def test_a_changed_ciphertext_is_refused(self, kms: AwsKms) -> None:
        ring = await ring_of(kms, await new_key(kms))
        data_key, wrapped = await ring.new_data_key(bound_to=OWNER)
        for changed in (wrapped[:-4] + "AAAA", wrapped[:-4], wrapped.replace("kms1.kms1", "v1.kms1"), f"{wrapped}!"):
            with pytest.raises(SecretUnopenable):
                await ring.open_data_key(data_key.id, changed, bound_to=OWNER)

    async def test_a_key_that_does_not_exist_is_named(self, kms: AwsKms) -> None:
        known = await ring_of(kms, await new_key(kms))
        data_key, wrapped = await known.new_data_key(bound_to=OWNER)
        gone = await ring_of(kms, "alias/nobody-made-this")
        with pytest.raises(SecretUnopenable, match="alias/nobody-made-this"):
            await gone.open_data_key(data_key.id, wrapped, bound_to=OWNER)
        with pytest.raises(Overloaded):  # nothing was stored yet, so nothing is lost: the operator mends the ring
            await gone.new_data_key(bound_to=OWNER)


class TestCannotBeUsed:
    """What passes, or what an operator can undo, is never said to be lost."""

    async def test_a_disabled_key_is_a_matter_of_waiting(self, kms: AwsKms) -> None:
        arn = await new_key(kms)
        data_key, wrapped = await (await ring_of(kms, arn)).new_data_key(bound_to=OWNER)
        fresh, client = await ring_of(kms, arn), await kms._client()
        await client.disable_key(KeyId=arn.rpartition("/")[2])
        for use in (fresh.open_data_key(data_key.id, wrapped, bound_to=OWNER), fresh.new_data_key(bound_to=OWNER)):
            with pytest.raises(Overloaded, match="refuses") as refused:
                await use
            assert refused.value.retry_after_s
        await client.enable_key(KeyId=arn.rpartition("/")[2])
        assert await fresh.open_data_key(data_key.id, wrapped, bound_to=OWNER) == data_key

    async def test_nobody_listens(self, kms: AwsKms, aws: str) -> None:
        data_key, wrapped = await (await ring_of(kms, await new_key(kms))).new_data_key(bound_to=OWNER)
        options = KmsOptions(region=REGION, endpoint_url=f"http://127.0.0.1:{free_port()}", timeout_s=2)
        async with AwsKms(options) as away:
            ring = await ring_of(away, "alias/x")
            with pytest.raises(Overloaded) as refused:
                await ring.open_data_key(data_key.id, wrapped, bound_to=OWNER)
        assert refused.value.retry_after_s

    async def test_somebody_listens_and_says_nothing(self, aws: str) -> None:
        over = asyncio.Event()

        async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await over.wait()
            writer.close()

        async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            options = KmsOptions(region=REGION, endpoint_url=f"http://127.0.0.1:{port}", timeout_s=0.5)
            async with AwsKms(options) as hung:
                ring = await ring_of(hung, "alias/x")
                async with asyncio.timeout(60):
                    with pytest.raises(Overloaded):
                        await ring.new_data_key(bound_to=OWNER)
            over.set()

    async def test_no_region_and_no_credentials(self, aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
        async with AwsKms(KmsOptions(endpoint_url=aws)) as nowhere:
            with pytest.raises(Overloaded):
                await (await ring_of(nowhere, "alias/x")).new_data_key(bound_to=OWNER)

    async def test_a_ring_that_was_only_checked(self) -> None:
        with pytest.raises(RuntimeError, match="without a KMS"):
            await KeyRing.parse("k:aws-kms:alias/x").new_data_key(bound_to=OWNER)


async def test_from_a_local_key_to_the_kms_and_back(kms: AwsKms) -> None:
    local, remote = KeyRing.generate("local"), f"remote:aws-kms:{await new_key(kms)}"
    data_key, wrapped = await KeyRing.parse(local).new_data_key(bound_to=OWNER)
    sealed = data_key.seal(SecretStr("secret"), bound_to=PLACE)
    there = await KeyRing.parse(f"{remote},{local}", kms).rewrap(data_key.id, wrapped, bound_to=OWNER)
    assert there is not None
    assert await KeyRing.parse(f"{remote},{local}", kms).rewrap(data_key.id, there, bound_to=OWNER) is None
    opened = await KeyRing.parse(remote, kms).open_data_key(data_key.id, there, bound_to=OWNER)
    assert opened.open(sealed, bound_to=PLACE).get_secret_value() == "secret"
    back = await KeyRing.parse(f"{local},{remote}", kms).rewrap(data_key.id, there, bound_to=OWNER)
    assert back is not None
    assert await KeyRing.parse(local).open_data_key(data_key.id, back, bound_to=OWNER) == data_key


async def test_an_entry_of_another_kind_under_the_same_id_opens_nothing(kms: AwsKms) -> None:
    local, remote = KeyRing.parse(KeyRing.generate("k")), KeyRing.parse(f"k:aws-kms:{await new_key(kms)}", kms)
    for one, other in ((local, remote), (remote, local)):
        data_key, wrapped = await one.new_data_key(bound_to=OWNER)
        with pytest.raises(SecretUnopenable):
            await other.open_data_key(data_key.id, wrapped, bound_to=OWNER)


@dataclass
class Counted:
    """A KMS that counts: what reaches it is not what a test of remembering is about."""

    asked: int = 0
    contexts: list[Mapping[str, str]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    fails: bool = False

    async def encrypt(self, key: str, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        self.contexts.append(context)
        return plaintext

    async def decrypt(self, key: str, ciphertext: bytes, context: Mapping[str, str]) -> bytes:
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise Overloaded("away")
        return ciphertext


class TestRemembering:
    now = 0.0

    def key(self, kms: Counted, **more: Any) -> KmsKey:
        return KmsKey("k", "alias/x", kms, monotonic=lambda: self.now, **more)

    async def wrapped(self) -> tuple[DataKey, str]:
        data_key = DataKey.new()
        return data_key, await self.key(Counted()).wrap(data_key, OWNER)

    async def test_for_five_minutes(self) -> None:
        kms, (data_key, wrapped) = Counted(), await self.wrapped()
        key = self.key(kms)
        for self.now, asked in ((0.0, 1), (299.0, 1), (301.0, 2), (302.0, 2)):
            assert await key.unwrap(data_key.id, wrapped, OWNER) == data_key
            assert kms.asked == asked

    async def test_what_was_just_wrapped_is_not_asked_for(self) -> None:
        kms, data_key = Counted(), DataKey.new()
        key = self.key(kms)
        assert await key.unwrap(data_key.id, await key.wrap(data_key, OWNER), OWNER) == data_key
        assert kms.asked == 0
        assert kms.contexts == [{"onerouter:bound_to": "ten_1/live", "onerouter:data_key": data_key.id}]

    async def test_only_for_the_owner_who_asked(self) -> None:
        kms, (data_key, wrapped) = Counted(), await self.wrapped()
        key = self.key(kms)
        await key.unwrap(data_key.id, wrapped, OWNER)
        await key.unwrap(data_key.id, wrapped, ("ten_2", "live"))
        assert kms.asked == 2

    async def test_a_bound_number(self) -> None:
        kms, made = Counted(), [await self.wrapped() for _ in range(3)]
        key = self.key(kms, remembered=2)
        for data_key, wrapped in (*made, made[2], made[1], made[0]):
            assert await key.unwrap(data_key.id, wrapped, OWNER) == data_key
        assert kms.asked == 4
        assert len(key._known) == 2

    async def test_many_at_once_are_one_question_that_survives_who_asked_first(self) -> None:
        kms, (data_key, wrapped) = Counted(gate=asyncio.Event()), await self.wrapped()
        key = self.key(kms)
        tasks = [asyncio.create_task(key.unwrap(data_key.id, wrapped, OWNER)) for _ in range(20)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        assert kms.gate is not None
        kms.gate.set()
        answers = await asyncio.gather(*tasks[1:])
        assert answers == [data_key] * 19
        assert kms.asked == 1

    async def test_a_failure_is_not_remembered(self) -> None:
        kms, (data_key, wrapped) = Counted(fails=True), await self.wrapped()
        key = self.key(kms)
        with pytest.raises(Overloaded):
            await key.unwrap(data_key.id, wrapped, OWNER)
        kms.fails = False
        assert await key.unwrap(data_key.id, wrapped, OWNER) == data_key

    async def test_nothing_is_printed(self) -> None:
        kms = Counted()
        data_key, key = DataKey("dk_1", b"k" * 32), self.key(kms)
        await key.wrap(data_key, OWNER)
        assert "kkk" not in repr(key) + repr(vars(key))
