"""Stripe's request bodies: forms with brackets. `{"metadata": {"a": "b"}, "items": [{"price": "p"}]}` is
`metadata[a]=b&items[0][price]=p`.
"""

from collections.abc import Iterator, Mapping

Value = str | int | bool | Mapping[str, "Value"] | tuple["Value", ...]


def pairs(params: Mapping[str, Value]) -> list[tuple[str, str]]:
    """In the order given, so that the same parameters are the same bytes. Nothing is made of an empty map or tuple."""
    return [pair for name, value in params.items() for pair in _pairs(name, value)]


def _pairs(name: str, value: Value) -> Iterator[tuple[str, str]]:
    match value:
        case bool():
            yield name, "true" if value else "false"
        case str() | int():
            yield name, str(value)
        case tuple():
            for place, inner in enumerate(value):
                yield from _pairs(f"{name}[{place}]", inner)
        case _:
            for key, inner in value.items():
                yield from _pairs(f"{name}[{key}]", inner)
