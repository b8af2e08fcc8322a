"""One question to a renderer process and its answer, as JSON. Runs in a renderer process only."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from onerouter_messaging.template.characters import WHY, is_sendable
from onerouter_messaging.template.renderer.analysis import schema_of
from onerouter_messaging.template.renderer.language import TOO_DEEP, Unusable, parse, render
from onerouter_messaging.template.renderer.plain_text import text_of


def answer(question: bytes) -> bytes:
    """`{"done": …}` or `{"unusable": {message, part, missing}}`; MemoryError goes through.

    What is nested too deeply for us, or for JSON, is its writer's to mend: the process lives on.
    """
    try:
        return orjson.dumps(_answer(orjson.loads(question)))
    except (RecursionError, TypeError):  # orjson.JSONEncodeError is a TypeError
        return orjson.dumps({"unusable": {"message": TOO_DEEP, "part": "", "missing": None}})


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    try:
        if question["do"] == "analyze":
            return {"done": _analyze(question["parts"], question["defaults"])}
        if question["do"] == "text":
            return {"done": _said_by(question["html"])}
        return {"done": _render(question["parts"], question["variables"], datetime.fromisoformat(question["at"]))}
    except Unusable as error:
        return {"unusable": {"message": error.message, "part": error.part, "missing": error.missing}}


def _analyze(parts: Mapping[str, str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of the variables; a filter that does not exist is found here, not when it is first sent."""
    templates = {part: parse(part, source) for part, source in parts.items()}
    for part, template in templates.items():
        for name in template.analyze(include_partials=False).filters.keys() - template.env.filters.keys():
            raise Unusable(f"there is no filter '{name[:40]}'", part=part)
    return schema_of(templates, defaults)


def _render(parts: Mapping[str, str], variables: Mapping[str, Any], at: datetime) -> dict[str, str]:
    """Each part; of an email without a text also the text that its HTML says."""
    made = {part: render(part, source, variables, at) for part, source in parts.items()}
    if "html" in made and "text" not in made:
        made["text"] = _said_by(made["html"])
    return made


def _said_by(html: str) -> str:
    text = text_of(html)
    if not is_sendable(text):
        raise Unusable(f"its text {WHY}", part="html")
    return text
