"""`import onerouter` costs next to nothing: what is slow to load waits until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = {
    "httpx2",
    "httpcore2",
    "anyio",
    "asyncio",
    "ssl",
    "socket",
    "email",
    "inspect",
    "dataclasses",
    "logging",
    "json",
}


def loaded_by(code: str) -> set[str]:
    program = f"import sys; before = set(sys.modules)\n{code}\nprint(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}\n{program}"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    return set(done.stdout.split())


def test_nothing_slow_is_loaded() -> None:
    loaded = loaded_by("import onerouter")
    assert "onerouter" in loaded
    assert not loaded & SLOW
    assert not {
        name for name in loaded if name.startswith(("onerouter.types", "onerouter.resources", "onerouter._sync"))
    }


@pytest.mark.parametrize(
    ("code", "later"),
    [
        ("from onerouter import OneRouterSync", SLOW - {"json", "logging"}),
        ("import onerouter.webhooks", SLOW - {"json", "email"}),
        ("from onerouter import OneRouter", {"httpx2", "httpcore2", "anyio"}),
    ],
)
def test_the_http_client_is_loaded_with_the_first_client(code: str, later: set[str]) -> None:
    assert not loaded_by(code) & later


def test_every_public_name_is_there() -> None:
    import onerouter

    assert all(getattr(onerouter, name) is not None for name in onerouter.__all__)
    assert set(dir(onerouter)) == set(onerouter.__all__)
    with pytest.raises(AttributeError):
        _ = onerouter.nothing  # type: ignore[attr-defined]
