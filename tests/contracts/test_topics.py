"""The table of topics is committed: a name, a partition count or a retention never changes by accident."""

import re
from dataclasses import asdict

from onerouter_common.contracts import topics
from onerouter_common.contracts.topics import TOPICS

from .golden_files import check


def test_the_table_is_the_golden_one() -> None:
    check("topics", [{**asdict(topic), "configuration": topic.configuration} for topic in TOPICS])


def test_every_name_is_unique_and_carries_its_version() -> None:
    names = [topic.name for topic in TOPICS]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"[a-z]+(\.[a-z]+){0,2}\.v[0-9]+", name)


def test_every_category_has_commands_callbacks_events_and_their_dead_letters() -> None:
    names = {topic.name for topic in TOPICS}
    for category in topics.CATEGORIES:
        for name in (topics.commands, topics.callbacks, topics.events):
            assert name(category) in names
        for dead in (topics.dead_commands, topics.dead_callbacks, topics.dead_events):
            assert dead(category) in names
    for source in topics.EVENT_SOURCES:
        assert {topics.events(source), topics.dead_events(source)} <= names


def test_dead_letters_outlive_what_they_came_from() -> None:
    retention = {topic.name: topic.retention_ms for topic in TOPICS}
    for name, kept_ms in retention.items():
        if ".dead." in name:
            assert kept_ms > retention[name.replace(".dead.", ".")]
