"""The topics' description. `python -m onerouter_server.asyncapi > docs/asyncapi.json` writes the committed one."""

import json
import sys

from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI

from onerouter_common.contracts import topics
from onerouter_common.contracts.base import Contract
from onerouter_common.contracts.callbacks import Callback
from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.events import Event
from onerouter_common.contracts.operations import OperationRecord
from onerouter_common.contracts.registry import RegistryChange
from onerouter_common.contracts.replies import Reply

_DESCRIPTION = """What OneRouter's services say to each other, one JSON model a topic. A change of shape is a new version
beside the old one. Headers carry the W3C traceparent, CloudEvents attributes (ce_id, ce_type, ce_source, ce_time), and on
commands where the reply goes."""


def describe() -> str:
    """The AsyncAPI 3 document as JSON, in a stable order."""
    broker = KafkaBroker("localhost:9092")
    for topic, model, key_and_direction in _channels():
        broker.publisher(topic, schema=model, title=topic, description=key_and_direction)
    document = AsyncAPI(broker, title="OneRouter topics", version="1.0.0", description=_DESCRIPTION)
    return json.dumps(json.loads(document.to_specification().to_json()), indent=2, sort_keys=True, ensure_ascii=False)


def _channels() -> list[tuple[str, type[Contract], str]]:
    by_category: list[tuple[str, type[Contract], str]] = []
    for category in topics.CATEGORIES:
        by_category += [
            (topics.commands(category), Command, "Key: the resource. From the gateway to the worker."),
            (topics.callbacks(category), Callback, "Key: the provider's resource. From webhooks to the worker."),
            (topics.events(category), Event, "Key: the resource. From the worker to webhooks and to whoever bridges."),
        ]
    return [
        *by_category,
        (
            topics.REPLIES,
            Reply,
            "Key: the operation, in the partition the gateway asked for. From workers to the gateway.",
        ),
        (topics.OPERATIONS, OperationRecord, "Key: the tenant. From workers to analytics and audit."),
        (topics.REGISTRY_CHANGES, RegistryChange, "Key: the entity. From the registry to every cache. Compacted."),
    ]


if __name__ == "__main__":
    sys.stdout.write(describe() + "\n")
