"""The topics' description. `python -m onerouter_server.asyncapi > docs/asyncapi.json` writes the committed one."""

import json
import sys
from typing import Any

from faststream import AckPolicy
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
from onerouter_gateway.edge.examples import example_of

_DESCRIPTION = """What OneRouter's services say to each other, one JSON model a topic. A change of shape is a new version
beside the old one. Headers carry the W3C traceparent, CloudEvents attributes (ce_id, ce_type, ce_source, ce_time), and on
commands where the reply goes."""


def describe() -> str:
    """The AsyncAPI 3 document as JSON, in a stable order."""
    broker = KafkaBroker("localhost:9092")
    for topic, model, key_and_direction in _channels():
        broker.publisher(topic, schema=model, title=topic, description=key_and_direction)
    for topic, model, group in _subscriptions():
        _subscribe(broker, topic, model, group)
    made = AsyncAPI(broker, title="OneRouter topics", version="1.0.0", description=_DESCRIPTION)
    document = json.loads(made.to_specification().to_json())
    for message in document["components"]["messages"].values():
        message["examples"] = [{"payload": example_of(message["payload"], document["components"]["schemas"])}]
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)


def _subscriptions() -> list[tuple[str, type[Contract], str]]:
    """Who reads in batches and acknowledges by hand once its database has them."""
    found: list[tuple[str, type[Contract], str]] = []
    for category in topics.CATEGORIES:
        found += [
            (topics.commands(category), Command, f"onerouter-{category}"),
            (topics.callbacks(category), Callback, f"onerouter-{category}-callbacks"),
        ]
    for source in topics.EVENT_SOURCES:
        found.append((topics.events(source), Event, "webhooks" if source == "payments" else f"webhooks-{source}"))
    return found


def _subscribe(broker: KafkaBroker, topic: str, model: type[Contract], group: str) -> None:
    async def receive(records: list[Any]) -> None: ...

    receive.__annotations__["records"] = list[model]  # type: ignore[valid-type]  # FastStream reads it for the schema
    broker.subscriber(
        topic,
        group_id=group,
        batch=True,
        ack_policy=AckPolicy.MANUAL,
        title=f"{group} reads {topic}",
        description=f"Consumer group {group}; acknowledged by hand when stored (AckPolicy.MANUAL); what cannot be read "
        "goes to the dead letters.",
    )(receive)


def _channels() -> list[tuple[str, type[Contract], str]]:
    by_category: list[tuple[str, type[Contract], str]] = []
    for category in topics.CATEGORIES:
        by_category += [
            (topics.commands(category), Command, "Key: the resource. From the gateway to the worker."),
            (topics.callbacks(category), Callback, "Key: the provider's resource. From webhooks to the worker."),
            (
                topics.dead_commands(category),
                Command,
                "A command as received that could not be read; header dead-reason.",
            ),
            (
                topics.dead_callbacks(category),
                Callback,
                "A callback as received that could not be applied; dead-reason.",
            ),
        ]
    for source in topics.EVENT_SOURCES:
        whose = "registry, on connections," if source == topics.REGISTRY else "worker"
        by_category += [
            (topics.events(source), Event, f"Key: the resource. From the {whose} to webhooks and to whoever bridges."),
            (topics.dead_events(source), Event, "An event as received that could not be read; header dead-reason."),
        ]
    return [
        *by_category,
        (
            topics.REPLIES,
            Reply,
            "Key: the operation, in the partition the gateway asked for. From workers to the gateway.",
        ),
        (topics.OPERATIONS, OperationRecord, "Key: the tenant. From workers to analytics and audit."),
        (
            topics.REGISTRY_CHANGES,
            RegistryChange,
            "Key: the entity. From the registry to every cache. Compacted. Under the key `heartbeat`, every 0.3 s: no value.",
        ),
    ]


if __name__ == "__main__":
    sys.stdout.write(describe() + "\n")
