import copy
import dataclasses
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from tests.sealing import new_data_key

from onerouter_common.secrets import (
    DataKey,
    KeyRing,
    LocalKey,
    SecretUnopenable,
    data_key_of_bytes,
    open_sealed,
    wrapper_of,
)

TENANT, ENVIRONMENT, CONNECTION = "ten_1", "test", "con_1"
OWNER = (TENANT, ENVIRONMENT)
PLACE = (TENANT, CONNECTION, "key_secret")
PLAIN = SecretStr("rzp_secret_value")

RING_TEXT = KeyRing.generate("k1")
RING = KeyRing.parse(RING_TEXT)
KEY, WRAPPED = new_data_key(RING_TEXT, OWNER)
SEALED = KEY.seal(PLAIN, bound_to=PLACE)

texts = st.text(st.characters(exclude_categories=["Cs"]))
places = st.lists(texts, max_size=4).map(tuple)


@given(texts, st.lists(texts, max_size=4).map(tuple))
def test_what_is_sealed_opens_at_its_place(plaintext: str, place: tuple[str, ...]) -> None:
    sealed = KEY.seal(SecretStr(plaintext), bound_to=place)
    assert KEY.open(sealed, bound_to=place).get_secret_value() == plaintext
    assert sealed.isascii()


@given(st.lists(texts, max_size=4).map(tuple), st.lists(texts, max_size=4).map(tuple))
def test_it_opens_nowhere_else(place: tuple[str, ...], other: tuple[str, ...]) -> None:
    sealed = KEY.seal(PLAIN, bound_to=place)
    if place == other:
        return
    with pytest.raises(SecretUnopenable):
        KEY.open(sealed, bound_to=other)


@pytest.mark.parametrize(
    "place",
    [
        ("ten_2", CONNECTION, "key_secret"),
        (TENANT, "con_2", "key_secret"),
        (TENANT, CONNECTION, "webhook_secret"),
        ("ten_1con_1", "", "key_secret"),
        (CONNECTION, TENANT, "key_secret"),
        (TENANT, CONNECTION),
        (),
    ],
)
def test_a_swap_between_tenants_connections_or_fields_does_not_open(place: tuple[str, ...]) -> None:
    with pytest.raises(SecretUnopenable):
        KEY.open(SEALED, bound_to=place)


def test_another_data_key_does_not_open() -> None:
    other = DataKey.new()
    with pytest.raises(SecretUnopenable):
        other.open(SEALED, bound_to=PLACE)
    renamed = SEALED.replace(KEY.id, other.id)
    with pytest.raises(SecretUnopenable):
        other.open(renamed, bound_to=PLACE)


@given(st.integers(min_value=0, max_value=len(SEALED) - 1), st.integers(min_value=0, max_value=6))
def test_any_flipped_bit_of_a_sealed_value_does_not_open(position: int, bit: int) -> None:
    changed = SEALED[:position] + chr(ord(SEALED[position]) ^ (1 << bit)) + SEALED[position + 1 :]
    with pytest.raises(SecretUnopenable):
        KEY.open(changed, bound_to=PLACE)


@given(st.integers(min_value=0, max_value=len(WRAPPED) - 1), st.integers(min_value=0, max_value=6))
async def test_any_flipped_bit_of_a_wrapped_key_does_not_open(position: int, bit: int) -> None:
    changed = WRAPPED[:position] + chr(ord(WRAPPED[position]) ^ (1 << bit)) + WRAPPED[position + 1 :]
    with pytest.raises(SecretUnopenable):
        await RING.open_data_key(KEY.id, changed, bound_to=OWNER)


@given(st.text(max_size=80))
def test_what_is_no_sealed_value_is_refused_as_such(text: str) -> None:
    with pytest.raises(SecretUnopenable):
        KEY.open(text, bound_to=PLACE)


@pytest.mark.parametrize("cut", [1, 5, 20, len(SEALED) - 1])
def test_a_part_of_it_does_not_open(cut: int) -> None:
    with pytest.raises(SecretUnopenable):
        KEY.open(SEALED[:-cut], bound_to=PLACE)


@pytest.mark.parametrize("nonce", ["", "AAAA", "A" * 15, "A" * 17, "A" * 400])
def test_a_nonce_of_another_length_is_refused(nonce: str) -> None:
    version, key_id, _, ciphertext = SEALED.split(".")
    with pytest.raises(SecretUnopenable):
        KEY.open(".".join((version, key_id, nonce, ciphertext)), bound_to=PLACE)


def test_the_same_secret_is_never_sealed_the_same_twice() -> None:
    assert len({KEY.seal(PLAIN, bound_to=PLACE) for _ in range(100)}) == 100


async def test_a_wrapped_key_of_another_tenant_environment_or_name_does_not_open() -> None:
    for owner in (("ten_2", ENVIRONMENT), (TENANT, "live"), (TENANT,)):
        with pytest.raises(SecretUnopenable):
            await RING.open_data_key(KEY.id, WRAPPED, bound_to=owner)
    with pytest.raises(SecretUnopenable):
        await RING.open_data_key("dk_other", WRAPPED, bound_to=OWNER)


