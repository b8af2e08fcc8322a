"""The committed table of settings is the current one, and says what each is for."""

from pathlib import Path

import pytest

from onerouter_common.settings import ServiceSettings
from onerouter_server.configuration import describe, variables_of

_COMMITTED = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_committed_page_is_current() -> None:
    assert _COMMITTED.read_text() == describe(), "run `make docs`"


@pytest.mark.parametrize("name", sorted(ServiceSettings.model_fields))
def test_every_shared_setting_says_what_it_is_for(name: str) -> None:
    assert ServiceSettings.model_fields[name].description
    assert all(variable.isupper() for variable in variables_of(ServiceSettings, name))


def test_no_secret_has_a_default() -> None:
    for line in describe().splitlines():
        if "secret |" in line:
            assert "**required**, secret" in line
