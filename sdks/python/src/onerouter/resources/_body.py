"""What methods send."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def present(fields: Mapping[str, object], *, blank: Collection[str] = ()) -> dict[str, object]:
    """Without those that were not said. Where None has a meaning of its own (`update`) the default is NOT_GIVEN.

    `blank`: of these an empty text says nothing either, as in version 2.
    """
    return {name: value for name, value in fields.items() if not (value is None or (name in blank and value == ""))}