class TestRotation:
    old, new = KeyRing.generate("old"), KeyRing.generate("new")

    async def test_a_rewrapped_key_is_the_same_key_under_the_new_one(self) -> None:
        key, wrapped = await KeyRing.parse(self.old).new_data_key(bound_to=OWNER)
        sealed = key.seal(PLAIN, bound_to=PLACE)
        rewrapped = await KeyRing.parse(f"{self.new},{self.old}").rewrap(key.id, wrapped, bound_to=OWNER)
        assert rewrapped is not None
        opened = await KeyRing.parse(self.new).open_data_key(key.id, rewrapped, bound_to=OWNER)
        assert opened.open(sealed, bound_to=PLACE) == PLAIN

    async def test_both_forms_open_while_both_keys_are_in_the_ring(self) -> None:
        key, wrapped = await KeyRing.parse(self.old).new_data_key(bound_to=OWNER)
        ring = KeyRing.parse(f"{self.new},{self.old}")
        rewrapped = await ring.rewrap(key.id, wrapped, bound_to=OWNER)
        assert rewrapped is not None
        assert await ring.open_data_key(key.id, wrapped, bound_to=OWNER) == key
        assert await ring.open_data_key(key.id, rewrapped, bound_to=OWNER) == key

    async def test_what_is_under_the_primary_key_is_left_alone(self) -> None:
        ring = KeyRing.parse(f"{self.new},{self.old}")
        key, wrapped = await ring.new_data_key(bound_to=OWNER)
        assert await ring.rewrap(key.id, wrapped, bound_to=OWNER) is None

    async def test_a_key_that_was_dropped_opens_nothing(self) -> None:
        key, wrapped = await KeyRing.parse(self.old).new_data_key(bound_to=OWNER)
        with pytest.raises(SecretUnopenable, match="'old', which is not in the keyring"):
            await KeyRing.parse(self.new).open_data_key(key.id, wrapped, bound_to=OWNER)

    async def test_another_key_under_the_same_id_opens_nothing(self) -> None:
        key, wrapped = await KeyRing.parse(self.old).new_data_key(bound_to=OWNER)
        with pytest.raises(SecretUnopenable, match="changed"):
            await KeyRing.parse(KeyRing.generate("old")).open_data_key(key.id, wrapped, bound_to=OWNER)

    @given(st.permutations(["a", "b", "c"]), texts, places)
    async def test_whatever_the_order_of_rotations_the_secret_stays(
        self, order: list[str], secret: str, owner: tuple[str, ...]
    ) -> None:
        texts_of = {name: KeyRing.generate(name) for name in "abc"}
        key, wrapped = await KeyRing.parse(texts_of["a"]).new_data_key(bound_to=owner)
        sealed = key.seal(SecretStr(secret), bound_to=PLACE)
        for primary in order:
            ring = KeyRing.parse(",".join([texts_of[primary], *(t for n, t in texts_of.items() if n != primary)]))
            wrapped = await ring.rewrap(key.id, wrapped, bound_to=owner) or wrapped
            assert wrapper_of(wrapped) == primary
        opened = await KeyRing.parse(texts_of[order[-1]]).open_data_key(key.id, wrapped, bound_to=owner)
        assert opened.open(sealed, bound_to=PLACE).get_secret_value() == secret

    @given(places, places)
    async def test_a_rewrap_for_another_owner_is_refused(self, owner: tuple[str, ...], other: tuple[str, ...]) -> None:
        key, wrapped = await KeyRing.parse(self.old).new_data_key(bound_to=owner)
        ring = KeyRing.parse(f"{self.new},{self.old}")
        if owner == other:
            assert await ring.rewrap(key.id, wrapped, bound_to=other)
            return
        with pytest.raises(SecretUnopenable):
            await ring.rewrap(key.id, wrapped, bound_to=other)


