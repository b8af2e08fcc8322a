"""`/api/members` and `/api/invitations`, and making another tenant."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response, Security

from onerouter_common.clock import Clock
from onerouter_common.errors import InvalidRequest, NotFound
from onerouter_common.ids import INVITATION, USER, is_id
from onerouter_common.once.described import PARAMETER
from onerouter_common.once.request import Once, once_of
from onerouter_registry.access.authentication import Authentication, person_calling, signed_in, tenant_caller
from onerouter_registry.access.caller import Caller, TenantCaller
from onerouter_registry.access.keyless import takes_no_key
from onerouter_registry.access.same_site import from_this_site
from onerouter_registry.member.invitations import LAST
from onerouter_registry.member.schemas import (
    Acceptance,
    InvitationPage,
    InvitationRequest,
    InvitationView,
    InvitedView,
    MemberPage,
    MemberPatch,
    MemberView,
    TenantOfYourOwn,
)
from onerouter_registry.person.browser import OriginUsed, PeopleUsed, begin, no_store, view_of, view_without_session
from onerouter_registry.person.schemas import SessionView, TenantOfMine

router = APIRouter(prefix="/api", tags=["Members"], dependencies=[Depends(no_store)])

Reader = Annotated[TenantCaller, Security(tenant_caller, scopes=["members:read"])]
Writer = Annotated[TenantCaller, Security(tenant_caller, scopes=["members:write"])]
OnceUsed = Annotated[Once, Depends(once_of)]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=40, description="`next_cursor` of the page before.")]


def _clock(request: Request) -> Clock:
    authentication: Authentication = request.state.authentication
    return authentication.clock


ClockUsed = Annotated[Clock, Depends(_clock)]


def _user_id(user_id: Annotated[str, Path(max_length=40)]) -> str:
    if not is_id(USER, user_id):
        raise NotFound("There is no such member of this tenant.")
    return user_id


def _invitation_id(invitation_id: Annotated[str, Path(max_length=40)]) -> str:
    if not is_id(INVITATION, invitation_id):
        raise NotFound("There is no such invitation.")
    return invitation_id


@router.get("/members", summary="List members")
async def list_members(caller: Reader, people: PeopleUsed, limit: Limit = 20, cursor: Cursor = None) -> MemberPage:
    after = _checked(USER, cursor) or ""
    return MemberPage.of(await people.members.list(caller.tenant_id, after=after, most=limit + 1), limit)


@router.patch("/members/{user_id}", summary="Change a member's role")
async def update_member(
    caller: Writer, people: PeopleUsed, user_id: Annotated[str, Depends(_user_id)], body: MemberPatch
) -> MemberView:
    """Only owners make and change owners. The last owner stays one."""
    changed = await people.members.change_role(
        caller.tenant_id, user_id, body.role, acting_as=caller.caller.user_id or "", by=caller.actor
    )
    return MemberView.of(changed)


@router.delete("/members/{user_id}", summary="Remove a member, or leave")
async def remove_member(caller: Reader, people: PeopleUsed, user_id: Annotated[str, Depends(_user_id)]) -> MemberView:
    """Everyone may remove themselves, but the last owner. Answers the member who is gone."""
    acting_as = caller.caller.user_id
    if acting_as != user_id:
        caller.caller.require("members:write")
    removed = await people.members.remove(caller.tenant_id, user_id, acting_as=acting_as or "", by=caller.actor)
    return MemberView.of(removed)


@router.get("/invitations", summary="List invitations")
async def list_invitations(
    caller: Reader, people: PeopleUsed, clock: ClockUsed, limit: Limit = 20, cursor: Cursor = None
) -> InvitationPage:
    """Newest first, those that ended too."""
    before = _checked(INVITATION, cursor) or LAST
    listed = await people.invitations.list(caller.tenant_id, before=before, most=limit + 1)
    return InvitationPage.of(listed, limit, clock.now())


@router.post("/invitations", summary="Invite someone", openapi_extra={"parameters": [PARAMETER]})
async def create_invitation(
    response: Response,
    caller: Writer,
    people: PeopleUsed,
    clock: ClockUsed,
    once: OnceUsed,
    body: InvitationRequest,
) -> InvitedView:
    """Mails a link that works once, for seven days. An earlier one to the same address is withdrawn. A repeat under the same
    `Idempotency-Key` mails nothing, and is answered without the link."""
    invited = await people.invitations.invite(
        caller.tenant_id, body.email, body.role, acting_as=caller.caller.user_id or "", by=caller.actor, once=once
    )
    response.headers.update(once.headers)
    return InvitedView.of_invited(invited, clock.now())


@router.delete("/invitations/{invitation_id}", summary="Withdraw an invitation")
async def revoke_invitation(
    caller: Writer, people: PeopleUsed, clock: ClockUsed, invitation_id: Annotated[str, Depends(_invitation_id)]
) -> InvitationView:
    revoked = await people.invitations.revoke(
        caller.tenant_id, invitation_id, acting_as=caller.caller.user_id or "", by=caller.actor
    )
    return InvitationView.of(revoked, clock.now())


@router.post(
    "/invitations/accept",
    summary="Accept an invitation",
    dependencies=[Depends(from_this_site), Depends(takes_no_key)],
    responses={
        401: {
            "description": "Your session has ended, or the address you were invited at has an account: sign in first."
        },
        403: {"description": "From another site, or it was sent to another address than yours."},
        409: {"description": "You are a member already."},
    },
)
async def accept_invitation(
    request: Request, response: Response, people: PeopleUsed, origin: OriginUsed, body: Acceptance
) -> SessionView:
    """With a password: as someone new, who is signed up and in. Without: as who is signed in, at the same address."""
    authentication: Authentication = request.state.authentication
    if body.password is not None:
        previous = authentication.cookies.token(request.cookies)
        opened = await people.joining.as_new_person(body.token, body.password, origin, previous, name=body.name)
        return await begin(request, response, people, opened)
    async with person_calling(request) as caller:
        await people.joining.as_member(body.token, caller.user_id or "", by=caller.actor)
    if caller.session is None:
        return await view_without_session(people, caller, caller.user_id or "")
    return await view_of(request, people, caller.session)


@router.post("/tenants", tags=["Tenant"], summary="Make another tenant", openapi_extra={"parameters": [PARAMETER]})
async def create_tenant(
    response: Response,
    caller: Annotated[Caller, Security(signed_in)],
    people: PeopleUsed,
    once: OnceUsed,
    body: TenantOfYourOwn,
) -> TenantOfMine:
    """You are its owner. Where sign-up is not open to all, operators make tenants."""
    made = await people.founding.found_another(
        caller.user_id or "", body.name, is_operator=caller.is_operator, once=once, by=caller.actor
    )
    response.headers.update(once.headers)
    return TenantOfMine.of(made)


def _checked(prefix: str, cursor: str | None) -> str | None:
    if cursor is not None and not is_id(prefix, cursor):
        raise InvalidRequest.of("cursor", "is not one that this list has given")
    return cursor
