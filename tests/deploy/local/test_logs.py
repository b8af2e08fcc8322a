"""JSON lines become something a person reads."""

import json

from onerouter_local import logs


def _line(level: str, **fields: object) -> str:
    return json.dumps({"event": "operation.finished", "level": level, "timestamp": "2026-01-02T03:04:05Z"} | fields)


def test_a_record_shows_its_service_event_and_fields() -> None:
    text = logs.humanize("payments", _line("info", operation_id="op_1", service="payments")).plain
    assert "payments" in text
    assert "operation.finished" in text
    assert "operation_id=op_1" in text
    assert "service=" not in text


def test_an_exception_follows_below_its_record() -> None:
    text = logs.humanize("payments", _line("error", exception="Traceback\nValueError: no")).plain
    assert text.splitlines()[-1].strip() == "ValueError: no"


def test_what_is_no_record_is_shown_as_it_is() -> None:
    for line in ("Segmentation fault", "{not json", "[1]"):
        assert logs.humanize("payments", line).plain.endswith(line)


def test_only_warnings_errors_and_foreign_lines_are_loud() -> None:
    assert not logs.is_loud(_line("info"))
    assert logs.is_loud(_line("warning"))
    assert not logs.is_loud(_line("warning"), logs.ERRORS)
    assert logs.is_loud(_line("error"), logs.ERRORS)
    assert logs.is_loud("Traceback (most recent call last):")
    assert not logs.is_loud("")
