"""Several things can fail at once when several are started at once."""

from collections.abc import Iterator


def leaves(failure: BaseException) -> Iterator[BaseException]:
    """The single exceptions inside (nested) groups."""
    if isinstance(failure, BaseExceptionGroup):
        for inner in failure.exceptions:
            yield from leaves(inner)
    else:
        yield failure
