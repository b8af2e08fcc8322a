"""Every golden case, over real HTTP, by the asynchronous client and by the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from sdks.python.tests.golden import (
    KEY,
    Case,
    as_json,
    cases,
    check_error,
    check_requests,
    check_result,
    keywords,
    method_of,
)
from sdks.python.tests.wire import Script, serving

from onerouter import OneRouter, OneRouterError, OneRouterSync

pytestmark = pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in cases()])


@pytest.fixture(scope="module")
def script() -> Iterator[Script]:
    with serving() as script:
        yield script


@pytest.fixture(scope="module")
async def client(script: Script) -> AsyncIterator[OneRouter]:
    async with OneRouter(KEY, script.url) as client:
        yield client


@pytest.fixture(scope="module")
def client_sync(script: Script) -> Iterator[OneRouterSync]:
    with OneRouterSync(KEY, script.url) as client:
        yield client


async def test_asynchronous(case: Case, script: Script, client: OneRouter) -> None:
    script.play(*(exchange["answer"] for exchange in case["exchanges"]))
    call = method_of(client, case["call"]["method"])
    if "error" in case:
        with pytest.raises(OneRouterError) as raised:
            await call(**keywords(case))
        check_error(case, raised.value)
    elif "items" in case:
        assert as_json([one async for one in call(**keywords(case))]) == case["items"]
    else:
        check_result(case, await call(**keywords(case)))
    check_requests(case, script.asked)


def test_synchronous(case: Case, script: Script, client_sync: OneRouterSync) -> None:
    script.play(*(exchange["answer"] for exchange in case["exchanges"]))
    call = method_of(client_sync, case["call"]["method"])
    if "error" in case:
        with pytest.raises(OneRouterError) as raised:
            call(**keywords(case))
        check_error(case, raised.value)
    elif "items" in case:
        assert as_json(list(call(**keywords(case)))) == case["items"]
    else:
        check_result(case, call(**keywords(case)))
    check_requests(case, script.asked)
