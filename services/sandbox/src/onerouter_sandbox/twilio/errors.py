"""Twilio's error bodies. Numbers and texts: https://www.twilio.com/docs/api/errors"""

import json
from typing import Final

from onerouter_sandbox.wire import Reply

_WORDS: Final = {
    20003: (401, "Authenticate"),
    20005: (403, "Account not active"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "Internal Server Error"),
    20503: (503, "Service Unavailable"),
    21211: (400, "Invalid 'To' Phone Number"),
    21212: (400, "Invalid From Number (caller ID)"),
    21408: (400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number"),
    21601: (400, "Phone number is not a valid SMS-capable inbound phone number"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (
        400,
        "The 'From' phone number provided is not a valid message-capable Twilio phone number for this destination",
    ),
    21608: (400, "The number is unverified. Trial accounts cannot send messages to unverified numbers"),
    21609: (400, "The 'StatusCallback' URL is not a valid URL"),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (429, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "Message cannot be sent with the current combination of 'To' and/or 'From' parameters"),
    21614: (400, "'To' number is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21618: (400, "The message body cannot be sent"),
    21655: (400, "The ContentSid is Invalid"),
    21656: (400, "The ContentVariables Parameter is invalid"),
    21701: (404, "The Messaging Service does not exist"),
    21703: (400, "The Messaging Service does not have a phone number available to send a message"),
    30409: (409, "This message cannot be canceled"),
    35111: (400, "SendAt timestamp is missing"),
    35114: (400, "SendAt time must be between 300 seconds and 35 days in the future"),
    35117: (400, "Invalid ScheduleType"),
    35118: (400, "MessagingServiceSid is required to schedule a message"),
}
FAILURES: Final = {
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
}
"""Of messages that were taken and did not arrive."""


class Refused(Exception):
    """The API says no; `reply` is what goes over the wire."""

    def __init__(self, code: int) -> None:
        status, message = _WORDS.get(code, (400, "The request could not be carried out"))
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status
        self.message = message

    @property
    def reply(self) -> Reply:
        more_info = f"https://www.twilio.com/docs/errors/{self.code}"
        body = {"code": self.code, "message": self.message, "more_info": more_info, "status": self.status}
        return Reply(self.status, json.dumps(body).encode())


def trouble(status: int) -> Reply:
    """Answers that have nothing to do with the request: too many of them, or a bad day."""
    reply = Refused({429: 20429, 503: 20503}.get(status, 20500)).reply
    reply.status = status
    return reply
