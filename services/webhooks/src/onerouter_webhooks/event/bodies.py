"""Bodies of events as they are kept: compressed, for they are most of what an event writes. Pure.

What comes back are the exact bytes, which are signed and sent. What was kept before there was this is as it was: its third to
sixth byte are not the name of our words (RFC 1950 §2.2, DICTID), which is no text.
"""

import zlib
from typing import Final

_WORDS: Final = (
    b'{"type":"subscription.activated","timestamp":"2026-01-01T00:00:00.000Z","id":"evt_","environment":"live",'
    b'"operation_id":"op_","data":{"refund":null,"payment_id":"pay_","provider_refund_id":null,"reason":null,"speed":null,'
    b'"plan_id":null,"customer_id":null,"current_period_start":null,"current_period_end":null,"cancel_at_cycle_end":false,'
    b'"cost_estimated":false,"provider_data":{},"error":null,"metadata":{},"tags":[],"template":null,"batch_id":null,'
    b'"priority":null,"send_at":null,"sent_at":null,"delivered_at":null,"effect_guarantee":"at_least_once","direction":'
    b'"outbound","status":"delivered","event":{},"id":null,"email_id":null,"message_id":null,"object":"message","provider":'
    b'null,"service":null,"cost":null,"currency":"USD","provider_message_id":null,"to":null,"from":{"email":null,"name":null},'
    b'"to":[],"cc":[],"bcc":[],"reply_to":[],"subject":null,"recipients":[],"opened":null,"clicked":null,"complained":null,'
    b'"unsubscribed":null,"attachments":[],"body":null,"segments":null,"encoding":null,"country":null,"read":null}}'
    b'{"type":"payment.succeeded","timestamp":"20","id":"evt_01","environment":"test","resource":{"kind":"payment","id":'
    b'"pay_01"},"sequence":1,"operation_id":null,"data":{"created_at":"20","created":1,"updated_at":"20","environment":'
    b'"test","version":1,"provider":"","failure":null,"notes":{},"metadata":{},"effect_guarantee":"exactly_once","amount":0.0,'
    b'"amount_minor":0,"currency":"INR","id":"pay_01","transaction_id":"pay_01","object":"payment","provider_order_id":null,'
    b'"provider_payment_id":null,"amount_received":null,"amount_received_minor":null,"amount_mismatch":null,'
    b'"amount_refunded":0.0,"amount_refunded_minor":0,"status":"succeeded","checkout_url":null,"client_secret":null,'
    b'"checkout":{"key":"","order_id":""},"payment_method":null,"method_details":{},"capture":"automatic","receipt":null,'
    b'"description":null,"customer":{"email":null},"subscription_id":null,"disputes":[],"cost":null}}'
)
"""What events commonly say, the commonest last. Never changed: what is kept cannot be read without it. Another one would
stand beside it: what is kept names its own."""
_NAME: Final = zlib.adler32(_WORDS).to_bytes(4, "big")
_LEVEL: Final = 3
_WINDOW: Final = 12
"""Four kilobytes: larger than these words, and quickly made."""
_MEMORY: Final = 4


def pack(body: bytes) -> bytes:
    """As it is kept."""
    packing = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zdict=_WORDS)
    packed = packing.compress(body) + packing.flush()
    return packed if len(packed) < len(body) or _is_packed(body) else body


def unpack(kept: bytes) -> bytes:
    """What was sent. Raises zlib.error for what is damaged or breaks off."""
    if not _is_packed(kept):
        return kept
    unpacking = zlib.decompressobj(zdict=_WORDS)
    body = unpacking.decompress(kept)
    if not unpacking.eof:
        raise zlib.error("the body breaks off")
    return body


def _is_packed(kept: bytes) -> bool:
    return kept[2:6] == _NAME
