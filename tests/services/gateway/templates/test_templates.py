"""Templates of both channels: checked, then the messaging service's."""

from typing import Any

import pytest

from onerouter_common.ids import new_id

CHANNELS = ["sms", "email"]
WRITTEN = {"sms": {"name": "Code", "body": "{{ code }}"}, "email": {"name": "Code", "subject": "S", "html": "<p>"}}


@pytest.mark.parametrize("channel", CHANNELS)
class TestTemplates:
    async def test_each_route_reaches_the_messaging_service(self, world: Any, shop: Any, channel: str) -> None:
        id_ = new_id("tpl")
        path, internal = f"/v1/{channel}/templates", f"/internal/templates/{channel}"
        for method, rest, body, told in (
            ("POST", "", WRITTEN[channel], WRITTEN[channel]),
            ("GET", "", None, None),
            ("GET", f"/{id_}", None, None),
            ("PATCH", f"/{id_}", {"name": "Other", "idempotency_key": "k"}, {"name": "Other"}),
            ("DELETE", f"/{id_}", None, None),
            ("POST", f"/{id_}/publish", None, {}),
            ("POST", f"/{id_}/publish", {"version": 3}, {"version": 3}),
            ("POST", f"/{id_}/preview", {"variables": {"a": 1.5}}, {"variables": {"a": 1.5}}),
            ("GET", f"/{id_}/versions", None, None),
        ):
            answer = await shop.ask(method, f"{path}{rest}", body)
            assert answer.status_code == (201 if method == "POST" else 200), (method, rest, answer.text)
            last = world.desk.told[-1]
            assert (last.method, last.path, last.tenant_id) == (method, internal + rest, shop.tenant.id)
            assert (last.json() if last.body else None) == told

    async def test_what_is_wrong_is_named(self, world: Any, shop: Any, channel: str) -> None:
        asked, path = len(world.desk.told), f"/v1/{channel}/templates"
        for body, field in (
            ({**WRITTEN[channel], "name": ""}, "name"),
            ({**WRITTEN[channel], "defaults": []}, "defaults"),
            ({**WRITTEN[channel], "html": "x" * 300_000}, "html"),
            ({**WRITTEN[channel], "text": "4111 1111 1111 1111"}, "text"),
        ):
            assert await shop.names("POST", path, body) == field
        assert await shop.names("POST", f"{path}/tpl_1/preview", {"variables": {"a b": 1}}) == "variables"
        assert await shop.names("POST", f"{path}/tpl_1/publish", {"version": 0}) == "version"
        await shop.refused("PATCH", f"{path}/a%20b", {"name": "n"}, status=404)
        assert len(world.desk.told) == asked

    async def test_reading_does_not_let_one_write(self, world: Any, shop: Any, channel: str) -> None:
        reader = world.tenant(scopes=[f"{channel}:read"])
        path = f"/v1/{channel}/templates"
        assert (await shop.ask("GET", path, auth=reader.auth)).status_code == 200
        assert (await shop.ask("POST", f"{path}/tpl_1/preview", {}, auth=reader.auth)).is_success
        for method, rest in (("POST", ""), ("PATCH", "/tpl_1"), ("DELETE", "/tpl_1"), ("POST", "/tpl_1/publish")):
            body = None if method == "DELETE" else WRITTEN[channel]
            assert (await shop.ask(method, path + rest, body, auth=reader.auth)).status_code == 403

    async def test_the_words_of_a_send_will_do(self, world: Any, shop: Any, channel: str) -> None:
        body = {"name": "n", "subject": "s", "html_body": "<p>", "text_body": "t"}
        await shop.ask("POST", f"/v1/{channel}/templates", body)
        assert world.desk.told[-1].json() == {"name": "n", "subject": "s", "html": "<p>", "text": "t"}
