"""`make bench` measures the SDK, and a busy machine does not fail it."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.bench import sdk

WORKSPACE = Path(__file__).parents[2]


def test_it_is_a_part_of_make_bench() -> None:
    planned = subprocess.run(["make", "-n", "bench"], cwd=WORKSPACE, capture_output=True, text=True, check=True).stdout
    assert "tests.bench.sdk --report-only" in planned


@pytest.mark.parametrize(("goal", "arguments", "code"), [(0.0, [], 1), (0.0, ["--report-only"], 0)])
def test_missing_the_goal_fails_unless_only_a_report_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, goal: float, arguments: list[str], code: int
) -> None:
    monkeypatch.setattr(sdk, "GOAL", goal)
    monkeypatch.setattr(sys, "argv", ["sdk", "--calls", "120", *arguments])
    with pytest.raises(SystemExit) as left:
        sdk.main()
    assert left.value.code == code