class TestOpenSealed:
    async def test_opens_all_fields_with_the_keys_given(self) -> None:
        other, other_wrapped = await RING.new_data_key(bound_to=OWNER)
        sealed = {
            "a": KEY.seal(SecretStr("1"), bound_to=(TENANT, CONNECTION, "a")),
            "b": other.seal(SecretStr("2"), bound_to=(TENANT, CONNECTION, "b")),
        }
        opened = await open_sealed(
            RING, sealed, {KEY.id: WRAPPED, other.id: other_wrapped}, owner=OWNER, connection_id=CONNECTION
        )
        assert {field: value.get_secret_value() for field, value in opened.items()} == {"a": "1", "b": "2"}

    @pytest.mark.parametrize(
        ("fields", "keys", "owner", "connection", "named"),
        [
            ({"other": SEALED}, {KEY.id: WRAPPED}, OWNER, CONNECTION, "con_1, other: changed"),
            (
                {"key_secret": SEALED},
                {KEY.id: WRAPPED},
                ("ten_2", ENVIRONMENT),
                CONNECTION,
                "con_1, key_secret: changed",
            ),
            ({"key_secret": SEALED}, {KEY.id: WRAPPED}, (TENANT, "live"), CONNECTION, "con_1, key_secret: changed"),
            ({"key_secret": SEALED}, {KEY.id: WRAPPED}, OWNER, "con_2", "con_2, key_secret: changed"),
            ({"key_secret": SEALED}, {}, OWNER, CONNECTION, f"con_1, key_secret: data key {KEY.id} is gone"),
            ({"key_secret": "nonsense"}, {KEY.id: WRAPPED}, OWNER, CONNECTION, "con_1, key_secret: not a sealed value"),
        ],
        ids=["field", "tenant", "environment", "connection", "data key", "nonsense"],
    )
    async def test_refuses_what_was_moved_and_names_it(
        self, fields: dict[str, str], keys: dict[str, str], owner: tuple[str, str], connection: str, named: str
    ) -> None:
        with pytest.raises(SecretUnopenable, match=named):
            await open_sealed(RING, fields, keys, owner=owner, connection_id=connection)


class TestNothingIsPrinted:
    raw = b"k" * 32
    local = LocalKey("k1", raw)
    holders: tuple[object, ...] = (DataKey("dk_1", raw), local, KeyRing([local]), SecretStr(raw.decode()))

    @pytest.mark.parametrize("show", [repr, str, "{}".format, "{0!r}".format, lambda it: f"{[it]!s}"])
    def test_by_any_way_of_printing(self, show: Callable[[object], str]) -> None:
        for holder in self.holders:
            assert "kkk" not in show(holder)
            assert "kkk" not in show({"nested": holder})

    @pytest.mark.parametrize("write", [pickle.dumps, copy.copy, copy.deepcopy])
    def test_keys_cannot_be_written_down(self, write: Callable[[object], object]) -> None:
        for holder in self.holders[:3]:
            with pytest.raises(TypeError, match="memory only"):
                write(holder)

    def test_in_errors(self) -> None:
        with pytest.raises(SecretUnopenable) as refused:
            KEY.open(SEALED, bound_to=("elsewhere",))
        assert "rzp_secret" not in repr(refused.value)
        assert refused.value.__cause__ is None

    def test_a_data_key_has_no_other_readable_field(self) -> None:
        assert [field.name for field in dataclasses.fields(DataKey)] == ["id", "_key"]


class TestParse:
    good = KeyRing.generate("k1")

    def test_the_first_is_primary(self) -> None:
        assert KeyRing.parse(f"{self.good}, {KeyRing.generate('k2')}").primary == "k1"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            ",",
            "k1",
            "k1:",
            ":",
            "k1:!!!!",
            "k1:c2hvcnQ=",
            "k1:aws-kms:",
            "k1:aws-kms:a key",
            "k.1:" + good.partition(":")[2],
            good + ",",
            "k1:é",
            good.removeprefix("k1"),
            f"{good},{KeyRing.generate('k1')}",
        ],
        ids=lambda text: f"{len(text)} characters",  # the keys are random: as names they would differ from run to run
    )
    def test_what_is_wrong_is_refused_without_being_quoted(self, text: str) -> None:
        with pytest.raises(ValueError) as refused:
            KeyRing.parse(text)
        material = text.partition(":")[2]
        assert len(material) < 8 or material not in str(refused.value)


class TestBytes:
    @given(st.binary(), st.lists(texts, max_size=4).map(tuple))
    def test_what_is_sealed_opens_at_its_place(self, plaintext: bytes, place: tuple[str, ...]) -> None:
        sealed = KEY.seal_bytes(plaintext, bound_to=place)
        assert KEY.open_bytes(sealed, bound_to=place) == plaintext
        assert data_key_of_bytes(sealed) == KEY.id
        assert len(sealed) < len(plaintext) + 70

    def test_it_opens_nowhere_else_and_not_by_another_key(self) -> None:
        sealed = KEY.seal_bytes(b"a body", bound_to=PLACE)
        with pytest.raises(SecretUnopenable):
            KEY.open_bytes(sealed, bound_to=(TENANT, CONNECTION))
        with pytest.raises(SecretUnopenable, match="not"):
            DataKey.new().open_bytes(sealed, bound_to=PLACE)

    @given(st.data())
    def test_changed_or_cut_it_does_not_open(self, data: st.DataObject) -> None:
        sealed = KEY.seal_bytes(b"a body", bound_to=PLACE)
        place = data.draw(st.integers(0, len(sealed) - 1))
        changed = bytearray(sealed)
        changed[place] ^= data.draw(st.integers(1, 255))
        for other in (bytes(changed), sealed[:place], b"", b"v1.."):
            with pytest.raises(SecretUnopenable):
                KEY.open_bytes(other, bound_to=PLACE)
