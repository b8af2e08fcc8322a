"""Walks find what a single request does not: a thing that was just made and is not there."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest
import requests
from tests.wandering import wander

from onerouter_common.ids import PAYMENT, new_id

pytestmark = pytest.mark.long

THING: Final = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
PROBLEM: Final = {"description": "There is none.", "content": {"application/json": {"schema": {"type": "object"}}}}


def told(status: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Thing"}
    return {"responses": {status: {"description": "It.", "content": {"application/json": {"schema": schema}}}}}


DOCUMENT: Final[dict[str, Any]] = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1"},
    "components": {"schemas": {"Thing": THING}},
    "paths": {
        "/things": {"post": {"operationId": "create_thing", **told("201")}},
        "/things/{thing_id}": {
            "get": {
                "operationId": "get_thing",
                "parameters": [{"name": "thing_id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {**told("200")["responses"], "404": PROBLEM},
            }
        },
    },
}


@contextmanager
def serving(*, forgets: bool) -> Iterator[str]:
    made: set[str] = set()

    class Things(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            id_ = new_id(PAYMENT)
            if not forgets:
                made.add(id_)
            self._answer(201, {"id": id_})

        def do_GET(self) -> None:
            id_ = self.path.rpartition("/")[2]
            self._answer(*((200, {"id": id_}) if id_ in made else (404, {})))

        def _answer(self, status: int, body: dict[str, str]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Things) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("forgets", [False, True])
def test_what_was_just_made_has_to_be_there(forgets: bool) -> None:
    with serving(forgets=forgets) as url, requests.Session() as session:
        seen, wrong = wander(DOCUMENT, url, session, {}, lambda _: None, {}, rounds=4, steps=4)
    assert ("POST /things", "GET /things/{thing_id}", 404 if forgets else 200) in seen
    assert bool(wrong) == forgets
