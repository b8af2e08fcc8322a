"""The committed description of the topics is the current one."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from onerouter_common.contracts.topics import TOPICS
from onerouter_gateway.reference.pages import described_topics
from onerouter_server.asyncapi import describe

_COMMITTED = Path(__file__).parents[3] / "docs" / "asyncapi.json"


def test_the_committed_document_is_current() -> None:
    assert json.loads(_COMMITTED.read_text()) == json.loads(describe()), "run `make docs`"


def test_the_gateway_serves_it() -> None:
    assert described_topics() == json.loads(_COMMITTED.read_text()), "run `make docs`"


def test_every_message_has_a_valid_example() -> None:
    document = described_topics()
    for name, message in document["components"]["messages"].items():
        schema = {**message["payload"], "components": document["components"]}
        (example,) = message["examples"]
        assert [one.message for one in Draft202012Validator(schema).iter_errors(example["payload"])] == [], name


def test_every_topic_is_described() -> None:
    addresses = {channel["address"] for channel in json.loads(describe())["channels"].values()}
    assert addresses == {topic.name for topic in TOPICS}
