"""Templates of tenants: drafts, versions that never change, and going back to one."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import SystemClock
from onerouter_common.db.engine import Pool
from onerouter_common.errors import Conflict, InvalidRequest, NotFound
from onerouter_common.reads.paging import Page
from onerouter_common.web.internal import TenantContext
from onerouter_messaging.template import versions
from onerouter_messaging.template.renderer.process import Renderers
from onerouter_messaging.template.rendering import Rendering
from onerouter_messaging.template.schemas import ChangeTemplate, CreateTemplate
from onerouter_messaging.template.service import Templates

ANN = TenantContext("ten_ann", "test")
ANN_LIVE = TenantContext("ten_ann", "live")
BOB = TenantContext("ten_bob", "test")
WELCOME = {"name": "welcome", "subject": "Hi {{ name }}", "html": "<p>Hi {{ name }} of {{ shop }}</p>"}


@pytest.fixture
def templates(engine: AsyncEngine, renderers: Renderers) -> Templates:
    return Templates(engine, Rendering(renderers), SystemClock())


async def create(templates: Templates, channel: Any = "email", tenant: TenantContext = ANN, **changes: Any) -> Any:
    return await templates.create(tenant, channel, CreateTemplate.model_validate({**WELCOME, **changes}))


async def publish(templates: Templates, id_: str, version: int | None = None) -> Any:
    return await templates.publish(ANN, "email", id_, version)


async def change(templates: Templates, id_: str, changes: Mapping[str, Any]) -> Any:
    return await templates.change(ANN, "email", id_, ChangeTemplate.model_validate(changes))


class TestCreate:
    async def test_it_is_a_draft_that_cannot_be_sent(self, templates: Templates) -> None:
        made = await create(templates, defaults={"shop": "Acme"})
        assert (made["current"], made["draft"]["variables"]["required"]) == (None, ["name"])
        with pytest.raises(Conflict, match="publish"):
            await templates.published(ANN, "email", made["id"])

    async def test_a_name_is_one_templates_of_a_tenant_environment_and_channel(self, templates: Templates) -> None:
        first = await create(templates)
        with pytest.raises(Conflict, match="Welcome"):
            await create(templates, name="Welcome")
        await create(templates, tenant=BOB)
        await create(templates, tenant=ANN_LIVE)
        sms = CreateTemplate(name="welcome", body="Hi {{ name }}")
        await templates.create(ANN, "sms", sms)
        await templates.delete(ANN, "email", first["id"])
        await create(templates)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"subject": None}, "subject"),
            ({"html": None}, "html"),
            ({"body": "x"}, "body"),
            ({"html": "{% if %}"}, "html"),
            ({"text": "{{ a | nothing }}"}, "text"),
            ({"html": "x\x00"}, "html"),
            ({"defaults": {"a": [{"b": "x\x00"}]}}, "defaults"),
            ({"defaults": {"a": {"\x00": 1}}}, "defaults"),
            ({"html": "{{ a" + ".b" * 250 + " }}"}, "html"),
            ({"html": "é" * 131_073}, "subject"),
            ({"defaults": {"a": "x" * 70_000}}, "defaults"),
        ],
    )
    async def test_what_is_no_template_is_refused_by_part(
        self, templates: Templates, changes: Mapping[str, Any], field: str
    ) -> None:
        with pytest.raises(InvalidRequest) as refused:
            await create(templates, **changes)
        assert [one.field for one in refused.value.errors] == [field]


class TestPublish:
    async def test_versions_never_change_and_can_be_gone_back_to(self, templates: Templates, pool: Pool) -> None:
        id_ = (await create(templates))["id"]
        assert (await publish(templates, id_))["current"]["version"] == 1
        changed = await change(templates, id_, {"subject": "Hello {{ name }}"})
        assert (changed["current"]["subject"], changed["draft"]["subject"]) == ("Hi {{ name }}", "Hello {{ name }}")
        assert changed["draft"]["html"] == WELCOME["html"]
        second = await publish(templates, id_)
        assert (second["current"]["version"], second["draft"]) == (2, None)
        with pytest.raises(Conflict, match="no draft"):
            await publish(templates, id_)
        back = await publish(templates, id_, 1)
        assert (back["current"]["version"], back["current"]["subject"]) == (1, "Hi {{ name }}")
        await change(templates, id_, {"subject": "Third"})
        assert (await publish(templates, id_))["current"]["version"] == 3
        page: Any = await templates.versions(ANN, "email", id_, Page(2))
        rest: Any = await templates.versions(ANN, "email", id_, Page(2, str(page["next_cursor"])))
        shown = [(one["version"], one["is_current"]) for one in [*page["data"], *rest["data"]]]
        assert shown == [(3, True), (2, False), (1, False)]
        with pytest.raises(NotFound):
            await publish(templates, id_, 9)
        one = await versions.load(pool, "ten_ann", "test", id_, 1)
        assert one is not None and one.parts["subject"] == "Hi {{ name }}"

    async def test_what_is_sent_is_told_with_what_must_be_given(self, templates: Templates) -> None:
        id_ = (await create(templates, defaults={"shop": "Acme"}))["id"]
        await publish(templates, id_)
        told = await templates.published(ANN, "email", id_)
        await change(templates, id_, {"subject": "Hi {{ other }}"})
        await publish(templates, id_)
        assert await templates.published(ANN, "email", id_, 1) == told
        with pytest.raises(NotFound):
            await templates.published(ANN, "email", id_, 3)
        assert told == {
            "id": id_,
            "version": 1,
            "variables": {
                "type": "object",
                "properties": {"name": {}, "shop": {"default": "Acme"}},
                "required": ["name"],
            },
        }


class TestPreview:
    async def test_the_draft_goes_before_the_current_version(self, templates: Templates) -> None:
        id_ = (await create(templates, defaults={"shop": "Acme"}))["id"]
        await publish(templates, id_)
        await change(templates, id_, {"subject": "Draft for {{ name }}"})
        shown = await templates.preview(ANN, "email", id_, {"name": "Ann & <Bo>"}, None)
        assert shown == {
            "subject": "Draft for Ann & <Bo>",
            "html": "<p>Hi Ann &amp; &lt;Bo&gt; of Acme</p>",
            "text": "Hi Ann & <Bo> of Acme",
            "version": None,
        }
        assert (await templates.preview(ANN, "email", id_, {"name": "x"}, 1))["subject"] == "Hi x"

    async def test_an_sms_is_counted_in_segments(self, templates: Templates) -> None:
        made = await templates.create(ANN, "sms", CreateTemplate(name="code", body="{{ text }}"))
        shown = await templates.preview(ANN, "sms", str(made["id"]), {"text": "🎉" * 40}, None)
        assert (shown["segments"], shown["encoding"]) == (2, "UCS-2")
        for text in ("x" * 1_601, " "):
            with pytest.raises(InvalidRequest, match="body"):
                await templates.preview(ANN, "sms", str(made["id"]), {"text": text}, None)

    @pytest.mark.parametrize("name", ["Ann\r\nBcc: eve@example.com", "Ann\nX: y", "\x00", "\u2028"])
    async def test_no_variable_breaks_out_of_the_subject(self, templates: Templates, name: str) -> None:
        id_ = (await create(templates, subject="Hi {{ name }}!", html=None, text="x"))["id"]
        with pytest.raises(InvalidRequest) as refused:
            await templates.preview(ANN, "email", id_, {"name": name}, None)
        assert [one.field for one in refused.value.errors] == ["subject"]

    @pytest.mark.parametrize("part", ["subject", "html", "text"])
    async def test_what_cannot_be_stored_is_shown_to_nobody(self, templates: Templates, part: str) -> None:
        parts: dict[str, Any] = {"text": "x", part: "{{ name }}{{ shop }}{{ '%00' | url_decode }}"}
        id_ = (await create(templates, **parts))["id"]
        with pytest.raises(InvalidRequest) as refused:
            await templates.preview(ANN, "email", id_, {"name": "Ann", "shop": "Acme"}, None)
        assert [one.field for one in refused.value.errors] == [part]


class TestOthers:
    async def test_nobody_elses_template_is_there(self, templates: Templates, pool: Pool) -> None:
        id_ = (await create(templates))["id"]
        await publish(templates, id_)
        for tenant, channel in ((BOB, "email"), (ANN_LIVE, "email"), (ANN, "sms")):
            for asked in (
                templates.get(tenant, channel, id_),  # type: ignore[arg-type]
                templates.published(tenant, channel, id_),  # type: ignore[arg-type]
                templates.publish(tenant, channel, id_, 1),  # type: ignore[arg-type]
                templates.change(tenant, channel, id_, ChangeTemplate(name="mine")),  # type: ignore[arg-type]
                templates.delete(tenant, channel, id_),  # type: ignore[arg-type]
                templates.preview(tenant, channel, id_, {}, None),  # type: ignore[arg-type]
            ):
                with pytest.raises(NotFound):
                    await asked
        assert (await templates.list(BOB, "email", Page(), None))["data"] == []
        assert await versions.load(pool, "ten_bob", "test", id_, 1) is None
        assert await versions.load(pool, "ten_ann", "live", id_, 1) is None

    async def test_a_deleted_one_is_still_there_for_what_was_to_be_sent(self, templates: Templates, pool: Pool) -> None:
        id_ = (await create(templates))["id"]
        await publish(templates, id_)
        assert await templates.delete(ANN, "email", id_) == {"id": id_, "object": "template", "deleted": True}
        with pytest.raises(NotFound):
            await templates.published(ANN, "email", id_)
        assert await versions.load(pool, "ten_ann", "test", id_, 1) is not None

    async def test_lists_go_on_where_they_ended(self, templates: Templates) -> None:
        made = [(await create(templates, name=f"t{number}"))["id"] for number in range(3)]
        first = await templates.list(ANN, "email", Page(2), None)
        rest = await templates.list(ANN, "email", Page(2, str(first["next_cursor"])), None)
        shown: list[Any] = [*first["data"], *rest["data"]]  # type: ignore[misc]
        assert [one["id"] for one in shown] == made[::-1]
        named: Any = await templates.list(ANN, "email", Page(), "T1")
        assert [one["id"] for one in named["data"]] == [made[1]]

    async def test_a_change_that_overtakes_another_is_refused(
        self, templates: Templates, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        id_ = (await create(templates))["id"]
        described = Rendering.described

        async def meanwhile(self: Rendering, tenant_id: str, written: Any) -> Any:
            monkeypatch.setattr(Rendering, "described", described)
            await change(templates, id_, {"subject": "first"})
            return await described(self, tenant_id, written)

        monkeypatch.setattr(Rendering, "described", meanwhile)
        with pytest.raises(Conflict, match="somebody else"):
            await change(templates, id_, {"subject": "second"})
        assert (await templates.get(ANN, "email", id_))["draft"]["subject"] == "first"  # type: ignore[index, call-overload]
