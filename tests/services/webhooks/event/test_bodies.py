"""What is kept of an event's body is small, and comes back to the byte."""

import zlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.contracts.event_types import EVENT_TYPES
from onerouter_webhooks.event import bodies
from onerouter_webhooks.event.bodies import pack, unpack

# As it was kept on the day on which this began: it has to be read for as long as events are kept.
KEPT = bytes.fromhex(
    "486afa2799232321db016b5c43435d23a31043231c35ae8161ae856196795e464a6a7681455a565955457999599961a20552"
    "0d8b94a0305497a59b655b94e5624f68b0246d62698999a881820606b5b500697541c7"
)
BODY = (
    b'{"type":"payment.succeeded","timestamp":"2026-11-22T12:00:00.000Z","id":"evt_01m81j7nhdekp8fjvzxwv6v'
    b'1a8","data":{"id":"pay_01m81j7nhdekp8fjvzxvg6k8vm","object":"payment","amount":499.0,"amount_minor":'
    b"49900}}"
)


@given(st.one_of(st.binary(), st.binary().map(lambda rest: KEPT[:6] + rest)))
def test_whatever_it_is(body: bytes) -> None:
    assert unpack(pack(body)) == body


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_each_type_is_smaller_by_half(name: str) -> None:
    body = orjson.dumps(EVENT_TYPES[name].example_event)
    packed = pack(body)
    assert unpack(packed) == body
    assert len(packed) < 0.5 * len(body)


def test_what_was_kept_before_is_as_it_was() -> None:
    assert unpack(b'{"type":"payment.created"}') == b'{"type":"payment.created"}'


def test_what_was_kept_once_can_be_read_for_ever() -> None:
    assert unpack(KEPT) == BODY
    assert zlib.adler32(bodies._WORDS) == int.from_bytes(KEPT[2:6], "big"), "the words are those it was kept with"


@pytest.mark.parametrize("kept", [KEPT[:-9], KEPT[:40] + b"\0" + KEPT[41:]], ids=["breaks off", "damaged"])
def test_what_is_not_whole_is_never_sent_in_part(kept: bytes) -> None:
    with pytest.raises(zlib.error):
        unpack(kept)
