"""Two AsyncAPI documents side by side: what breaks who reads or writes a topic by the old one. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from onerouter_server.breaking.schemas import Comparison, Way


def broken(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """A sentence a change. Versions of a service run side by side, so each topic's records are read by older and newer."""
    both = Comparison(old, new)
    before, after = _by_address(old), _by_address(new)
    return [
        sentence
        for address, channels in before.items()
        for sentence in (
            _messages(both, address, channels, after[address])
            if address in after
            else (f"{address}: the topic is gone",)
        )
    ]


def _by_address(document: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """The channels of each topic: one for who writes, one for each group that reads."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for channel in document["channels"].values():
        found.setdefault(channel["address"], []).append(channel)
    return found


def _messages(
    both: Comparison, address: str, old: list[Mapping[str, Any]], new: list[Mapping[str, Any]]
) -> Iterator[str]:
    before = {_title(both.old.resolved(one)): one for channel in old for one in channel["messages"].values()}
    after = {_title(both.new.resolved(one)): one for channel in new for one in channel["messages"].values()}
    for title, message in before.items():
        if title not in after:
            yield f"{address}: the message {title} is gone"
            continue
        payloads = both.old.resolved(message)["payload"], both.new.resolved(after[title])["payload"]
        yield from both.schemas(*payloads, Way.BOTH, f"{address} {title}")


def _title(message: Mapping[str, Any]) -> str:
    return str(message.get("title", ""))
