"""docs/webhooks.md says what the service does: its code verifies what we sign, its numbers are those of our code."""

import base64
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.exceptions import InvalidSignature
from tests.docs.guides import page

from onerouter_common.contracts.event_types import EVENT_TYPES
from onerouter_common.egress import guard
from onerouter_gateway.events.places import StreamLimits
from onerouter_webhooks.delivery import health
from onerouter_webhooks.delivery.notices import TYPES
from onerouter_webhooks.endpoint.service import MOST_SECRETS
from onerouter_webhooks.event.filter import DEEPEST, MOST_OPERATORS
from onerouter_webhooks.event.payload import MOST_BYTES
from onerouter_webhooks.settings import Settings
from onerouter_webhooks.signing import headers, new_key_pair, new_secret

TEXT: Final = page("webhooks.md")
PLAIN: Final = " ".join(TEXT.split())
BODY: Final = '{"type": "payment.succeeded", "data": {"note": "Zoë ₹ 😀"}}'.encode()
_RUN_S: Final = 500.0


def code(language: str) -> str:
    """The first of the page in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)[0]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Delivery:
    name: str
    body: str
    """Base64."""
    headers: Mapping[str, str]
    secret: str
    is_ours: bool


def deliveries() -> list[Delivery]:
    """Ours, and what others would make of them."""
    now, (private_key, _) = int(time.time()), new_key_pair()
    new, old, other = new_secret(), new_secret(), new_secret()
    first, second, third = (one.get_secret_value() for one in (new, old, other))

    def signed(at: int = now, body: bytes = BODY) -> dict[str, str]:
        return headers([new, old], "evt_1", at, body, private_key=private_key)

    def one(name: str, said: Mapping[str, str], secret: str, is_ours: bool, body: bytes = BODY) -> Delivery:
        return Delivery(name, base64.b64encode(body).decode(), said, secret, is_ours)

    ours = signed()
    later = {**ours, "webhook-timestamp": str(now + 1)}
    unsigned = {name: value for name, value in ours.items() if name != "webhook-signature"}
    only_by_key = {**ours, "webhook-signature": ours["webhook-signature"].split(" ")[-1]}
    return [
        one("signed with the newest secret", ours, first, True),
        one("signed with the one before", ours, second, True),
        one("a minute old", signed(now - 60), first, True),
        one("signed with another", ours, third, False),
        one("another body", ours, first, False, BODY + b" "),
        one("another id", {**ours, "webhook-id": "evt_2"}, first, False),
        one("another time", later, first, False),
        one("of an hour ago", signed(now - 3_600), first, False),
        one("of the next hour", signed(now + 3_600), first, False),
        one("without a time", {**ours, "webhook-timestamp": "soon"}, first, False),
        one("without a signature", unsigned, first, False),
        one("with nothing in it", {**ours, "webhook-signature": " v1, v1 ,"}, first, False),
        one("signed only by key", only_by_key, first, False),
    ]


def run(command: list[str], folder: Path, made: list[Delivery]) -> dict[str, bool]:
    """What the program says of each."""
    given = json.dumps([{**asdict(one), "headers": dict(one.headers)} for one in made])
    done = subprocess.run(command, cwd=folder, input=given.encode(), capture_output=True, timeout=_RUN_S, check=False)
    assert done.returncode == 0, done.stderr.decode()
    said: dict[str, bool] = json.loads(done.stdout)
    return said


def in_python(_: Path, made: list[Delivery]) -> dict[str, bool]:
    scope: dict[str, Any] = {}
    exec(code("python"), scope)  # it is our own page

    def is_ours(one: Delivery) -> bool:
        try:
            event = scope["verify"](base64.b64decode(one.body), one.headers, one.secret)
        except ValueError:
            return False
        return bool(event == json.loads(base64.b64decode(one.body)))

    return {one.name: is_ours(one) for one in made}


def in_javascript(folder: Path, made: list[Delivery]) -> dict[str, bool]:
    (folder / "verify.mjs").write_text(code("javascript"))
    (folder / "main.mjs").write_text(
        """
import { readFileSync } from "node:fs";
import { verify } from "./verify.mjs";
const said = {};
for (const one of JSON.parse(readFileSync(0))) {
  const body = Buffer.from(one.body, "base64");
  try {
    said[one.name] = verify(body, one.headers, one.secret).type === JSON.parse(body).type;
  } catch (error) {
    if (!/too old|not signed/.test(error.message)) throw error;
    said[one.name] = false;
  }
}
console.log(JSON.stringify(said));
"""
    )
    return run(["node", "main.mjs"], folder, made)


def in_go(folder: Path, made: list[Delivery]) -> dict[str, bool]:
    (folder / "go.mod").write_text("module example\n\ngo 1.19\n")
    (folder / "hooks").mkdir()
    (folder / "hooks/verify.go").write_text(code("go"))
    (folder / "main.go").write_text(
        """
package main

import (
	"encoding/json"
	"net/http"
	"os"

	"example/hooks"
)

func main() {
	var made []struct {
		Name, Secret string
		Body         []byte
		Headers      map[string]string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&made); err != nil {
		panic(err)
	}
	said := map[string]bool{}
	for _, one := range made {
		headers := http.Header{}
		for name, value := range one.Headers {
			headers.Set(name, value)
		}
		said[one.Name] = hooks.Verify(one.Body, headers, one.Secret) == nil
	}
	json.NewEncoder(os.Stdout).Encode(said)
}
"""
    )
    return run(["go", "run", "."], folder, made)


def in_ruby(folder: Path, made: list[Delivery]) -> dict[str, bool]:
    (folder / "verify.rb").write_text(code("ruby"))
    (folder / "main.rb").write_text(
        """
