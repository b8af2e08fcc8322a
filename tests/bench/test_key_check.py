"""`make bench` measures the check of a key, and a busy machine does not fail it."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.bench import key_check

WORKSPACE = Path(__file__).parents[2]


def test_it_is_a_part_of_make_bench() -> None:
    planned = subprocess.run(["make", "-n", "bench"], cwd=WORKSPACE, capture_output=True, text=True, check=True).stdout
    assert "tests.bench.key_check --report-only" in planned


@pytest.mark.parametrize(("arguments", "code"), [([], 1), (["--report-only"], 0)])
def test_missing_the_goal_fails_unless_only_a_report_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    monkeypatch.setattr(key_check, "GOAL_US", float("-inf"))  # no machine and no noise reaches it
    monkeypatch.setattr(key_check, "REQUESTS", 10)
    monkeypatch.setattr(sys, "argv", ["key_check", "--rounds", "1", *arguments])
    with pytest.raises(SystemExit) as left:
        key_check.main()
    assert left.value.code == code
