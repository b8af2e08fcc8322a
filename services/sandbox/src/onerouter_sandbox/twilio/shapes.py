"""Messages as Twilio writes them."""

import json
import os
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

from onerouter_sandbox.twilio.errors import FAILURES
from onerouter_sandbox.twilio.state import Message

VERSION: Final = "2010-04-01"


def new_sid(prefix: str = "SM") -> str:
    return prefix + os.urandom(16).hex()


def message(one: Message) -> dict[str, Any]:
    uri = f"/{VERSION}/Accounts/{one.account}/Messages/{one.sid}"
    return {
        "account_sid": one.account,
        "api_version": VERSION,
        "body": one.body,
        "date_created": _date(one.created_at),
        "date_sent": _date(one.sent_at),
        "date_updated": _date(one.updated_at),
        "direction": one.direction,
        "error_code": one.error_code,
        "error_message": None if one.error_code is None else FAILURES.get(one.error_code, "Unknown error"),
        "from": one.sender,
        "messaging_service_sid": one.service_sid,
        "num_media": "0",
        # A service has not chosen the sender yet, and so does not know.
        "num_segments": "0" if one.service_sid is not None and one.sent_at is None else str(one.segments),
        "price": one.price,
        "price_unit": "USD",
        "sid": one.sid,
        "status": one.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": one.to,
        "uri": f"{uri}.json",
    }


def encode(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _date(at: float | None) -> str | None:
    return None if at is None else format_datetime(datetime.fromtimestamp(int(at), UTC))
