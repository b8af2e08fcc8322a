"""Server-sent events, however their bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_server.listen.frames import MOST_BYTES, Frames, Told, TooLarge

STREAM = (
    b"retry: 2000\nid: MTAwLjA\n\n"
    b":hb\n\n"
    b'id: MTAwLjE\nevent: payment.succeeded\ndata: {"note": "Zo\xc3\xab"}\n\n'
    b"event: refund.created\r\ndata:first\r\ndata: second\r\nid: MTAwLjI\r\n\r\n"
    b"data: of the same place\n\n"
    b"id: a\0b\nunknown: field\nno colon\n\n"
    b"event: payment.created\ndata: not complete"
)
TOLD = [
    Told("MTAwLjA", "", None),
    Told("MTAwLjE", "payment.succeeded", b'{"note": "Zo\xc3\xab"}'),
    Told("MTAwLjI", "refund.created", b"first\nsecond"),
    Told("MTAwLjI", "", b"of the same place"),
]


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=40))
def test_the_same_comes_however_the_bytes_are_cut(cuts: list[int]) -> None:
    frames = Frames()
    places = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(places)]
    assert [told for chunk in chunks for told in frames.feed(chunk)] == TOLD
    assert frames.retry_s == 2.0


@pytest.mark.parametrize("sent", [b"data: " + b"x" * 4_000, b"data: x\n" * 600, b"x" * 4_000])
def test_what_has_no_end_is_given_up(sent: bytes) -> None:
    frames = Frames()
    with pytest.raises(TooLarge):
        for _ in range(2 * MOST_BYTES // len(sent)):
            list(frames.feed(sent))


@pytest.mark.parametrize(("said", "waited"), [(b"50", 0.05), (b"99999999999999999999", 60.0), (b"soon", None)])
def test_a_wait_has_a_bound(said: bytes, waited: float | None) -> None:
    frames = Frames()
    assert list(frames.feed(b"retry: " + said + b"\n\n")) == []
    assert frames.retry_s == waited
