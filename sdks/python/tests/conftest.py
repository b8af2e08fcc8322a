"""Tests of the SDK: no product, no engine. `tests/e2e/sdk` runs it against the real stack."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key or an address that is set here decides no test."""
    for name in ("ONEROUTER_API_KEY", "ONEROUTER_BASE_URL", "ONEROUTER_WEBHOOK_SECRET", "ONEROUTER_LOG"):
        monkeypatch.delenv(name, raising=False)
