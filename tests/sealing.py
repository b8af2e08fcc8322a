"""Sealed values for tests that are not about sealing."""

from onerouter_common.secrets import DataKey, LocalKey


def new_data_key(keyring: str, bound_to: tuple[str, ...]) -> tuple[DataKey, str]:
    """A data key and its wrapped form, by the first key of a ring of local keys; at once, without a loop."""
    id, _, encoded = keyring.split(",")[0].partition(":")
    data_key = DataKey.new()
    return data_key, LocalKey.parse(id, encoded).wrap_now(data_key, bound_to)
