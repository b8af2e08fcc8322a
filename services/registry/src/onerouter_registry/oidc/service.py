"""Signing in at an issuer: the way there, the way back, and linking an issuer to an account one has already."""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import Conflict, NotFound, NotPermitted
from onerouter_registry.oidc.errors import IssuerUnavailable, Refusal, SignInRefused, TokenRefused
from onerouter_registry.oidc.flows import Flows
from onerouter_registry.oidc.identities import Admission, identity_of, proves_second_factor, require_domain
from onerouter_registry.oidc.journey import Arrival, Browser, Departure, IssuerAnswer, IssuerChoice
from onerouter_registry.oidc.model import Flow, Identity
from onerouter_registry.oidc.provider import Exchange, Provider
from onerouter_registry.person import repository as persons
from onerouter_registry.person.entrance import actor_of, visitor
from onerouter_registry.person.people import People
from onerouter_registry.session.model import Session
from onerouter_registry.throttle.model import Rule
from onerouter_registry.throttle.service import network_of
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


class IssuerSignIn:
    def __init__(
        self,
        engine: AsyncEngine,
        providers: Sequence[Provider],
        flows: Flows,
        people: People,
        clock: Clock,
        *,
        public_url: str,
    ) -> None:
        self._engine = engine
        self._people = people
        self._providers = {one.config.id: one for one in providers}
        self._admission = Admission(people.introductions, people.users.policy, tuple(one.config for one in providers))
        self.flows: Final = flows
        self._clock = clock
        self._base = f"{public_url.rstrip('/')}/api/auth/oidc"

    def choices(self) -> list[IssuerChoice]:
        """For `GET /api/auth/methods`, in the operator's order."""
        return [
            IssuerChoice(issuer_id, one.config.name, f"/api/auth/oidc/{issuer_id}/start")
            for issuer_id, one in self._providers.items()
        ]

    def name_of(self, issuer: str) -> str | None:
        """What the operator calls it; None where it is none of ours any more."""
        return next((one.config.name for one in self._providers.values() if one.config.issuer == issuer), None)

    async def start(
        self, issuer_id: str, return_to: str, ip: str, *, user_id: str | None = None, prove_again: bool = False
    ) -> Departure:
        """`return_to` is a local path, `user_id` who links an identity. Raises NotFound, IssuerUnavailable, RateLimited.

        `prove_again`: the issuer is not to take an earlier sign-in for an answer.
        """
        provider = self._provider(issuer_id)
        await self._people.throttle.count({_STARTS: network_of(ip)})
        begun = await self.flows.begin(issuer_id, return_to, user_id=user_id)
        url = await provider.authorization_url(
            redirect_uri=self._redirect_uri(issuer_id),
            state=begun.state,
            nonce=begun.nonce,
            code_challenge=begun.code_challenge,
            prove_again=prove_again,
        )
        return Departure(url, begun.cookie)

    async def start_link(
        self,
        issuer_id: str,
        return_to: str,
        ip: str,
        *,
        user_id: str,
        session: Session,
        password: SecretStr | None,
    ) -> Departure:
        """To link an identity, which opens the account from then on: asks for a recent sign-in, or the password.

        Raises NotPermitted (also while the address is not confirmed, where a mail could do so), and what `start` raises.
        """
        self._provider(issuer_id)
        person = (await self._people.accounts.get(user_id)).person
        if person.email_verified_at is None and self._people.post.delivers:
            raise NotPermitted("Confirm your email address first: open the link we mailed.", code="EMAIL_NOT_VERIFIED")
        await self._people.reauthentication.require(user_id, session, password)
        return await self.start(issuer_id, return_to, ip, user_id=user_id)

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
            await self._people.throttle.forget(tx, _STARTS, network_of(browser.origin.ip))
            found = await self._admission.person(tx, identity, provider.config, by=visitor(browser.origin))
            opened = await self._people.entrance.admit(
                tx,
                found.person,
                method="oidc",
                origin=browser.origin,
                previous=browser.session_token,
                second_factor_done=proves_second_factor(identity, provider.config),
                authenticated_at=identity.authenticated_at,
            )
        if found.joined:
            await self._people.identities.tell_linked(found.person, identity.issuer)
        return Arrival(flow.return_to, opened)

    async def _link(self, user_id: str, identity: Identity, browser: Browser) -> None:
        """Only in the session that asked for it, or another of the same person."""
        session = None if browser.session_token is None else await self._people.sessions.find(browser.session_token)
        if session is None or session.pending_totp or session.user_id != user_id:
            raise SignInRefused("sign_in_expired", "who started the link is not signed in any more")
        async with operator_transaction(self._engine) as tx:
            person = await persons.find(tx, user_id, lock=True)
            if person is None:
                raise SignInRefused("sign_in_expired", "the account is gone")
            by = actor_of(person, browser.origin)
            linked = await self._people.identities.link(tx, person, identity.issuer, identity.subject, by=by)
        if linked:
            await self._people.identities.tell_linked(person, identity.issuer)

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
