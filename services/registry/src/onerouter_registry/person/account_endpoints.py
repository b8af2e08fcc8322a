"""`/api/account`: one's own name, address, password, second factor and sessions."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Request, Security

from onerouter_common.errors import NotFound
from onerouter_common.ids import IDENTITY, SESSION, is_id
from onerouter_common.recipients import email_of
from onerouter_registry.access.authentication import signed_in
from onerouter_registry.access.caller import Caller
from onerouter_registry.access.keyless import takes_no_key
from onerouter_registry.oidc.service import IssuerSignIn
from onerouter_registry.person.account_schemas import (
    AccountPatch,
    AccountPatched,
    AccountView,
    IdentitiesOfMine,
    IdentityOfMine,
    PasswordChange,
    Proof,
    RecoveryCodes,
    SessionOfMine,
    SessionsOfMine,
    TotpBegun,
    TotpConfirmation,
)
from onerouter_registry.person.browser import PeopleUsed, no_store
from onerouter_registry.person.schemas import Done

router = APIRouter(prefix="/api/account", tags=["Account"], dependencies=[Depends(no_store), Depends(takes_no_key)])

Me = Annotated[Caller, Security(signed_in)]
MaybeProof = Annotated[Proof, Body(default_factory=Proof)]


def _id(caller: Caller) -> str:
    return caller.user_id or ""  # `signed_in` lets nobody else in


def _session_id(caller: Caller) -> str | None:
    return None if caller.session is None else caller.session.id


@router.get("", summary="Get your account")
async def get_account(caller: Me, people: PeopleUsed) -> AccountView:
    return AccountView.of(await people.accounts.get(_id(caller)))


@router.patch("", summary="Change your account")
async def update_account(caller: Me, people: PeopleUsed, body: AccountPatch) -> AccountPatched:
    """Another address needs a sign-in of the last 15 minutes, or your password."""
    if body.email is not None:
        email_of("email", body.email)
        await people.reauthentication.require(_id(caller), caller.session, body.password)
    if body.name is not None:
        await people.accounts.rename(_id(caller), body.name, by=caller.actor)
    sent_to = None
    if body.email is not None:
        sent_to = await people.accounts.begin_email_change(_id(caller), body.email, by=caller.actor)
    account = AccountView.of(await people.accounts.get(_id(caller)))
    return AccountPatched(**account.model_dump(), confirmation_sent_to=sent_to)


@router.post("/password", summary="Change your password")
async def change_password(caller: Me, people: PeopleUsed, body: PasswordChange) -> Done:
    """Ends your other sessions."""
    await people.accounts.change_password(_id(caller), caller.session, body.current, body.new, by=caller.actor)
    return Done()


@router.get("/sessions", summary="List your sessions")
async def list_sessions(caller: Me, people: PeopleUsed) -> SessionsOfMine:
    listed = await people.own_sessions.list(_id(caller))
    return SessionsOfMine(data=[SessionOfMine.of(one, _session_id(caller)) for one in listed])


@router.delete("/sessions/{session_id}", summary="End one of your sessions")
async def end_session(caller: Me, people: PeopleUsed, session_id: Annotated[str, Path(max_length=40)]) -> Done:
    """Whoever used it is signed out with their next request."""
    if not is_id(SESSION, session_id):
        raise NotFound("There is no such session of yours.")
    await people.own_sessions.end(_id(caller), session_id, by=caller.actor)
    return Done()


@router.get("/identities", summary="List your identities at identity providers")
async def list_identities(request: Request, caller: Me, people: PeopleUsed) -> IdentitiesOfMine:
    """Each lets you in on the word of its issuer. `POST /api/auth/oidc/{issuer_id}/link` adds one."""
    issuers: IssuerSignIn = request.state.issuers
    listed = await people.identities.list_of(_id(caller))
    return IdentitiesOfMine(data=[IdentityOfMine.of(one, issuers.name_of(one.issuer)) for one in listed])


@router.delete(
    "/identities/{identity_id}",
    summary="Unlink an identity",
    responses={409: {"description": "It is your only way to sign in."}},
)
async def unlink_identity(
    caller: Me, people: PeopleUsed, identity_id: Annotated[str, Path(max_length=40)], body: MaybeProof
) -> Done:
    """Its issuer lets you in no longer, and your other sessions end. Needs a sign-in of the last 15 minutes, or your
    password."""
    if not is_id(IDENTITY, identity_id):
        raise NotFound("There is no such identity of yours.")
    await people.reauthentication.require(_id(caller), caller.session, body.password)
    await people.identities.unlink(_id(caller), identity_id, but_session=_session_id(caller), by=caller.actor)
    return Done()


@router.post("/totp", summary="Begin to set up a second factor")
async def begin_totp(caller: Me, people: PeopleUsed, body: MaybeProof) -> TotpBegun:
    """It is asked for from when a code of it was confirmed. Needs a sign-in of the last 15 minutes, or your password."""
    await people.reauthentication.require(_id(caller), caller.session, body.password)
    begun = await people.second_factor.begin(_id(caller), by=caller.actor)
    return TotpBegun.of(begun.secret, begun.uri)


@router.post("/totp/confirm", summary="Finish setting up a second factor")
async def confirm_totp(caller: Me, people: PeopleUsed, body: TotpConfirmation) -> RecoveryCodes:
    """Ends your other sessions."""
    codes = await people.second_factor.confirm(_id(caller), body.code, but_session=_session_id(caller), by=caller.actor)
    return RecoveryCodes.of(codes)


@router.post("/totp/recovery-codes", summary="Get new recovery codes")
async def renew_recovery_codes(caller: Me, people: PeopleUsed, body: MaybeProof) -> RecoveryCodes:
    """The ones you had no longer work. Needs a sign-in of the last 15 minutes, or your password."""
    await people.reauthentication.require(_id(caller), caller.session, body.password)
    return RecoveryCodes.of(await people.second_factor.renew_codes(_id(caller), by=caller.actor))


@router.delete("/totp", summary="Remove your second factor")
async def remove_totp(caller: Me, people: PeopleUsed, body: MaybeProof) -> Done:
    """Needs a sign-in of the last 15 minutes, or your password."""
    await people.reauthentication.require(_id(caller), caller.session, body.password)
    await people.second_factor.remove(_id(caller), by=caller.actor)
    return Done()
