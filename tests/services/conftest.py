"""What every service's tests take for granted: that who is there answers, however busy the machine is."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def the_registry_is_waited_for() -> Iterator[None]:
    """In production it is away after two seconds, which a machine that does many things at once can need."""
    from onerouter_common.registry_client import RegistryClient

    defaults = RegistryClient.__init__.__kwdefaults__
    assert defaults is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(defaults, "timeout_s", 60.0)
        yield
