"""Two OpenAPI documents side by side: what breaks who uses the old one. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from onerouter_server.breaking.schemas import Comparison, Schema, Way

_METHODS: Final = ("get", "head", "post", "put", "patch", "delete")


def broken(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """A sentence a change, by path. What is added breaks nobody, but for what has to be sent."""
    both = Comparison(old, new)
    return [sentence for path, methods in old["paths"].items() for sentence in _path(both, path, methods, new["paths"])]


def _path(both: Comparison, path: str, methods: Mapping[str, Any], paths: Mapping[str, Any]) -> Iterator[str]:
    if path not in paths:
        yield f"{path}: the path is gone"
        return
    for method in _METHODS:
        if method not in methods:
            continue
        where = f"{method.upper()} {path}"
        if method not in paths[path]:
            yield f"{where}: the operation is gone"
            continue
        yield from _operation(both, methods[method], paths[path][method], where)


def _operation(both: Comparison, old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[str]:
    if old.get("operationId") != new.get("operationId"):
        yield f"{where}: clients are generated with {old.get('operationId')}, which is {new.get('operationId')} now"
    yield from _parameters(both, old, new, where)
    yield from _body(both, old, new, where)
    yield from _answers(both, old["responses"], new["responses"], where)
    yield from _security(_ways_in(both.old.document, old), _ways_in(both.new.document, new), where)


def _ways_in(document: Mapping[str, Any], operation: Mapping[str, Any]) -> list[Mapping[str, Sequence[str]]]:
    """The alternatives of who may call it; an empty one is anybody."""
    ways: list[Mapping[str, Sequence[str]]] = operation.get("security", document.get("security", []))
    return ways or [{}]


def _security(
    old: list[Mapping[str, Sequence[str]]], new: list[Mapping[str, Sequence[str]]], where: str
) -> Iterator[str]:
    """Who got in by one of the old ways has to get in by one of the new ones."""
    for way in old:
        if any(all(name in way and set(scopes) <= set(way[name]) for name, scopes in one.items()) for one in new):
            continue
        if not way:
            yield f"{where}: it needs authentication now"
            continue
        named = " and ".join(f"{name} ({', '.join(scopes)})" if scopes else name for name, scopes in way.items())
        yield f"{where}: {named} is no longer enough to call it"


def _parameters(both: Comparison, old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[str]:
    before = _by_place([both.old.resolved(one) for one in old.get("parameters", ())])
    after = _by_place([both.new.resolved(one) for one in new.get("parameters", ())])
    for place, parameter in before.items():
        named = f"{where} {place[0]} {place[1]}"
        if place not in after:
            yield f"{named}: the parameter is gone"
            continue
        yield from both.schemas(parameter["schema"], after[place]["schema"], Way.ASKED, named)
        if _written(parameter) != _written(after[place]):
            yield f"{named}: it is written as {_told(after[place])} now, and was as {_told(parameter)}"
        if after[place].get("required") and not parameter.get("required"):
            yield f"{named}: it has to be there now"
    for place in after.keys() - before.keys():
        if after[place].get("required"):
            yield f"{where} {place[0]} {place[1]}: it is new, and has to be there"


def _written(parameter: Mapping[str, Any]) -> tuple[str, bool]:
    """Style and explode, with what they are where nothing is said (OpenAPI 3.1, Parameter Object)."""
    style = parameter.get("style", "form" if parameter["in"] in {"query", "cookie"} else "simple")
    return style, parameter.get("explode", style == "form")


def _told(parameter: Mapping[str, Any]) -> str:
    style, is_exploded = _written(parameter)
    return f"{style}, exploded" if is_exploded else style


def _by_place(parameters: list[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(str(one["in"]), str(one["name"]).lower()): one for one in parameters}


def _body(both: Comparison, old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[str]:
    before = both.old.resolved(old.get("requestBody", {}))
    after = both.new.resolved(new.get("requestBody", {}))
    if after.get("required") and not before.get("required"):
        yield f"{where} body: it has to be there now"
    yield from _contents(both, before.get("content", {}), after.get("content", {}), Way.ASKED, f"{where} body")


def _answers(both: Comparison, old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[str]:
    for status, told in old.items():
        before = both.old.resolved(told)
        if status not in new:
            yield f"{where}: the status {status} is gone"
            continue
        after = both.new.resolved(new[status])
        yield from _contents(both, before.get("content", {}), after.get("content", {}), Way.TOLD, f"{where} {status}")
        for name in before.get("headers", {}).keys() - after.get("headers", {}).keys():
            yield f"{where} {status}: the header {name} is gone"
    for status in new.keys() - old.keys():
        if not status.startswith(("4", "5")):
            yield f"{where}: it may answer {status} now"


def _contents(both: Comparison, old: Mapping[str, Any], new: Mapping[str, Any], way: Way, where: str) -> Iterator[str]:
    for media_type, content in old.items():
        if media_type not in new:
            yield f"{where}: {media_type} is gone"
            continue
        before: Schema = content.get("schema", {})
        yield from both.schemas(before, new[media_type].get("schema", {}), way, where)
