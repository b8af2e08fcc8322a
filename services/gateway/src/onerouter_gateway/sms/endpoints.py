"""`/v1/sms`."""

from typing import Final

from onerouter_gateway.messages.channel import SMS_CHANNEL
from onerouter_gateway.messages.endpoints import Words, message_endpoints
from onerouter_gateway.sms.preparing import prepared, prepared_bulk
from onerouter_gateway.sms.schemas import Sms, SmsBatch, SmsBulk, SmsList, SmsSend

SMS: Final = message_endpoints(
    SMS_CHANNEL,
    Words(
        send=SmsSend,
        send_bulk=SmsBulk,
        shown=Sms,
        listed=SmsList,
        batch=SmsBatch,
        prepare=prepared,
        prepare_bulk=prepared_bulk,
        list_text="Newest first, those that came in included. Follow `next_cursor` while `has_more`.",
        filters={
            "to": "Only to this number: with its country code (`%2B1…`), or of your default region.",
            "direction": "`outbound`, or `inbound`: only those that came in.",
        },
        options={},
    ),
)
