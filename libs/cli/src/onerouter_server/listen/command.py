"""The command itself: what was typed and what the environment says, checked and handed on."""

import os
from typing import Annotated, Final

import typer

_BASE_URL: Final = "http://127.0.0.1:8080"
_KEY: Final = "ONEROUTER_API_KEY"
_SECRET: Final = "ONEROUTER_WEBHOOK_SECRET"  # noqa: S105 - a name


def listen(
    forward_to: Annotated[
        str | None, typer.Option(metavar="URL", help="POST each event there, signed; none: they are only shown.")
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option(metavar="TYPE", help="Only these: payment.succeeded, refund.*; comma-separated or several times."),
    ] = None,
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Go on behind an earlier place. None: from this moment on.")
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option(
            envvar=_SECRET, metavar="WHSEC", help="Sign with it; several with spaces between. None: a new one, shown."
        ),
    ] = None,
    print_json: Annotated[
        bool, typer.Option("--print-json", help="Each event as a line of JSON on standard output, all else beside it.")
    ] = False,
    timeout_s: Annotated[float, typer.Option(min=0.1, max=300, help="How long your program may take for one.")] = 15.0,
    base_url: Annotated[str, typer.Option(envvar="ONEROUTER_BASE_URL", metavar="URL", help="The API.")] = _BASE_URL,
) -> None:
    """Stream your events to this machine, as they come, to the program you are writing.

    Needs an API key with the scope events:read, in ONEROUTER_API_KEY. Each event is sent once, in order, signed as to an
    endpoint (Standard Webhooks); a program that is away is shown, and stops nothing. Ctrl-C ends it and says where to go on.

    Exit codes: 0 stopped, 2 something typed is wrong, 3 the key is missing or refused, 4 the API refuses what is asked, 5 the
    API cannot be reached.
    """
    from pydantic import SecretStr

    from onerouter_server.listen.failures import ListenFailed
    from onerouter_server.listen.listening import Wish, run

    try:
        wish = Wish(
            base_url=_address(base_url, "--base-url"),
            api_key=SecretStr(os.environ.get(_KEY, "").strip()),
            forward_to=None if forward_to is None else _address(forward_to, "--forward-to"),
            types=",".join(types) if types else None,
            after=after,
            secrets=tuple(SecretStr(one) for one in _checked(secret)),
            timeout_s=timeout_s,
            as_json=print_json,
        )
        run(wish)
    except ListenFailed as failed:
        typer.secho(str(failed), fg=typer.colors.RED, err=True)
        raise typer.Exit(failed.exit_code) from None


def _address(url: str, option: str) -> str:
    from yarl import URL

    try:
        parsed = URL(url)
        is_one = parsed.scheme in ("http", "https") and bool(parsed.host)
    except ValueError:
        is_one = False
    if not is_one:
        raise typer.BadParameter("must be an address such as http://localhost:3000/hook", param_hint=option)
    return url


def _checked(secret: str | None) -> list[str]:
    """As the SDKs read the variable: several, during a rotation, have spaces between them."""
    from onerouter_server.listen.target import is_secret

    secrets = (secret or "").split()
    if not all(is_secret(one) for one in secrets):
        # Not what it is: it may be a secret that was pasted badly.
        raise typer.BadParameter("must be whsec_ and 24 to 64 bytes in base64", param_hint="--secret")
    return secrets
