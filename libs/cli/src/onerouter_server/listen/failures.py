"""What ends `onerouter listen`, each with an exit code of its own, so that scripts can tell.

ListenFailed
├── KeyRefused   3   the API key is missing, misspelled, revoked, or may not read events
├── Refused      4   the API answered, and will answer the same again: types, a cursor, an address that is not the API's
└── Unreachable  5   it could not be reached from the beginning
"""

from typing import ClassVar


class ListenFailed(Exception):
    """The text is a sentence for whoever typed the command."""

    exit_code: ClassVar[int] = 1


class KeyRefused(ListenFailed):
    exit_code = 3


class Refused(ListenFailed):
    exit_code = 4


class Unreachable(ListenFailed):
    exit_code = 5
