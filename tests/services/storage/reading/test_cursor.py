"""A cursor goes on with the list that gave it, and with no other."""

import pytest
from pydantic import SecretStr

from onerouter_common.errors import InvalidRequest
from onerouter_storage.reading.cursor import MOST_CHARS, Cursors

OLD, NEW = "old-secret-0123456789", "new-secret-0123456789"
LIST = ("ten_1", "test", "con_1", "a/", "/")


def test_it_is_good_for_its_own_list_alone() -> None:
    cursors = Cursors(SecretStr(OLD))
    cursor = cursors.sign("their token ü", *LIST)
    assert cursors.open(cursor, *LIST) == "their token ü"
    others = [
        (*LIST[:place], other, *LIST[place + 1 :]) for place, other in enumerate(("ten_2", "live", "con_2", "a", ""))
    ]
    for bound_to in (*others, ("ten_1test", "", *LIST[2:])):
        with pytest.raises(InvalidRequest, match="cursor"):
            cursors.open(cursor, *bound_to)


@pytest.mark.parametrize("forged", ["", "x", "=", "%%%", "A" * 40, "A" * (MOST_CHARS + 1), "é"])
def test_what_nobody_signed_is_refused(forged: str) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        Cursors(SecretStr(OLD)).open(forged, *LIST)


def test_a_secret_is_replaced_without_a_break() -> None:
    cursor = Cursors(SecretStr(OLD)).sign("t", *LIST)
    assert Cursors(SecretStr(f"{NEW}, {OLD}")).open(cursor, *LIST) == "t"
    with pytest.raises(InvalidRequest):
        Cursors(SecretStr(NEW)).open(cursor, *LIST)
    with pytest.raises(ValueError, match="empty"):
        Cursors(SecretStr(f"{NEW},"))
