"""All use cases about people, wired together."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.mail.letters import Letters
from onerouter_registry.mail.service import Post
from onerouter_registry.member.founding import Founding
from onerouter_registry.member.invitations import Invitations
from onerouter_registry.member.joining import Joining
from onerouter_registry.member.service import Members
from onerouter_registry.person.account import Accounts
from onerouter_registry.person.entrance import Entrance
from onerouter_registry.person.identities import Identities
from onerouter_registry.person.introductions import Introductions
from onerouter_registry.person.password_reset import PasswordReset
from onerouter_registry.person.passwords import Passwords
from onerouter_registry.person.reauthentication import Reauthentication
from onerouter_registry.person.reclaiming import Reclaiming
from onerouter_registry.person.sealing import PersonSecrets
from onerouter_registry.person.second_factor import SecondFactor
from onerouter_registry.person.sign_in import SignIn
from onerouter_registry.person.sign_up import SignUp
from onerouter_registry.person.sweeping import Sweeping
from onerouter_registry.person.tokens import Tokens
from onerouter_registry.person.users import Users
from onerouter_registry.session.own import OwnSessions
from onerouter_registry.session.service import Sessions
from onerouter_registry.settings import ManagementSettings
from onerouter_registry.throttle.service import Throttle


@dataclass(frozen=True, slots=True)
class People:
    users: Users
    identities: Identities
    introductions: Introductions
    sessions: Sessions
    own_sessions: OwnSessions
    entrance: Entrance
    throttle: Throttle
    passwords: Passwords
    sign_in: SignIn
    sign_up: SignUp
    reauthentication: Reauthentication
    second_factor: SecondFactor
    accounts: Accounts
    password_reset: PasswordReset
    founding: Founding
    members: Members
    invitations: Invitations
    joining: Joining
    sweeping: Sweeping
    post: Post


def people(
    settings: ManagementSettings,
    engine: AsyncEngine,
    audit: AuditLog,
    clock: Clock,
    *,
    secrets: PersonSecrets,
    post: Post,
    entry: AsyncEngine,
) -> People:
    """`entry` are the connections of whoever comes in: sessions, signing in, counting tries."""
    letters = Letters(str(settings.public_url))
    passwords = Passwords()
    sessions = Sessions(entry, clock)
    tokens = Tokens(clock)
    throttle = Throttle(entry, settings.secret, clock)
    entrance = Entrance(sessions, audit)
    policy = settings.sign_up_policy
    users = Users(engine, audit, clock, policy=policy, first_operates=settings.first_person_operates)
    founding = Founding(entry, audit, clock, plan=settings.default_plan, policy=policy)
    second_factor, at_entry = (
        SecondFactor(one, secrets, settings.secret, throttle, post, letters, audit, clock) for one in (engine, entry)
    )
    reauthentication = Reauthentication(engine, passwords, throttle, clock)
    accounts = Accounts(engine, passwords, reauthentication, throttle, tokens, post, letters, audit, clock)
    identities = Identities(engine, post, letters, audit, clock)
    reclaiming = Reclaiming(audit, clock)
    return People(
        users=users,
        identities=identities,
        introductions=Introductions(users, identities, founding, reclaiming, clock),
        sessions=sessions,
        own_sessions=OwnSessions(engine, audit, clock),
        entrance=entrance,
        throttle=throttle,
        passwords=passwords,
        sign_in=SignIn(entry, passwords, at_entry, entrance, throttle, audit, clock),
        sign_up=SignUp(engine, users, passwords, founding, entrance, throttle, tokens, post, letters),
        reauthentication=reauthentication,
        second_factor=second_factor,
        accounts=accounts,
        password_reset=PasswordReset(
            engine, passwords, accounts, reclaiming, throttle, tokens, post, letters, audit, clock
        ),
        founding=founding,
        members=Members(engine, audit, clock),
        invitations=Invitations(engine, throttle, post, letters, audit, clock),
        joining=Joining(engine, users, passwords, entrance, throttle, audit, clock),
        sweeping=Sweeping(engine, clock),
        post=post,
    )
