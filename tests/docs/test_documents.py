"""The documents lead somewhere: each link, each path they name, each topic and table they list."""

import re
from pathlib import Path

import pytest

from onerouter_common.contracts.topics import TOPICS

WORKSPACE = Path(__file__).parents[2]
PAGES = sorted([*WORKSPACE.glob("*.md"), *WORKSPACE.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PATH = re.compile(r"`((?:tests|libs|services|deploy|docs)/[\w./-]+)`")
OF_A_PAGE = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(WORKSPACE)) for page in PAGES])


def anchor_of(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@OF_A_PAGE
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in {anchor_of(heading) for heading in HEADING.findall(there.read_text())}, target


@OF_A_PAGE
def test_every_path_that_is_named_exists(page: Path) -> None:
    for path in PATH.findall(page.read_text()):
        assert (WORKSPACE / path).exists(), path


def test_the_architecture_lists_every_topic_as_it_is_declared() -> None:
    text = (WORKSPACE / "docs/architecture.md").read_text()
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (\d+) \|", text, re.MULTILINE))
    assert rows == {topic.name: str(topic.partitions) for topic in TOPICS}


def test_the_index_of_decisions_is_complete() -> None:
    folder = WORKSPACE / "docs/adr"
    records = sorted(path.name for path in folder.glob("0*.md"))
    assert sorted(set(re.findall(r"\((0\d{3}-[\w-]+\.md)\)", (folder / "README.md").read_text()))) == records
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    for name in records:
        text = (folder / name).read_text()
        for section in ("## Context", "## Decision", "## Consequences", "## Alternatives", "Kept by "):
            assert section in text, f"{name}: {section}"


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (WORKSPACE / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE))
        assert named <= targets, page.name


def test_every_setting_that_is_named_exists() -> None:
    known = set(
        re.findall(r"`((?:ONEROUTER_|KAFKA_|REDIS_|OTEL_)\w+)`", (WORKSPACE / "docs/configuration.md").read_text())
    )
    for page in PAGES:
        named = set(re.findall(r"`(ONEROUTER_(?:GATEWAY|PAYMENTS|REGISTRY|WEBHOOKS|SANDBOX)_\w+)`", page.read_text()))
        assert named <= known, page.name


def test_every_metric_that_is_named_exists() -> None:
    source = (WORKSPACE / "libs/common/src/onerouter_common/metric_names.py").read_text()
    for name in re.findall(r"`(onerouter_[a-z_]+)[`{]", (WORKSPACE / "docs/operations.md").read_text()):
        assert (
            f'"{name}"' in source or name.endswith(("_tenant", "_worker")) or name.startswith("onerouter_payments")
        ), name
