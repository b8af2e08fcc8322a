"""docs/surface.md names every route there is, and no other."""

import re
from collections import Counter
from pathlib import Path
from typing import Final

from onerouter_gateway.app import create_app
from onerouter_gateway.compatibility.services import ACTIONS
from onerouter_gateway.doors import DOORS
from onerouter_gateway.management.description import management_document
from onerouter_gateway.openapi import document
from onerouter_gateway.settings import Settings

PAGE: Final = (Path(__file__).parents[2] / "docs" / "surface.md").read_text()
LETTERS: Final = {"C": "canonical", "N": "new", "A": "alias"}
_ROW: Final = re.compile(r"^\| ([CNAM]?) ?\| `([A-Z]+) (/\S*)` \| (.*) \|$", re.MULTILINE)


def _rows(*letters: str) -> set[tuple[str, str]]:
    return {(method, path) for letter, method, path, _ in _ROW.findall(PAGE) if letter in letters}


class TestRoutes:
    def test_each_stands_there_once(self) -> None:
        counted = Counter((method, path) for _, method, path, _ in _ROW.findall(PAGE))
        assert [row for row, number in counted.items() if number > 1] == []

    def test_doors_are_those_of_the_table_with_their_generation(self) -> None:
        for letter, generation in LETTERS.items():
            doors = {(door.method, door.path) for door in DOORS if door.generation == generation}
            assert _rows(letter) == doors, generation

    def test_an_alias_names_its_successor(self) -> None:
        told = {(method, path): text for letter, method, path, text in _ROW.findall(PAGE) if letter == "A"}
        for door in DOORS:
            if door.generation == "alias":
                assert told[door.method, door.path] == f"as `{door.successor}`"

    def test_what_is_managed_is_the_registrys(self) -> None:
        paths = management_document()["paths"]
        assert _rows("M") == {(method.upper(), path) for path, methods in paths.items() for method in methods}

    def test_all_that_is_described_is_there(self) -> None:
        operations = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}
        assert _rows(*LETTERS, "M") == operations

    def test_what_is_beside_the_api_is_served(self) -> None:
        app = create_app(
            Settings(  # nothing is opened
                kafka_bootstrap_servers="127.0.0.1:1",
                redis_url="redis://127.0.0.1:1/0",
                internal_tokens="t" * 32,
                api_key_pepper="p" * 32,
                idempotency_secret="s" * 32,
            )
        )
        doors = {door.path for door in DOORS}
        served = {str(getattr(route, "path", "")) for route in app.routes} - doors - {"/api/{path:path}"}
        assert {path for _, path in _rows("")} == served - {""}


class TestIdempotency:
    def test_the_posts_that_take_no_key_are_named(self) -> None:
        posts = {path: methods["post"] for path, methods in document()["paths"].items() if "post" in methods}
        keyless = {
            path
            for path, post in posts.items()
            if "Idempotency-Key" not in {one.get("name") for one in post.get("parameters", ())}
        }
        managed = {path for method, path in _rows("M") if method == "POST"}
        assert managed - keyless == {
            "/api/api-keys",
            "/api/api-keys/{key_id}/rotate",
            "/api/services/{service}/{provider}/connect",
            "/api/services/{service}/{provider}/callback-token/rotate",
            "/api/invitations",
            "/api/tenants",
            "/api/admin/tenants",
        }
        assert set(re.findall(r"^\| `POST (/\S*)` \| [^|]+ \|$", PAGE, re.MULTILINE)) == keyless - managed


class TestStorage:
    def test_is_said_not_to_be_served_as_long_as_it_is_not(self) -> None:
        is_served = any("/storage" in path for path in document()["paths"])
        assert ("`/v1/storage` is not served yet" in PAGE) is not is_served


class TestActions:
    def test_each_is_there(self) -> None:
        told = {
            category: set(re.findall(r"`(\w+)`", actions))
            for category, actions in re.findall(r"^\| `(\w+)` \| (`.*`) \|$", PAGE, re.MULTILINE)
        }
        assert told == {category: set(actions) for category, actions in ACTIONS.items()}
