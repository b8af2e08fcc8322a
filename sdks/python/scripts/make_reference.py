"""Write docs/reference.md from the signatures and docstrings of the package.

python -m sdks.python.scripts.make_reference           # writes
python -m sdks.python.scripts.make_reference --check   # fails where it is not what would be written
"""

import argparse
import ast
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Final

from sdks.python.scripts.description import ROOT

import onerouter
from onerouter import _errors, webhooks
from onerouter._options import ReadOptions, RequestOptions, _CallOptions
from onerouter._resources import AsyncResources

REFERENCE: Final = ROOT / "sdks" / "python" / "docs" / "reference.md"
_INTRODUCTION: Final = """# Reference

Written by scripts/make_reference.py from the docstrings: change those, then `make sdk`.

All of it is of the asynchronous client. `OneRouterSync` has the same without `await`. Results are dictionaries whose fields
can be read as attributes, too; their types are in `onerouter.types`, those of arguments in `onerouter.types.params`.

"""
_ARGUMENT: Final = re.compile(r"^    (\w+): ")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where it would change")
    text = reference()
    if not parser.parse_args().check:
        REFERENCE.write_text(text, "utf-8")
    elif not REFERENCE.exists() or REFERENCE.read_text("utf-8") != text:
        print(f"{REFERENCE} is not current: run `make sdk`.", file=sys.stderr)
        return 1
    return 0


def reference() -> str:
    return _INTRODUCTION + "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield from ["## The client", ""]
    yield from _client()
    for name, resource in _resources():
        yield from [f"## client.{name}", "", *_text(resource), ""]
        for method, function in _methods(resource):
            yield from _function(f"client.{name}.{method}", function)
    yield from ["## onerouter.webhooks", "", *_text(webhooks), ""]
    for name in ("unwrap", "verify", "sign"):
        yield from _function(f"webhooks.{name}", getattr(webhooks, name))
    yield from ["## Options of every call", ""]
    for options in (_CallOptions, ReadOptions, RequestOptions):
        yield from _fields(options)
    yield from [
        "",
        "## Errors",
        "",
        "```",
        *(_errors.__doc__ or "").split("\n\n", 1)[1].rstrip().splitlines(),
        "```",
        "",
    ]
    for name in sorted(onerouter.__all__):
        found = getattr(onerouter, name)
        if isinstance(found, type) and issubclass(found, onerouter.OneRouterError):
            yield f"- **{name}**: {' '.join(' '.join(_text(found)).split())}"


def _client() -> Iterator[str]:
    client = onerouter.OneRouter
    yield from _function("OneRouter", client.__init__, of=client)
    for name in ("with_options", "request", "close"):
        yield from _function(f"client.{name}", getattr(client, name))


def _resources() -> Iterator[tuple[str, type]]:
    for name, member in vars(AsyncResources).items():
        if isinstance(member, cached_property):
            resource = member.func(None)
            yield name, type(resource)
            for part, inner in vars(type(resource)).items():
                if isinstance(inner, property):
                    yield f"{name}.{part}", type(inner.fget(resource)) if inner.fget else object


def _methods(resource: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, member in vars(resource).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            yield name, member


def _fields(of: type) -> Iterator[str]:
    """Each with its type and the docstring below it, which only the source has."""
    (described,) = ast.parse(inspect.getsource(of)).body
    assert isinstance(described, ast.ClassDef)  # noqa: S101
    for field, after in zip(described.body, [*described.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign):
            text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            line = f"- `{ast.unparse(field.target)}`: `{ast.unparse(field.annotation)}`. {' '.join(str(text).split())}"
            yield line.rstrip(" ")


def _function(name: str, function: Callable[..., Any], *, of: object = None) -> list[str]:
    signature = inspect.signature(function)
    arguments = [_argument(each) for each in signature.parameters.values() if each.name != "self"]
    kinds = [each.kind for each in signature.parameters.values() if each.name != "self"]
    if inspect.Parameter.KEYWORD_ONLY in kinds:
        arguments.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    result = "" if of else f" -> {_short(signature.return_annotation)}"
    before = "await " if inspect.iscoroutinefunction(function) else ""
    line = f"{before}{name}({', '.join(arguments)}){result}"
    if len(line) > 110:
        inner = "".join(f"    {argument},\n" for argument in arguments)
        line = f"{before}{name}(\n{inner}){result}"
    return [f"### {name}", "", "```python", line, "```", *_text(of or function), ""]


def _argument(parameter: inspect.Parameter) -> str:
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        return "**options"
    default = "" if parameter.default is inspect.Parameter.empty else f" = {_shown(parameter.default)}"
    return f"{parameter.name}: {_short(parameter.annotation)}{default}"


def _shown(default: object) -> str:
    return json.dumps(default) if isinstance(default, str) else repr(default)


def _short(annotation: object) -> str:
    return re.sub(r"\btypes\.|\bAsync(?=List|EventPage|EventStream)", "", str(annotation)).replace("'", "")


def _text(of: object) -> list[str]:
    """The docstring; its `Args:` become a list."""
    lines: list[str] = []
    for line in (inspect.getdoc(of) or "").splitlines():
        if line == "Args:":
            continue
        if _ARGUMENT.match(line):
            lines.append(_ARGUMENT.sub(r"- `\1`: ", line))
        elif line.startswith("        ") and lines and lines[-1].startswith("- "):
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    return lines


if __name__ == "__main__":
    sys.exit(main())
