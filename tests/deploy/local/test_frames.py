"""The few Kafka frames that the broker's front reads, byte by byte."""

import struct

import pytest

from onerouter_local.longpoll import frames
from onerouter_local.longpoll.frames import FetchTerms, ProduceTerms, Request


def _string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _header(api_key: int, version: int) -> bytes:
    return struct.pack(">hhi", api_key, version, 7) + _string("client")


def test_fetch_v4_tells_its_wait_and_partitions() -> None:
    partitions = b"".join(struct.pack(">iqi", number, 0, 1024) for number in (0, 3))
    body = struct.pack(">iiiib", -1, 500, 1, 1024, 0) + struct.pack(">i", 1) + _string("t")
    terms = FetchTerms.parse(Request.parse(_header(frames.FETCH, 4) + body + struct.pack(">i", 2) + partitions))
    assert terms == FetchTerms(0.5, 1, frozenset({("t", 0), ("t", 3)}))


def test_fetch_v11_has_more_fields_to_skip() -> None:
    partition = struct.pack(">iiqqi", 5, -1, 0, 0, 1024)
    body = struct.pack(">iiiibii", -1, 250, 1, 1024, 0, 0, -1) + struct.pack(">i", 1) + _string("t")
    terms = FetchTerms.parse(Request.parse(_header(frames.FETCH, 11) + body + struct.pack(">i", 1) + partition))
    assert terms == FetchTerms(0.25, 1, frozenset({("t", 5)}))


@pytest.mark.parametrize(("acks", "answered"), [(-1, True), (1, True), (0, False)])
def test_produce_tells_whether_it_is_answered(acks: int, answered: bool) -> None:
    records = b"x" * 40
    body = struct.pack(">hhi", -1, acks, 1000) + struct.pack(">i", 1) + _string("t")
    partition = struct.pack(">iii", 1, 2, len(records)) + records
    terms = ProduceTerms.parse(Request.parse(_header(frames.PRODUCE, 7) + body + partition))
    assert terms == ProduceTerms(answered, frozenset({("t", 2)}))


def _fetch_answer(*, error: int = 0, records: bytes = b"") -> bytes:
    partition = struct.pack(">ihqqi", 0, error, 9, 9, 0) + struct.pack(">i", len(records)) + records
    return struct.pack(">ii", 7, 0) + struct.pack(">i", 1) + _string("t") + struct.pack(">i", 1) + partition


def test_an_answer_is_empty_without_records_and_errors() -> None:
    assert frames.is_empty_fetch(_fetch_answer(), 4)
    assert not frames.is_empty_fetch(_fetch_answer(records=b"r"), 4)
    assert not frames.is_empty_fetch(_fetch_answer(error=3), 4)


def test_versions_are_capped_in_both_encodings() -> None:
    wanted = {frames.PRODUCE: 8, frames.FETCH: 11, frames.METADATA: 12}
    kinds = [(frames.PRODUCE, 0, 11), (frames.FETCH, 4, 17), (frames.METADATA, 0, 12)]
    plain = struct.pack(">ihi", 7, 0, 3) + b"".join(struct.pack(">hhh", *kind) for kind in kinds)
    compact = struct.pack(">ihB", 7, 0, 4) + b"".join(struct.pack(">hhhB", *kind, 0) for kind in kinds)
    for answer, version, start, size in ((plain, 2, 10, 6), (compact, 3, 7, 7)):
        capped = frames.cap_versions(answer, version)
        entries = [struct.unpack_from(">hhh", capped, start + number * size) for number in range(3)]
        assert {key: newest for key, _, newest in entries} == wanted
        assert len(capped) == len(answer)


def test_addresses_are_replaced_in_place() -> None:
    answer = b"\x0a127.0.0.1" + struct.pack(">i", 4711) + b"tail"
    assert frames.readdress(answer, "127.0.0.1", 4711, 9092) == b"\x0a127.0.0.1" + struct.pack(">i", 9092) + b"tail"
