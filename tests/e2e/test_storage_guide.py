"""docs/storage.md, carried out word for word."""

from pathlib import Path

import pytest
from tests.e2e.guides import carried_out
from tests.e2e.world import World


@pytest.mark.timeout(240)  # it starts a hundred small programs, which a busy machine does slowly
async def test_its_examples_do_what_they_say(world: World, tmp_path: Path) -> None:
    answers = await carried_out(world, tmp_path, "storage.md")
    assert (answers["object"]["key"], answers["object"]["metadata"]) == ("reports/2026/orders.csv", {"author": "Ada"})
    assert (tmp_path / "copy.csv").read_bytes() == (tmp_path / "orders.csv").read_bytes()
    assert (tmp_path / "beginning.csv").read_text() == "order"
    assert "x-onerouter-metadata-author: ada" in (tmp_path / "head.txt").read_text().lower()
    assert answers["lock"]["etag"]
    assert answers["replaced"]["version"] > answers["lock"]["version"]
    assert "reports/2026/orders.csv" in [one["key"] for one in answers["reports"]["data"]]
    assert {"locks/", "reports/"} <= set(answers["folders"]["prefixes"])
    assert (answers["pending"]["status"], answers["completed"]["status"]) == ("pending", "completed")
    assert (answers["whole"]["status"], answers["aborted"]["status"]) == ("completed", "aborted")
    assert (tmp_path / "film-again.mp4").read_bytes() == (tmp_path / "film.mp4").read_bytes()
    assert answers["deleted"]["deleted"] is True
    assert (answers["old"]["key"], answers["old"]["size"]) == ("old/1.txt", 6)
