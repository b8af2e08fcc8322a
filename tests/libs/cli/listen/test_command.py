"""`onerouter listen` as it is typed."""

import asyncio
import json
import re
import signal
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.libs.cli.listen.conftest import Api, Program, an_event, problem
from typer.testing import CliRunner

from onerouter_common.api_keys import make_key
from onerouter_server.main import app
from onerouter_webhooks.signing import new_secret

KEY: Final = make_key("live").get_secret_value()
_START_S: Final = 60.0


async def typed(*arguments: str, **environment: str | None) -> tuple[int, str, str]:
    """Exit code, standard output, and what it tells people."""
    known = {"ONEROUTER_API_KEY": KEY, "ONEROUTER_BASE_URL": None, "ONEROUTER_WEBHOOK_SECRET": None, **environment}
    result = await asyncio.to_thread(CliRunner().invoke, app, ("listen", *arguments), env=known)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, " ".join(result.stderr.split())


@pytest.mark.parametrize("signalled", [signal.SIGINT, signal.SIGTERM])
async def test_it_forwards_until_it_is_stopped_and_says_where_to_go_on(
    api: Api, program: Program, tmp_path: Path, signalled: signal.Signals
) -> None:
    api.events = [an_event(1), an_event(2)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "onerouter_server.main", "listen", "--forward-to", program.url, "--after", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"ONEROUTER_API_KEY": api.key, "ONEROUTER_BASE_URL": api.url, "HOME": str(tmp_path)},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_S):
            shown = [(await process.stdout.readline()).decode() for _ in api.events]
        process.send_signal(signalled)
        async with asyncio.timeout(_START_S):
            rest, said = (text.decode() for text in await process.communicate())
    finally:
        if process.returncode is None:
            process.kill()
    assert (process.returncode, rest) == (0, "")
    assert [line.split("\t")[1:5] for line in shown] == [
        [event["type"], event["id"], event["resource"]["id"], "200"] for event in api.events
    ]
    secret = re.search(r"whsec_\S+", said)
    assert secret is not None
    assert program.verified(secret[0]) == api.events
    assert "2 events. Go on behind the last: --after 2" in said
    assert "Traceback" not in said
    assert api.key not in said


async def test_its_output_is_for_programs_too(api: Api, program: Program) -> None:
    api.events = [an_event(1), an_event(2, type="refund.created")]
    api.cuts = [10_000]
    secrets = [new_secret().get_secret_value() for _ in range(2)]
    arguments = (
        "--forward-to",
        program.url,
        "--after",
        "0",
        "--print-json",
        "--types",
        "payment.*",
        "--types",
        "refund.*",
    )
    environment = {
        "ONEROUTER_API_KEY": api.key,
        "ONEROUTER_BASE_URL": api.url,
        "ONEROUTER_WEBHOOK_SECRET": " ".join(secrets),
    }
    typing = asyncio.create_task(typed(*arguments, **environment))
    async with asyncio.timeout(_START_S):
        while len(program.got) < 2:
            await asyncio.sleep(0.01)
    api.key = "taken back"
    api.events.append(an_event(3, data={"much": "x" * 10_000}))  # which breaks the connection
    code, out, said = await typing
    assert (code, [json.loads(line) for line in out.splitlines()]) == (3, api.events[:2])
    for secret in secrets:
        assert program.verified(secret) == api.events[:2]
        assert secret not in said
    assert "The API refuses the key (401)" in said
    assert api.queries[0]["types"] == "payment.*,refund.*"


async def test_what_the_api_will_never_answer_has_a_code_of_its_own(api: Api) -> None:
    api.refusals = [problem(422, "types: must be types such as payment.succeeded")]
    code, out, said = await typed("--types", "?", ONEROUTER_API_KEY=api.key, ONEROUTER_BASE_URL=api.url)
    assert (code, out) == (4, "")
    assert "(422): types: must be types such as payment.succeeded" in said


@pytest.mark.parametrize(
    ("arguments", "key", "code", "said"),
    [
        ((), None, 3, "ONEROUTER_API_KEY is not set"),
        ((), KEY[:-1], 3, "misspelled or cut off"),
        (("--forward-to", "localhost:3000"), KEY, 2, "--forward-to"),
        (("--base-url", "ftp://example.com"), KEY, 2, "--base-url"),
        (("--secret", "whsec_c2hvcnQ="), KEY, 2, "--secret"),
        (("--secret", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), KEY, 2, "--secret"),
    ],
    ids=["no key", "a key cut off", "forward to", "base url", "a short secret", "a secret without its prefix"],
)
async def test_what_is_wrong_is_said_before_anything_is_asked(
    arguments: tuple[str, ...], key: str | None, code: int, said: str
) -> None:
    ended, out, told = await typed(*arguments, ONEROUTER_API_KEY=key)
    assert (ended, out) == (code, "")
    assert said in told
    assert KEY[:-1] not in told
    assert "c2hvcnQ" not in told
