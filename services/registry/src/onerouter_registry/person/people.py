"""All use cases about people, wired together."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.person.entrance import Entrance
from onerouter_registry.person.users import Users
from onerouter_registry.session.service import Sessions
from onerouter_registry.settings import ManagementSettings


@dataclass(frozen=True, slots=True)
class People:
    users: Users
    sessions: Sessions
    entrance: Entrance


def people(settings: ManagementSettings, engine: AsyncEngine, audit: AuditLog, clock: Clock) -> People:
    sessions = Sessions(engine, clock)
    return People(
        users=Users(
            engine, audit, clock, policy=settings.sign_up_policy, first_operates=settings.first_person_operates
        ),
        sessions=sessions,
        entrance=Entrance(sessions, audit),
    )
