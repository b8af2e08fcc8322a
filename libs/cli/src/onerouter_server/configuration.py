"""The table of settings. `python -m onerouter_server.configuration > docs/configuration.md` writes the committed one."""

import enum
import importlib
import json
import sys
from collections.abc import Iterable
from typing import Any

from pydantic import AliasChoices, BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from onerouter_server.services import Service

_HEAD = """# Configuration

Written by `make docs` from the settings classes; `tests/libs/cli/test_configuration.py` keeps it current.

Every process reads its settings from environment variables once, when it starts, and refuses to start when one is missing or
wrong; the message names the variable, never its value. Times are in seconds where a name ends in `_s`, sizes in bytes.
Secrets have no default.

- `onerouter migrate` reads `ONEROUTER_<SERVICE>_ADMIN_DATABASE_URL`, which owns one service's database, or `DATABASE_URL`, a
  superuser's, and creates the login that `ONEROUTER_<SERVICE>_DATABASE_URL` names.
- `onerouter topics` reads `KAFKA_BOOTSTRAP_SERVERS`.
- `onerouter admin` reads the registry's database, keyrings and pepper.
- Tests use what `DATABASE_URL`, `REDIS_URL` and `KAFKA_BOOTSTRAP_SERVERS` name, else they start engines of their own.
"""


def describe() -> str:
    """The whole page, Markdown."""
    sections = [_HEAD]
    for service in Service:
        settings = importlib.import_module(f"onerouter_{service}.settings").Settings
        sections.append(f"## {service}\n\n{_table(settings)}")
    return "\n".join(sections)


def variables_of(settings: type[BaseModel], name: str) -> list[str]:
    """The environment variables a field is read from, the first that is set wins."""
    alias = settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices if str(choice).isupper()]
    return [f"{settings.model_config.get('env_prefix', '')}{name}".upper()]


def _table(settings: type[BaseModel]) -> str:
    lines = ["| variable | default | effect |", "|---|---|---|"]
    for name, field in sorted(settings.model_fields.items(), key=lambda item: (not item[1].is_required(), item[0])):
        variables = " or ".join(f"`{variable}`" for variable in variables_of(settings, name))
        lines.append(f"| {variables} | {_default(field)} | {_cell(field.description or '')} |")
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**, secret" if field.annotation is SecretStr else "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined or value == ():
        return "none"
    return f"`{_cell(_written(value))}`"


def _written(value: Any) -> str:
    """As it would stand in the environment."""
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return ",".join(_written(item) for item in value) or " "
    return str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|") or " "


if __name__ == "__main__":
    sys.stdout.write(describe())
