"""Mailgun's refusals → our reasons. Its errors have a status and a sentence, no code: the sentence is matched where the
status says too little.

Source: https://documentation.mailgun.com/docs/mailgun/api-reference and the answers that users report, read 2026-11-21.
"""

import re
from collections.abc import Mapping
from typing import Final

from onerouter_common.errors import ProviderError
from onerouter_providers import message_errors
from onerouter_providers.http import Answer, parse_retry_after

PROVIDER: Final = "mailgun"
DISPLAY_NAME: Final = "Mailgun"
WRONG_REGION: Final = "A domain lives in one region only: is the connection's region the domain's?"

_SENTENCES: Final[Mapping[int, tuple[tuple[re.Pattern[str], str], ...]]] = {
    status: tuple((re.compile(pattern, re.IGNORECASE), reason) for pattern, reason in rules)
    for status, rules in {
        400: (
            (r"\b(to|cc|bcc)'? parameter is not a valid address", "invalid_recipient"),
            (r"\bfrom'? parameter is not a valid address", "invalid_sender"),
            (r"not allowed to send: .*sandbox|free accounts are for test purposes", "destination_not_permitted"),
            (r"domain is unverified|activate your mailgun account", "invalid_sender"),
            (r"template .*(not found|does not exist)", "not_found"),
        ),
        403: ((r"not allowed to send large batches", "rate_limited"),),
        404: ((r"domain not found", "invalid_sender"),),
    }.items()
}
_BY_STATUS: Final[Mapping[int, str]] = {
    400: "invalid_request",
    401: "authentication_failed",
    402: "insufficient_credit",
    403: "authentication_failed",
    404: "not_found",
    413: "payload_too_large",
    429: "rate_limited",
}
_HINTS: Final[Mapping[tuple[int, str], str]] = {
    (401, "authentication_failed"): WRONG_REGION,
    (404, "invalid_sender"): WRONG_REGION,
}
_AFTER_SECONDS: Final = re.compile(r"try again after (\d{1,7}) seconds?", re.IGNORECASE)
_AFTER_DATE: Final = re.compile(r"try again after ([A-Z][a-z]{2}, [^.]{10,40})", re.IGNORECASE)


def refusal(answer: Answer, *, effect: bool) -> ProviderError:
    """The error that a 4xx answer means."""
    sentence = sentence_of(answer)
    reason = _reason(answer.status, sentence)
    return message_errors.refusal(
        reason,
        provider=PROVIDER,
        display_name=DISPLAY_NAME,
        effect=effect,
        hint=_HINTS.get((answer.status, reason), ""),
        provider_code=str(answer.status),
        provider_message=sentence or None,
        http_status_seen=answer.status,
        retry_after_s=_retry_after_s(answer, sentence) if reason == "rate_limited" else None,
    )


def sentence_of(answer: Answer) -> str:
    """What Mailgun says; the body of a 401 is the bare word `Forbidden`."""
    given = answer.body.get("message")
    return given if isinstance(given, str) else answer.text.strip()


def _reason(status: int, sentence: str) -> str:
    for pattern, reason in _SENTENCES.get(status, ()):
        if pattern.search(sentence):
            return reason
    return _BY_STATUS.get(status, "unknown")


def _retry_after_s(answer: Answer, sentence: str) -> float | None:
    """Of the header, else as the sentence has it: in seconds, or a date."""
    found = _AFTER_SECONDS.search(sentence) or _AFTER_DATE.search(sentence)
    return parse_retry_after(answer.headers.get("retry-after") or (found and found.group(1)))
