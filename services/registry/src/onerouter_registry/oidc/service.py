"""Signing in at an issuer: the way there, the way back, and linking an issuer to an account one has already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import Conflict, NotFound, NotPermitted
from onerouter_registry.access.origin import Origin
from onerouter_registry.oidc.errors import IssuerUnavailable, Refusal, SignInRefused, TokenRefused
from onerouter_registry.oidc.flows import FlowCookie, Flows
from onerouter_registry.oidc.identities import Admission, identity_of, proves_second_factor, require_domain
from onerouter_registry.oidc.model import Flow, Identity
from onerouter_registry.oidc.provider import Exchange, Provider
from onerouter_registry.person import repository as people
from onerouter_registry.person.entrance import Entrance, actor_of, visitor
from onerouter_registry.person.users import Users
from onerouter_registry.session.model import OpenedSession
from onerouter_registry.session.service import Sessions
from onerouter_registry.throttle.model import Rule
from onerouter_registry.throttle.service import Throttle, network_of
from onerouter_registry.transactions import operator_transaction

log = structlog.get_logger()

_STARTS: Final = Rule("oidc.address", 60, 1, 300, 600)
"""Sign-ins one address starts and does not finish: each keeps a row for ten minutes."""

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "EMAIL_NOT_ALLOWED": "email_not_allowed",
    "EMAIL_NOT_VERIFIED": "email_not_verified",
    "EMAIL_TAKEN": "account_exists",
    "IDENTITY_TAKEN": "identity_taken",
    "SIGN_UP_REFUSED": "sign_up_closed",
    "USER_DISABLED": "account_disabled",
}


@dataclass(frozen=True, slots=True)
class IssuerChoice:
    """A button on the sign-in page."""

    id: str
    name: str
    start_path: str


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, and what it must bring back."""

    url: str
    cookie: FlowCookie


@dataclass(frozen=True, slots=True)
class IssuerAnswer:
    """What the issuer sent the browser back with."""

    state: str | None
    code: SecretStr | None
    error: str | None
    iss: str | None


@dataclass(frozen=True, slots=True)
class Browser:
    """Who brings the answer."""

    cookies: Mapping[str, str]
    session_token: SecretStr | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class Arrival:
    """`session` is None where an identity was linked: the session they came with goes on."""

    return_to: str
    session: OpenedSession | None


class IssuerSignIn:
    def __init__(
        self,
        engine: AsyncEngine,
        providers: Sequence[Provider],
        flows: Flows,
        users: Users,
        entrance: Entrance,
        sessions: Sessions,
        throttle: Throttle,
        clock: Clock,
        *,
        public_url: str,
    ) -> None:
        self._engine = engine
        self._throttle = throttle
        self._providers = {one.config.id: one for one in providers}
        self._admission = Admission(users, tuple(one.config for one in providers))
        self.flows: Final = flows
        self._users = users
        self._entrance = entrance
        self._sessions = sessions
        self._clock = clock
        self._base = f"{public_url.rstrip('/')}/api/auth/oidc"

    def choices(self) -> list[IssuerChoice]:
        """For `GET /api/auth/methods`, in the operator's order."""
        return [
            IssuerChoice(issuer_id, one.config.name, f"/api/auth/oidc/{issuer_id}/start")
            for issuer_id, one in self._providers.items()
        ]

    async def start(self, issuer_id: str, return_to: str, ip: str, *, user_id: str | None = None) -> Departure:
        """`return_to` is a local path, `user_id` who links an identity. Raises NotFound, IssuerUnavailable, RateLimited."""
        provider = self._provider(issuer_id)
        await self._throttle.count({_STARTS: network_of(ip)})
        begun = await self.flows.begin(issuer_id, return_to, user_id=user_id)
        url = await provider.authorization_url(
            redirect_uri=self._redirect_uri(issuer_id),
            state=begun.state,
            nonce=begun.nonce,
            code_challenge=begun.code_challenge,
        )
        return Departure(url, begun.cookie)

    async def finish(self, issuer_id: str, answer: IssuerAnswer, browser: Browser) -> Arrival:
        """Raises NotFound and SignInRefused."""
        provider = self._provider(issuer_id)
        flow: Flow | None = None
        try:
            flow, verifier = await self.flows.take(issuer_id, answer.state or "", browser.cookies)
            identity = await self._identify(provider, flow, verifier, answer)
            arrival = await self._arrive(provider, flow, identity, browser)
        except (SignInRefused, TokenRefused, IssuerUnavailable, NotPermitted, Conflict) as error:
            refused = _refusal(error)
            if flow is not None and flow.user_id is not None:
                refused.page = flow.return_to
            log.info("registry.oidc.refused", issuer=issuer_id, code=refused.code, reason=refused.reason)
            raise refused from None
        log.info("registry.oidc.arrived", issuer=issuer_id, linked=flow.user_id is not None)
        return arrival

    async def _identify(self, provider: Provider, flow: Flow, verifier: SecretStr, answer: IssuerAnswer) -> Identity:
        await provider.check_response_issuer(answer.iss)
        if answer.error is not None or answer.code is None:
            denied = answer.error == "access_denied"
            raise SignInRefused("access_denied" if denied else "issuer_error", "the issuer sent no code")
        exchange = Exchange(answer.code, verifier, self._redirect_uri(flow.issuer_id), flow.nonce_hash)
        identity = identity_of(await provider.redeem(exchange), provider.config, now=self._clock.now())
        require_domain(identity, provider.config)
        return identity

    async def _arrive(self, provider: Provider, flow: Flow, identity: Identity, browser: Browser) -> Arrival:
        if flow.user_id is not None:
            await self._link(flow.user_id, identity, browser)
            return Arrival(flow.return_to, None)
        async with operator_transaction(self._engine) as tx:
            await self._throttle.forget(tx, _STARTS, network_of(browser.origin.ip))
            person = await self._admission.person(tx, identity, provider.config, by=visitor(browser.origin))
            opened = await self._entrance.admit(
                tx,
                person,
                method="oidc",
                origin=browser.origin,
                previous=browser.session_token,
                second_factor_done=proves_second_factor(identity, provider.config),
            )
        return Arrival(flow.return_to, opened)

    async def _link(self, user_id: str, identity: Identity, browser: Browser) -> None:
        """Only in the session that asked for it, or another of the same person."""
        session = None if browser.session_token is None else await self._sessions.find(browser.session_token)
        if session is None or session.pending_totp or session.user_id != user_id:
            raise SignInRefused("sign_in_expired", "who started the link is not signed in any more")
        async with operator_transaction(self._engine) as tx:
            person = await people.find(tx, user_id, lock=True)
            if person is None:
                raise SignInRefused("sign_in_expired", "the account is gone")
            await self._users.link_identity(
                tx, person, identity.issuer, identity.subject, by=actor_of(person, browser.origin)
            )

    def _provider(self, issuer_id: str) -> Provider:
        provider = self._providers.get(issuer_id)
        if provider is None:
            raise NotFound("There is no such identity provider here.")
        return provider

    def _redirect_uri(self, issuer_id: str) -> str:
        return f"{self._base}/{issuer_id}/callback"


def _refusal(error: SignInRefused | TokenRefused | IssuerUnavailable | NotPermitted | Conflict) -> SignInRefused:
    match error:
        case SignInRefused():
            return error
        case TokenRefused():
            return SignInRefused("token_invalid", f"the token {error}")
        case IssuerUnavailable():
            return SignInRefused("issuer_unavailable", error.detail)
        case _:
            return SignInRefused(_REFUSALS[error.error_code], "")
