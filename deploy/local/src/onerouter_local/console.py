"""What a person sees of a running stack."""

import time
from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from onerouter_local import logs
from onerouter_local.stack import Stack

_RUNS: Mapping[str, str] = {
    "gateway": "the public API",
    "registry": "tenants, keys, connections",
    "payments": "worker: commands in, provider calls out",
    "messaging": "the same for SMS and email",
    "storage": "objects in buckets: put, read, signed for upload and download",
    "webhooks": "callbacks in, events out",
    "sandbox": "providers, simulated on their own wire protocols; what they were sent: /inbox",
}
_STEP_WIDTH = 14


class ConsoleReporter:
    """Prints the start step by step, then what needs attention (everything when `verbose`)."""

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._console = console
        self._verbose = verbose
        self._ready: set[str] = set()
        self._calm = False

    def calm(self) -> None:
        """From now on only errors: in a stack that stops everyone complains about the next one being gone."""
        self._calm = True

    def step(self, what: str, detail: str, seconds: float) -> None:
        """A finished step with its time."""
        self._print("✓", "green", what, detail, f"{seconds:5.1f} s")

    def line(self, service: str, line: str) -> None:
        """A service's log line, when it matters: while starting, a neighbour that is not there yet does not."""
        levels = logs.LOUD if service in self._ready and not self._calm else logs.ERRORS
        if self._verbose or logs.is_loud(line, levels):
            self._console.print(logs.humanize(service, line), highlight=False)

    def ready(self, service: str, url: str, seconds: float) -> None:
        """A service that answers."""
        self._ready.add(service)
        self._print("✓", "green", service, url, f"{seconds:5.1f} s")

    def ended(self, service: str, how: str, again_in_s: float) -> None:
        """A process that ended although nobody asked it to."""
        self._ready.discard(service)
        self._print("↻", "yellow", service, f"{how}; starting it again in {again_in_s:.1f} s", "")

    def _print(self, sign: str, style: str, what: str, detail: str, time_taken: str) -> None:
        line = Text.assemble(("  " + sign, style), f" {what:<{_STEP_WIDTH}}", (f"{time_taken:>8}  ", "dim"), detail)
        self._console.print(line, highlight=False)


def banner(console: Console, what: str) -> None:
    """The first line of every command."""
    console.print(Text.assemble(("\n  OneRouter ", "bold cyan"), (what, "dim"), "\n"))


def status_table(stack: Stack) -> Table:
    """What runs where."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=True, header_style="dim")
    for column in ("", "process", "address", "pid", "what it is"):
        table.add_column(column)
    for name, process in reversed(stack.services.items()):
        colour = logs.COLOURS.get(process.spec.service, "white")
        about = _RUNS.get(process.spec.service, "")
        table.add_row(Text("●", "green"), Text(name, colour), process.spec.url, str(process.pid), Text(about, "dim"))
    table.add_section()
    for engine in stack.engines:
        address = f"127.0.0.1:{engine.port}"
        table.add_row(Text("●", "green"), engine.name, address, str(engine.pid), Text(engine.about, "dim"))
    return table


def first_steps(stack: Stack, env_file: str) -> Panel:
    """Requests that work when pasted: as a program with its key, and as the demo person."""
    url = stack.addresses.url("gateway")
    commands = "\n".join(
        [
            f"set -a; source {env_file}; set +a",
            'curl -s "$ONEROUTER_BASE_URL/v1/payments" -H "Authorization: Bearer $ONEROUTER_API_KEY" \\',
            "  -H 'Content-Type: application/json' -H \"Idempotency-Key: first-$RANDOM\" \\",
            """  -d '{"amount": "499.00", "currency": "INR", "receipt": "order-1"}'""",
            "",
            f"# as a person: {stack.secrets.demo_email}, password {stack.secrets.demo_password}",
            """curl -s -c .onerouter/cookies "$ONEROUTER_BASE_URL/api/auth/sign-in" -H 'Content-Type: application/json' \\""",
            """  -d '{"email": "'"$ONEROUTER_DEMO_EMAIL"'", "password": "'"$ONEROUTER_DEMO_PASSWORD"'"}'""",
        ]
    )
    return Panel(
        Text(commands),
        title="try it",
        title_align="left",
        subtitle=f"API reference: {url}/docs",
        subtitle_align="left",
        border_style="dim",
        expand=False,
        padding=(1, 2),
    )


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self._began
