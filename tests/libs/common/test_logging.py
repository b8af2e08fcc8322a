import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import BaseModel, SecretBytes, SecretStr

from onerouter_common import logging as our_logging
from onerouter_common.contracts.commands import Command

SECRET = "hunter2-hunter2"


class Log:
    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def last(self) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(self.text.splitlines()[-1])
        return line


@pytest.fixture(params=["json", "console"])
def log(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """Logging as a process has it, into a string; put back as it was."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level, structlog.get_config()
    monkeypatch.setattr(sys, "stdout", stream)
    our_logging.configure("payments", log_format=request.param)
    structlog.configure(cache_logger_on_first_use=False)
    yield Log(stream)
    root.handlers[:], root.level = before[0], before[1]
    structlog.configure(**before[2])


class Account(BaseModel):
    key_id: str
    key_secret: SecretStr


@pytest.mark.parametrize(
    "fields",
    [
        {"value": SecretStr(SECRET)},
        {"value": SecretBytes(SECRET.encode())},
        {"values": [SecretStr(SECRET)], "tuple": (SecretStr(SECRET),), "set": {SecretStr(SECRET)}},
        {"deep": {"er": {"still": [{"x": SecretStr(SECRET)}]}}},
        {"account": Account(key_id="rzp_test_1", key_secret=SecretStr(SECRET))},
        {"password": SECRET},
        {"Authorization": f"Bearer {SECRET}"},
        {"webhook_secret": SECRET, "api_key": SECRET, "internal_tokens": SECRET, "credentials": {"a": SECRET}},
        {"request": {"headers": {"authorization": SECRET, "cookie": SECRET}}},
        {"list": [{"key_secret": SECRET}]},
    ],
)
def test_secrets_are_never_written(log: Log, fields: dict[str, Any]) -> None:
    structlog.get_logger().warning("something.happened", **fields)
    assert "something.happened" in log.text
    assert SECRET not in log.text


def test_secrets_in_exceptions_are_never_written(log: Log) -> None:
    try:
        raise ValueError("cannot use", SecretStr(SECRET), Account(key_id="k", key_secret=SecretStr(SECRET)))
    except ValueError:
        structlog.get_logger().exception("it.failed")
        logging.getLogger("somebody.else").exception("it failed")
    assert "ValueError" in log.text
    assert SECRET not in log.text


def test_a_record_that_could_not_be_read_is_not_quoted(log: Log) -> None:
    try:
        Command.model_validate({"payload": {"customer": SECRET}, "command_id": [SECRET]})
    except ValueError:
        structlog.get_logger().exception("it.failed")
    assert "command_id" in log.text
    assert SECRET not in log.text


def test_the_row_that_postgres_refused_is_not_quoted(log: Log) -> None:
    try:
        try:
            raise LookupError(f'violates check "x"\nDETAIL:  Failing row contains (op_1, {SECRET},\n{SECRET}).')
        except LookupError as refused:
            raise RuntimeError("it could not be stored") from refused
    except RuntimeError:
        structlog.get_logger().exception("it.failed")
    for said in ("violates check", "it could not be stored", "RuntimeError"):
        assert said in log.text
    assert SECRET not in log.text


def test_what_helps_is_kept(log: Log) -> None:
    structlog.get_logger().warning(
        "it.happened",
        api_key_id="key_1",
        key_hash="ab",
        token_count=3,
        key_configured=True,
        ids=["a", "b"],
        why={"a": 1},
    )
    for value in ("key_1", "ab", "3", "payments"):
        assert value in log.text


def test_libraries_are_heard_from_warnings_up(log: Log) -> None:
    logging.getLogger("aiokafka").info("chatter")
    logging.getLogger("aiokafka").warning("trouble")
    assert "chatter" not in log.text
    assert "trouble" in log.text


@pytest.mark.parametrize("log", ["json"], indirect=True)
def test_a_line_is_one_json_object_with_service_level_and_time(log: Log) -> None:
    structlog.get_logger().info("worker.started", category="payments")
    assert log.last.keys() == {"event", "category", "service", "level", "timestamp"}
    assert (log.last["service"], log.last["level"]) == ("payments", "info")
