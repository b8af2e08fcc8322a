"""The shape of everything that crosses Kafka is committed; a change in either direction fails here."""

import importlib
import json
import pkgutil
from typing import Any

import pytest
from pydantic import ValidationError

from onerouter_common import contracts
from onerouter_common.contracts.base import Contract

from .examples import FULL
from .golden_files import check, read, shape_of

KINDS = [type(example) for example in FULL]
BY_NAME = pytest.mark.parametrize("example", FULL, ids=[kind.__name__ for kind in KINDS])


def kinds_declared() -> set[type[Contract]]:
    for module in pkgutil.iter_modules(contracts.__path__):
        importlib.import_module(f"{contracts.__name__}.{module.name}")

    def below(kind: type[Contract]) -> set[type[Contract]]:
        direct = {sub for sub in kind.__subclasses__() if sub.__module__.startswith(contracts.__name__)}
        return direct | {deep for sub in direct for deep in below(sub)}

    # What several are made of is in each of them.
    return {kind for kind in below(Contract) if not kind.__name__.startswith("_")}


def test_every_contract_has_an_example() -> None:
    """A part of another contract (`Customer`, `EventResource`, `CallbackObject`) is covered by the whole."""
    assert {kind for example in FULL for kind in kinds_in(example)} == kinds_declared()


def kinds_in(value: Any) -> set[type[Contract]]:
    """The contracts that an example is made of, however deep."""
    if isinstance(value, Contract):
        return {type(value)} | kinds_in(list(dict(value).values()))
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return {kind for part in parts for kind in kinds_in(part)}


@BY_NAME
def test_the_example_sets_every_field_to_something_else_than_its_default(example: Contract) -> None:
    for name, field in type(example).model_fields.items():
        assert field.is_required() or getattr(example, name) != field.get_default(call_default_factory=True), name


@BY_NAME
def test_what_is_written_is_the_golden_file(example: Contract) -> None:
    check(f"{type(example).__name__}.record", json.loads(example.to_bytes()))


@BY_NAME
def test_the_golden_file_is_read_as_it_was_written(example: Contract) -> None:
    again = type(example).model_validate_json(read(f"{type(example).__name__}.record"))
    assert again == example
    assert again.to_bytes() == example.to_bytes()


@BY_NAME
@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_schema_is_the_golden_one(example: Contract, mode: Any) -> None:
    kind = type(example)
    check(f"{kind.__name__}.{mode}.schema", shape_of(kind.model_json_schema(mode=mode)))


@BY_NAME
def test_a_field_of_a_newer_release_is_ignored(example: Contract) -> None:
    newer = {**json.loads(example.to_bytes()), "added_later": {"any": ["thing"]}}
    assert type(example).model_validate_json(json.dumps(newer)) == example


@BY_NAME
def test_optional_fields_may_be_missing_and_required_ones_may_not(example: Contract) -> None:
    kind, record = type(example), json.loads(example.to_bytes())
    required = {name: record[name] for name, field in kind.model_fields.items() if field.is_required()}
    least = kind.model_validate_json(json.dumps(required))
    assert least.model_fields_set == set(required)
    for missing in required:
        with pytest.raises(ValidationError):
            kind.model_validate({name: value for name, value in required.items() if name != missing})


@BY_NAME
def test_a_record_cannot_be_changed(example: Contract) -> None:
    name = next(iter(type(example).model_fields))
    with pytest.raises(ValidationError):
        setattr(example, name, "other")


def test_times_are_utc_to_the_millisecond_and_naive_ones_are_refused() -> None:
    command = next(example for example in FULL if type(example).__name__ == "Command")
    record = json.loads(command.to_bytes())
    assert record["accepted_at"] == "2026-01-31T09:30:00.125Z"
    elsewhere = {**record, "accepted_at": "2026-01-31T15:00:00.125+05:30"}
    assert type(command).model_validate(elsewhere).to_bytes() == command.to_bytes()
    with pytest.raises(ValidationError):
        type(command).model_validate({**record, "accepted_at": "2026-01-31T09:30:00"})
