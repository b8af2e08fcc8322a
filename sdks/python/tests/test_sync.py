"""The synchronous client is the asynchronous one, written out: nothing is missing, nothing differs."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from sdks.python.scripts import make_sync

from onerouter import OneRouter, OneRouterSync
from onerouter._resource import AsyncResource
from onerouter._resources import AsyncResources
from onerouter.testing import API_KEY

ONLY_ASYNC = {"aclose"}
RESOURCES = sorted(name for name in vars(AsyncResources) if not name.startswith("_"))


def public(of: object) -> dict[str, Any]:
    return {name: getattr(of, name) for name in dir(type(of)) if not name.startswith("_")}


def shape(method: Any) -> list[tuple[str, Any, Any]]:
    return [(each.name, each.kind, each.default) for each in inspect.signature(method).parameters.values()]


@pytest.fixture(scope="module")
def synced() -> dict[str, str]:
    return make_sync.synced()


def test_it_is_current(synced: dict[str, str]) -> None:
    assert synced == {name: (make_sync.TARGET / name).read_text() for name in synced}


@pytest.mark.parametrize(("added", "code"), [("", 0), ("# another\n", 1)])
def test_a_difference_fails_the_check(
    synced: dict[str, str],
    added: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["make_sync", "--check"])
    monkeypatch.setattr(make_sync, "synced", lambda: {**synced, "_client.py": synced["_client.py"] + added})
    assert make_sync.main() == code
    assert ("_client.py" in capsys.readouterr().err) == bool(code)


def test_nothing_asynchronous_is_left(synced: dict[str, str]) -> None:
    for name, text in synced.items():
        code = "\n".join(line.partition("#")[0] for line in text.splitlines())
        left = [word for word in ("async ", "await ", "Async", "asyncio", "__aenter", "__aiter") if word in code]
        assert not left, name


@pytest.mark.parametrize("name", RESOURCES)
def test_each_resource_has_the_same_methods(name: str) -> None:
    ours, theirs = getattr(OneRouter(API_KEY), name), getattr(OneRouterSync(API_KEY), name)
    assert isinstance(ours, AsyncResource)
    assert type(theirs).__name__ == type(ours).__name__.replace("Async", "Sync")
    methods, twins = public(ours), public(theirs)
    assert methods.keys() == twins.keys()
    for method in methods:
        if callable(methods[method]) and method != "with_raw_response":
            assert shape(methods[method]) == shape(twins[method]), method
            assert not inspect.iscoroutinefunction(twins[method])


def test_the_clients_have_the_same_names() -> None:
    ours, theirs = set(dir(OneRouter)), set(dir(OneRouterSync))
    assert {name for name in ours - theirs if not name.startswith("_")} == ONLY_ASYNC
    assert not {name for name in theirs - ours if not name.startswith("_")}
    assert shape(OneRouter.__init__) == shape(OneRouterSync.__init__)
