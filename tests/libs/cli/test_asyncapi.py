"""The committed description of the topics is the current one."""

import json
from pathlib import Path

from onerouter_common.contracts.topics import TOPICS
from onerouter_server.asyncapi import describe

_COMMITTED = Path(__file__).parents[3] / "docs" / "asyncapi.json"


def test_the_committed_document_is_current() -> None:
    assert json.loads(_COMMITTED.read_text()) == json.loads(describe()), "run `make docs`"


def test_every_topic_is_described() -> None:
    addresses = {channel["address"] for channel in json.loads(describe())["channels"].values()}
    assert addresses == {topic.name for topic in TOPICS}
