"""/docs and /asyncapi: pages that need nothing from elsewhere, and run nothing."""

import base64
import hashlib
import re
from typing import Any

import pytest

from onerouter_gateway.doors import DOORS
from onerouter_gateway.reference.pages import described_topics


class TestPages:
    @pytest.mark.parametrize("path", ["/docs", "/asyncapi"])
    async def test_nothing_is_fetched_or_run(self, gateway: Any, path: str) -> None:
        answer = await gateway.http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        for word in ("<script", "src=", "@import", "url(", "<link", "<iframe", "http-equiv", "style="):
            assert word not in answer.text, word
        policy = answer.headers["content-security-policy"]
        (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
        assert "unsafe" not in policy
        for address in re.findall(r'href="([^"]*)"', answer.text):
            assert address.startswith(("#", "/")), address

    async def test_every_door_is_on_the_page(self, gateway: Any) -> None:
        text = (await gateway.http.get("/docs")).text
        for door in DOORS:
            assert f'<h3 id="{door.name}"><span class="method">{door.method}</span> <code>{door.path}</code>' in text

    async def test_every_topic_is_on_the_page(self, gateway: Any) -> None:
        text = (await gateway.http.get("/asyncapi")).text
        for channel in described_topics()["channels"].values():
            assert f">{channel['address']}</h2>" in text
        assert (await gateway.http.get("/asyncapi.json")).json() == described_topics()
