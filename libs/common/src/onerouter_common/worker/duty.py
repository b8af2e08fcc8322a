"""Which part of a worker's work a process does."""

from enum import StrEnum


class Duty(StrEnum):
    """Processes of one service may share its work by what somebody waits for: a bulk send of one tenant then takes no time of
    the process that another's one-time code goes through. Every part must be some process's.
    """

    ALL = "all"
    URGENT = "urgent"
    """Commands from the log, and what somebody waits for."""
    BACKGROUND = "background"
    """Bulk, callbacks, and what is asked of providers without being told to."""

    @property
    def takes_urgent(self) -> bool:
        return self is not Duty.BACKGROUND

    @property
    def takes_background(self) -> bool:
        return self is not Duty.URGENT

    @property
    def niceness(self) -> int:
        """Of its process (nice(2)): where both share processors, what somebody waits for gets them first."""
        return 10 if self is Duty.BACKGROUND else 0

    @property
    def share_of_bulk(self) -> float:
        """How much of each bound bulk may fill: beside it there is room for what somebody waits for."""
        return {Duty.ALL: 0.75, Duty.URGENT: 0.0, Duty.BACKGROUND: 1.0}[self]
