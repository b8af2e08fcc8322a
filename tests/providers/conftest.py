"""What the suites of all providers share."""

from collections.abc import Iterator

import pytest
from tests.moto import running_moto
from tests.pausing import Pause


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """Somebody else's idea of AWS. It knows its own protocol, not our simulator; no signature, no limit is checked."""
    with running_moto() as url:
        yield url


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pause]:
    one = Pause(monkeypatch)
    yield one
    one.end()
