"""Where a connection's credentials come from: a file or standard input, a hidden prompt, the command line last."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
import typer
from pydantic import SecretStr

from onerouter_providers.manifest import Manifest
from onerouter_server.admin.session import fail, notes


def read_credentials(
    manifest: Manifest, given: Sequence[str], source: str | None, *, ask: bool = True
) -> dict[str, SecretStr]:
    """Merge what the file and the options say; `ask` for required fields that are missing, if someone can answer.

    What is on the command line can be read by every process of the machine: fine for a key id, not for its secret.
    """
    values = _from_file(source) if source is not None else {}
    for item in given:
        key, separator, value = item.partition("=")
        if separator and any(field.key == key and field.sensitive for field in manifest.credentials):
            notes.print(f"'{key}' is secret: give it in --credentials-file, or as --credential {key} to be asked.")
        values[key] = SecretStr(value) if separator else _ask(key, hidden=True)
    if ask and source != "-" and sys.stdin.isatty():
        values |= _ask_for_missing(manifest, values)
    return values


def _ask_for_missing(manifest: Manifest, values: Mapping[str, SecretStr]) -> dict[str, SecretStr]:
    return {
        field.key: _ask(field.label, hidden=field.sensitive)
        for field in manifest.credentials
        if field.required and field.key not in values
    }


def _ask(what: str, *, hidden: bool) -> SecretStr:
    return SecretStr(str(typer.prompt(what, hide_input=hidden, err=True)).strip())


def _from_file(source: str) -> dict[str, SecretStr]:
    """A JSON object, or lines of `key=value` (`#` starts a comment line)."""
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{source} cannot be read ({type(error).__name__}).")
    if text.lstrip().startswith("{"):
        return _from_json(text, source)
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    pairs = [line.partition("=") for line in lines]
    if any(not separator for _, separator, _ in pairs):
        fail(f"{source} must hold a JSON object or lines like key=value.")
    return {key.strip(): SecretStr(value.strip()) for key, _, value in pairs}


def _from_json(text: str, source: str) -> dict[str, SecretStr]:
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        fail(f"{source} is not valid JSON.")
    if not all(isinstance(value, str) for value in values.values()):
        fail(f"{source} must be a JSON object of texts.")
    return {key: SecretStr(value) for key, value in values.items()}
