"""The capability matrix. `python -m onerouter_server.capabilities > docs/capabilities.md` writes the committed one."""

import sys
from collections.abc import Iterable, Sequence
from typing import Final

from onerouter_providers.instead import instead_of_lacking
from onerouter_providers.loader import Providers
from onerouter_providers.manifest import CapabilityFacts, Manifest

_HEAD: Final = """# Capabilities

Written by `make docs` from the providers' manifests; `tests/libs/cli/test_capabilities.py` keeps it current.

What each provider can do, and what a caller is promised of it. `GET /api/catalogue` says the same for what is installed.
What makes a repeat safe after a crash or a lost answer:

- `native`: the provider takes a key, and answers a repeat under it with what it did first, for as long as it keeps the key;
  later it is asked. Exactly once.
- `lookup`: the provider can be asked whether it was done, and after a doubt that comes first. Exactly once.
- `none`: neither. After a doubt nothing is repeated, and a person decides. At most once.

What only reads has no effect. What a provider lacks (–) is refused before anything is sent, with `CAPABILITY_UNSUPPORTED` and
the sentence below; where OneRouter does it in the provider's place, it says so.
"""
_READS: Final = "reads only"
_PROMISE: Final = {"exactly_once": "exactly once", "at_most_once": "at most once"}


def describe(manifests: Iterable[Manifest] | None = None) -> str:
    """The whole page, Markdown; of all installed providers unless some are given."""
    found = [package.manifest for package in Providers.load()] if manifests is None else list(manifests)
    categories = sorted({manifest.category for manifest in found})
    sections = [_category([one for one in found if one.category == category]) for category in categories]
    return "\n".join([_HEAD, *sections])


def _category(manifests: Sequence[Manifest]) -> str:
    ordered = sorted(manifests, key=lambda manifest: manifest.id)
    found = list(dict.fromkeys(_names(ordered)))
    names = sorted(found, key=lambda name: _first(found, name.partition(".")[0]))
    parts = [f"## {ordered[0].category}\n", _matrix(ordered, names)]
    parts += [_provider(manifest, ordered, names) for manifest in ordered]
    return "\n".join(parts)


def _names(manifests: Sequence[Manifest]) -> Iterable[str]:
    for manifest in manifests:
        yield from (capability.name for capability in manifest.capabilities)
    for manifest in manifests:
        yield from manifest.unsupported


def _first(names: Sequence[str], thing: str) -> int:
    """Where the first capability of a thing stands: its others follow it."""
    return next(place for place, name in enumerate(names) if name.partition(".")[0] == thing)


def _matrix(manifests: Sequence[Manifest], names: Sequence[str]) -> str:
    head = ["| capability | " + " | ".join(manifest.display_name for manifest in manifests) + " |"]
    head.append("|---" * (len(manifests) + 1) + "|")
    rows = [
        f"| `{name}` | " + " | ".join(_short(manifest.find_capability(name)) for manifest in manifests) + " |"
        for name in names
    ]
    return "\n".join([*head, *rows]) + "\n"


def _short(facts: CapabilityFacts | None) -> str:
    if facts is None:
        return "–"
    if facts.lookup == _READS:
        return "reads"
    return f"`{facts.idempotency.value}`, {_PROMISE[facts.guarantee]}"


def _provider(manifest: Manifest, beside: Sequence[Manifest], names: Sequence[str]) -> str:
    lines = [
        f"### {manifest.display_name}\n",
        f"API version {manifest.api_version}, read on {manifest.read_on} from {manifest.source}.\n",
        "| capability | repeat safe by | promise | key | kept | asked by |",
        "|---|---|---|---|---|---|",
    ]
    present = [facts for facts in map(manifest.find_capability, names) if facts is not None and facts.lookup != _READS]
    lines += [_row(facts) for facts in present]
    instead = instead_of_lacking(manifest, beside)
    if instead:
        lines += ["", "| not supported | instead |", "|---|---|"]
        lines += [f"| `{name}` | {_cell(instead[name])} |" for name in names if name in instead]
    return "\n".join(lines) + "\n"


def _row(facts: CapabilityFacts) -> str:
    key = f"`{facts.header}`" if facts.header else ""
    told = (key, _cell(facts.retention or ""), _cell(facts.lookup or ""))
    return f"| `{facts.name}` | `{facts.idempotency.value}` | {_PROMISE[facts.guarantee]} | {' | '.join(told)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


if __name__ == "__main__":
    sys.stdout.write(describe())