require_relative "verify"
said = JSON.parse($stdin.read).to_h do |one|
  body = one["body"].unpack1("m")
  ok = begin
    verify(body, one["headers"], one["secret"])["type"] == JSON.parse(body)["type"]
  rescue ArgumentError
    false
  end
  [one["name"], ok]
end
puts JSON.generate(said)
"""
    )
    return run(["ruby", "main.rb"], folder, made)


def in_php(folder: Path, made: list[Delivery]) -> dict[str, bool]:
    (folder / "verify.php").write_text(code("php"))
    (folder / "main.php").write_text(
        """<?php
require 'verify.php';
$said = [];
foreach (json_decode(file_get_contents('php://stdin'), true) as $one) {
    $body = base64_decode($one['body']);
    try {
        $said[$one['name']] = verify($body, $one['headers'], $one['secret']) == json_decode($body, true);
    } catch (RuntimeException $error) {
        $said[$one['name']] = false;
    }
}
echo json_encode($said);
"""
    )
    return run(["php", "main.php"], folder, made)


def needs(program: str | None) -> pytest.MarkDecorator:
    missing = program is not None and shutil.which(program) is None
    return pytest.mark.skipif(missing, reason=f"{program} is not installed")


class TestTheCode:
    @pytest.mark.parametrize(
        "verdicts",
        [
            pytest.param(in_python, id="python"),
            pytest.param(in_javascript, id="javascript", marks=needs("node")),
            # The first time Go's own library is compiled, on a busy machine for minutes.
            pytest.param(in_go, id="go", marks=[needs("go"), pytest.mark.long, pytest.mark.timeout(600)]),
            pytest.param(in_ruby, id="ruby", marks=needs("ruby")),
            pytest.param(in_php, id="php", marks=needs("php")),
        ],
    )
    def test_takes_what_we_sign_and_nothing_else(
        self, verdicts: Callable[[Path, list[Delivery]], dict[str, bool]], tmp_path: Path
    ) -> None:
        made = deliveries()
        assert verdicts(tmp_path, made) == {one.name: one.is_ours for one in made}

    def test_verifies_by_key_without_a_secret(self) -> None:
        scope: dict[str, Any] = {}
        exec(re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)[1], scope)
        (private_key, public_key), (_, other) = new_key_pair(), new_key_pair()
        made = headers([new_secret()], "evt_1", int(time.time()), BODY, private_key=private_key)
        scope["verify_by_key"](BODY, made, public_key)
        for body, key in ((BODY + b" ", public_key), (BODY, other)):
            with pytest.raises(InvalidSignature):
                scope["verify_by_key"](body, made, key)
        with pytest.raises(ValueError, match="not signed with a key"):
            scope["verify_by_key"](BODY, headers([new_secret()], "evt_1", 1, BODY), public_key)


def default(setting: str) -> Any:
    return Settings.model_fields[setting].default


def spoken(seconds: float) -> str:
    parts = [(int(seconds) // 3_600, "h"), (int(seconds) // 60 % 60, "min"), (int(seconds) % 60, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


class TestTheWords:
    def test_the_table_is_the_schedule(self) -> None:
        waits = default("retry_schedule_s")
        rows = [("1", "", "at once")] + [
            (str(number), spoken(waits[number - 2]), spoken(sum(waits[: number - 1])))
            for number in range(2, len(waits) + 2)
        ]
        assert re.findall(r"^\| (\d+) \| ?(.*?) \| (.+?) \|$", TEXT, re.MULTILINE) == rows
        assert f"± {default('retry_jitter'):.0%}".replace("%", " %") in TEXT

    @pytest.mark.parametrize(
        "said",
        [
            f"within {default('delivery_timeout_s'):.0f} seconds",
            f"connecting may take {default('delivery_connect_timeout_s'):.0f}",
            f"read {default('response_read_limit') // 1024} kB of an answer",
            f"and keep {default('response_stored_limit') // 1024}.",
            f"more than {guard._MOST_HEADERS} headers, or a header above {guard._HEADER_BYTES // 1024} kB",
            f"below {MOST_BYTES // 1000} kB",
            f"kept for {default('event_retention_days')} days",
            f"what became of its deliveries for {default('delivery_retention_days')}",
            f"{default('max_endpoints')} endpoints in an environment",
            f"{default('max_in_flight_per_endpoint')} unless said",
            f"{MOST_SECRETS} can be live at once",
            f"At most {MOST_OPERATORS} conditions, {DEEPEST} levels deep",
            f"A key can have {StreamLimits().of_key} streams open, an account {StreamLimits().of_tenant}",
            f"{health._IN_A_ROW} failures in a row, or {health._SHARE * 100:.0f} % of at least {health._SAMPLES} requests",
            f"within {health._WINDOW.total_seconds() / 60:.0f} minutes. For {health._FIRST_S:.0f} seconds",
            f"up to {health._MOST_S / 60:.0f} minutes",
            f"and {health.DISABLE_LEAST} attempts",
        ],
    )
    def test_a_number_is_the_codes(self, said: str) -> None:
        assert said in PLAIN

    def test_the_days_are_the_codes(self) -> None:
        words = {1: "a day", 3: "three", 5: "five days"}
        told = [words[after.days] for after in (*health.TELL_AFTER, health.DISABLE_AFTER)]
        assert f"`endpoint.failing` after {told[0]} without a success and again after {told[1]}" in PLAIN
        assert f"`endpoint.disabled` after {told[2]}" in PLAIN

    def test_every_type_that_is_named_exists(self) -> None:
        named = set(re.findall(r"[`\"]([a-z_]+\.[a-z_]+)[`\"]", TEXT)) - {"express.raw"}
        assert named <= EVENT_TYPES.keys()
        assert named >= TYPES
