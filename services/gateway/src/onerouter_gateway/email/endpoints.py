"""`/v1/email`."""

from typing import Final

from onerouter_gateway.email.preparing import prepared, prepared_bulk
from onerouter_gateway.email.schemas import Email, EmailBatch, EmailBulk, EmailList, EmailSend
from onerouter_gateway.messages.channel import EMAIL_CHANNEL
from onerouter_gateway.messages.endpoints import Words, message_endpoints

EMAIL: Final = message_endpoints(
    EMAIL_CHANNEL,
    Words(
        send=EmailSend,
        send_bulk=EmailBulk,
        shown=Email,
        listed=EmailList,
        batch=EmailBatch,
        prepare=prepared,
        prepare_bulk=prepared_bulk,
        list_text="Newest first, without their html and text. Follow `next_cursor` while `has_more`.",
        filters={"to": "Only to this address."},
        options={"include": "`content`: with its html and text."},
    ),
)
