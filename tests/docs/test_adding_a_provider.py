"""docs/adding-a-provider.md shows the package that is tested, and nothing else."""

import re
from pathlib import Path

import pytest

from onerouter_providers.manifest import Manifest

WORKSPACE = Path(__file__).parents[2]
PROVIDERS = WORKSPACE / "tests/providers"
PACKAGE = PROVIDERS / "example_payments"
TEXT = (WORKSPACE / "docs/adding-a-provider.md").read_text()
BLOCKS = re.findall(r"^```(\S+)(?: file=(\S+))?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SHOWN = [(path, code) for _, path, code in BLOCKS if path]


@pytest.mark.parametrize(("path", "code"), SHOWN, ids=[f"{path}-{number}" for number, (path, _) in enumerate(SHOWN)])
def test_each_block_stands_in_the_file_that_it_names(path: str, code: str) -> None:
    assert code in (PROVIDERS / path).read_text()


def test_every_file_of_the_package_is_shown() -> None:
    files = {str(path.relative_to(PROVIDERS)) for path in PACKAGE.rglob("*") if path.suffix in (".py", ".toml")}
    assert files <= {path for path, _ in SHOWN}


def test_code_that_is_no_files_is_a_command() -> None:
    assert {language for language, path, _ in BLOCKS if not path} == {"sh"}


def test_the_table_of_fields_is_the_manifests() -> None:
    _, _, table = TEXT.partition("## The manifest\n")
    named = {
        name.split(".")[0].strip("[]")
        for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", row)
    }
    assert named == set(Manifest.model_fields)
