"""What the check of a cached API key adds to a request, beside a dependency that does nothing.

    .venv/bin/python -m tests.bench.key_check

Whole requests through FastAPI, without a socket: the same app, the same route, once with an empty dependency and once with
the gateway's check (parse, checksum, keyed hash, cache, status, tenant, address). Taken in turns, so that the machine's moods
meet both. Exits 1 when the check adds more than 50 µs at the median, unless it was asked only to report.
"""

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import uvloop
from fastapi import Depends, FastAPI
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.api_keys import make_key
from onerouter_common.clock import SystemClock
from onerouter_common.registry_client import Principal
from onerouter_gateway.authentication.address import client_address_of, networks_of
from onerouter_gateway.authentication.authenticator import Authenticator, require_scope
from onerouter_gateway.authentication.principals import PrincipalCache

GOAL_US: Final = 50.0
ROUNDS: Final = 40
REQUESTS: Final = 500
PEPPER: Final = SecretStr("p" * 32)
PROXIES: Final = networks_of(["10.0.0.0/8", "127.0.0.0/8"])

Check = Callable[[Request], Awaitable[None]]


def principal(**changed: Any) -> Principal:
    fields: dict[str, Any] = {
        "tenant_id": "ten_1",
        "environment": "test",
        "api_key_id": "key_1",
        "status": "active",
        "scopes": {"payments:read", "payments:write"},
        "rate_limit_per_s": 100,
        "rate_burst": 200,
        "default_currency": "INR",
        "services": {"payments": ("razorpay",)},
        "requests_per_minute": 500,
    }
    return Principal.model_validate({**fields, **changed})


async def nothing(_: Request) -> None:
    """The dependency that does nothing."""


def key_check(held: Principal) -> Check:
    """The gateway's own, of a key that is cached after the first time."""

    async def introspect(_: str) -> Principal:
        return held

    cache = PrincipalCache(introspect, lambda: True, ttl_s=3600, unknown_ttl_s=5, size=50_000)
    authenticator = Authenticator(cache, PEPPER, SystemClock())

    async def check(request: Request) -> None:
        caller = await authenticator.authenticate(request.headers, client_address_of(request, PROXIES))
        require_scope(caller.principal, "payments:write")

    return check


def app_with(check: Check) -> FastAPI:
    app = FastAPI(openapi_url=None)

    async def answer() -> Response:
        return Response(b"{}", media_type="application/json")

    app.add_api_route("/", answer, methods=["GET"], dependencies=[Depends(check)])
    return app


def scope(key: str) -> dict[str, Any]:
    """As uvicorn makes it for a usual client behind a proxy."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8080),
        "headers": [
            (b"host", b"api.example"),
            (b"user-agent", b"onerouter-python/1.0.0"),
            (b"accept", b"application/json"),
            (b"authorization", f"Bearer {key}".encode()),
            (b"x-forwarded-for", b"203.0.113.7, 10.0.0.3"),
            (b"content-type", b"application/json"),
        ],
    }


async def measure(app: FastAPI, key: str, requests: int) -> list[float]:
    """µs of each."""
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    taken: list[float] = []
    for _ in range(requests):
        asked = scope(key)
        started = time.perf_counter_ns()
        await app(asked, receive, send)
        taken.append((time.perf_counter_ns() - started) / 1000)
    if set(statuses) != {200}:
        raise RuntimeError(f"answers other than 200: {set(statuses)}")
    return taken


async def bench(console: Console, rounds: int) -> float:
    key = make_key("test").get_secret_value()
    networks = [f"198.51.{number}.0/24" for number in range(19)] + ["203.0.113.0/24"]
    apps = {
        "empty dependency": app_with(nothing),
        "key check": app_with(key_check(principal())),
        "key check, 20 networks allowed": app_with(key_check(principal(ip_allow_list=networks))),
    }
    taken: dict[str, list[float]] = {name: [] for name in apps}
    for app in apps.values():
        await measure(app, key, REQUESTS)
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for name, app in apps.items():
            taken[name].extend(await measure(app, key, REQUESTS))
    table = Table(title="A request, µs")
    for heading in ("", "p50", "p95", "p99", "added p50", "ratio"):
        table.add_column(heading, justify="left" if not heading else "right")
    empty = statistics.median(taken["empty dependency"])
    added = 0.0
    for name, values in taken.items():
        cuts = statistics.quantiles(values, n=100)
        added = max(added, cuts[49] - empty)
        table.add_row(
            name,
            f"{cuts[49]:.1f}",
            f"{cuts[94]:.1f}",
            f"{cuts[98]:.1f}",
            f"{cuts[49] - empty:+.1f}",
            f"{cuts[49] / empty:.2f}",
        )
    console.print(table)
    console.print(f"Goal: at most {GOAL_US:g} µs added at the median; reached: {added:.1f} µs.")
    return added


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--report-only", action="store_true", help="exit 0 whatever was measured: the machine may be busy"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    added = uvloop.run(bench(Console(width=120), options.rounds))
    sys.exit(0 if added <= GOAL_US or options.report_only else 1)


if __name__ == "__main__":
    main()
