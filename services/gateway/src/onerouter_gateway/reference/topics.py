"""The reference of the topics, made from their AsyncAPI document."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import unquote

from onerouter_gateway.reference.html import anchor, example, field_rows, page, prose, resolve, table


def render(document: Mapping[str, Any]) -> str:
    """The whole page for an AsyncAPI document. Each topic is shown once, by what is written to it."""
    info = document["info"]
    written = [
        channel
        for name, channel in document["channels"].items()
        if document["operations"].get(name, {}).get("action") == "send"
    ]
    links = "".join(f'<a href="#{anchor(one["address"])}">{escape(one["address"])}</a>' for one in written)
    return page(
        info["title"],
        (
            prose(info["description"]),
            '<p>For programs: <a href="/asyncapi.json">asyncapi.json</a>. <a href="/docs">The API</a> in front of it.</p>',
            f"<nav>{links}</nav>",
            *(_topic(document, channel) for channel in written),
        ),
    )


def _topic(document: Mapping[str, Any], channel: Mapping[str, Any]) -> str:
    address = channel["address"]
    messages = "".join(_message(document, message) for message in _messages(document, channel))
    return f'<h2 id="{anchor(address)}">{escape(address)}</h2>{prose(channel.get("description", ""))}{messages}'


def _messages(document: Mapping[str, Any], channel: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for told in channel["messages"].values():
        yield document["components"]["messages"][unquote(str(told["$ref"]).removeprefix("#/components/messages/"))]


def _message(document: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    shown = [{"example": one["payload"]} for one in message.get("examples", ())[:1]]
    fields = table("Fields", field_rows(document, resolve(document, message["payload"])))
    return fields + "".join(example(one) for one in shown)
