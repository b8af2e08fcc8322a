"""What is said of a field that is wrong: what to do about it, never what was sent."""

from typing import Any

import pytest

from onerouter_common.errors import InvalidRequest
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.email.schemas import EmailSend
from onerouter_gateway.sms.schemas import SmsBulk

SMS: dict[str, Any] = {"body": "Hi", "recipients": [{"to": "+14155552671"}]}
EMAIL: dict[str, Any] = {"to": "ada@example.com", "subject": "S", "text_body": "T"}
FILE: dict[str, Any] = {"filename": "a.png", "content": "AA=="}
NO_MOMENT = "must be a moment such as 2026-01-31T09:30:00Z, or in Unix seconds"
OFFSET = "must say how far it is from UTC, as 2026-01-31T09:30:00Z or 2026-01-31T15:00:00+05:30 does"


@pytest.mark.parametrize(
    ("model", "body", "said"),
    [
        (SmsBulk, {**SMS, "send_at": "2026-01-31T09:30:00"}, f"send_at {OFFSET}."),
        (SmsBulk, {**SMS, "send_at": "2026-01-31"}, f"send_at {OFFSET}."),
        (SmsBulk, {**SMS, "send_at": "tomorrow"}, f"send_at {NO_MOMENT}."),
        (SmsBulk, {**SMS, "send_at": "2026-02-31T09:30:00Z"}, f"send_at {NO_MOMENT}."),
        (SmsBulk, {**SMS, "send_at": True}, f"send_at {NO_MOMENT}."),
        (SmsBulk, {**SMS, "recipients": []}, "recipients must not be empty."),
        (SmsBulk, {**SMS, "body": ""}, "body must not be empty."),
        (SmsBulk, {**SMS, "template_version": 0}, "template_version must be at least 1."),
        (SmsBulk, {**SMS, "template_version": 10**7}, "template_version must be at most 1000000."),
        (
            SmsBulk,
            {**SMS, "suppression_override": {"reason": "ok"}},
            "suppression_override.reason must have at least 3 characters.",
        ),
        (EmailSend, {**EMAIL, "to": []}, "to must not be empty."),
        (
            EmailSend,
            {**EMAIL, "attachments": [{**FILE, "content_id": "a b"}]},
            "attachments.0.content_id must match ^[!-;=?-~]+$.",
        ),
    ],
)
def test_it_says_what_to_do(model: Any, body: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        validate(model, body)
    assert str(caught.value) == said
