import gc
from collections.abc import Iterator

import pytest

from onerouter_server.loading import uncollected


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """However a test ends."""
    yield
    gc.enable()


def test_garbage_is_looked_for_again_afterwards_whatever_happened() -> None:
    with pytest.raises(ImportError), uncollected():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_who_had_turned_it_off_has_it_off() -> None:
    gc.disable()
    with uncollected():
        pass
    assert not gc.isenabled()
