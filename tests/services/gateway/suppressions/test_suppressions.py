"""`/v1/suppressions`: of one channel each, by the scope of that channel."""

from typing import Any

import pytest

from onerouter_common.ids import new_id
from onerouter_gateway.suppressions.schemas import Suppression

PATH = "/v1/suppressions"


class TestSuppressions:
    async def test_an_address_is_put_on_the_list_in_its_one_spelling(self, world: Any, shop: Any) -> None:
        for channel, address, spelled in (
            ("email", "Ada@Example.com", "ada@example.com"),
            ("sms", "+1 (415) 555-2671", "+14155552671"),
        ):
            answer = await shop.ask("POST", PATH, {"channel": channel, "address": address, "note": "by phone"})
            assert answer.status_code == 201, answer.text
            last = world.desk.told[-1]
            assert (last.method, last.path) == ("POST", f"/internal/suppressions/{channel}")
            by = shop.tenant.principal["api_key_id"]
            assert last.json() == {"address": spelled, "reason": "manual", "note": "by phone", "by": by}

    async def test_what_is_wrong_is_named(self, shop: Any) -> None:
        for body, field in (
            ({"address": "a@example.com"}, "channel"),
            ({"channel": "fax", "address": "1"}, "channel"),
            ({"channel": "email"}, "address"),
            ({"channel": "email", "address": "x\r\ny@example.com"}, "address"),
            ({"channel": "sms", "address": "a@example.com"}, "address"),
            ({"channel": "email", "address": "a@example.com", "reason": "mood"}, "reason"),
            ({"channel": "sms", "address": "4111 1111 1111 1111"}, "address"),
        ):
            assert await shop.names("POST", PATH, body) == field

    async def test_lists_and_checks_are_of_one_channel(self, world: Any, shop: Any) -> None:
        await shop.ask("GET", f"{PATH}?channel=email&reason=bounce&limit=5")
        assert (world.desk.told[-1].path, world.desk.told[-1].query) == (
            "/internal/suppressions/email",
            "reason=bounce&limit=5",
        )
        checked = await shop.ask("GET", f"{PATH}/check?channel=sms&address=%2B14155552671")
        assert checked.json() == {"address": "+14155552671", "suppressed": False}
        for query in ("", "?channel=fax"):
            answer = await shop.ask("GET", f"{PATH}{query}")
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "channel")

    @pytest.mark.parametrize("path", [PATH, f"{PATH}/check"])
    @pytest.mark.parametrize("address", ["0151 123 45678", " 4915112345678", "%2B49 151-123 456 78", "+4915112345678"])
    async def test_numbers_are_asked_for_as_people_write_them(
        self, world: Any, shop: Any, path: str, address: str
    ) -> None:
        german = world.tenant(default_region="DE")
        answer = await shop.ask("GET", f"{path}?channel=sms&address={address}", auth=german.auth)
        assert answer.status_code == 200, answer.text
        assert world.desk.told[-1].query == "address=%2B4915112345678"
        wrong = await shop.ask("GET", f"{path}?channel=sms&address=nobody", auth=german.auth)
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "address")

    async def test_an_answer_of_a_callbacks_suppression_is_described(self, shop: Any) -> None:
        schema = shop.gateway.app.openapi()["components"]["schemas"]["Suppression"]["properties"]["source"]
        assert schema["type"] == "string"
        assert "enum" not in schema
        Suppression.model_validate(
            {
                "id": "sup_1",
                "object": "suppression",
                "channel": "email",
                "address": "a@example.com",
                "reason": "bounce",
                "source": "sendgrid",
                "note": None,
                "message_id": "em_1",
                "created_at": "2026-01-31T09:30:00.125Z",
            }
        )

    async def test_one_is_removed_wherever_it_is(self, world: Any, shop: Any) -> None:
        id_, theirs = new_id("sup"), new_id("sup")
        world.desk.suppressions[id_] = {
            "tenant_id": shop.tenant.id,
            "environment": "test",
            "channel": "email",
            "id": id_,
        }
        world.desk.suppressions[theirs] = {**world.desk.suppressions[id_], "tenant_id": world.tenant().id}
        assert (await shop.ask("DELETE", f"{PATH}/{id_}")).json()["id"] == id_
        assert world.desk.told[-1].query == f"by={shop.tenant.principal['api_key_id']}"
        assert (await shop.ask("DELETE", f"{PATH}/{theirs}")).status_code == 404
        assert (await shop.ask("DELETE", f"{PATH}/a%2Fb")).status_code == 404

    async def test_each_channel_has_its_scope(self, world: Any, shop: Any) -> None:
        id_ = new_id("sup")
        holder = world.tenant(scopes=["sms:read", "sms:write"])
        world.desk.suppressions[id_] = {"tenant_id": holder.id, "environment": "test", "channel": "email", "id": id_}
        email = {"channel": "email", "address": "a@example.com"}
        assert (await shop.ask("POST", PATH, email, auth=holder.auth)).status_code == 403
        assert (await shop.ask("GET", f"{PATH}?channel=email", auth=holder.auth)).status_code == 403
        assert (await shop.ask("DELETE", f"{PATH}/{id_}", auth=holder.auth)).status_code == 404
        sms = {"channel": "sms", "address": "+14155552671"}
        assert (await shop.ask("POST", PATH, sms, auth=holder.auth)).status_code == 201
        assert (await shop.ask("GET", f"{PATH}?channel=sms", auth=holder.auth)).status_code == 200
        reader = world.tenant(scopes=["sms:read"])
        assert (await shop.ask("POST", PATH, sms, auth=reader.auth)).status_code == 403
