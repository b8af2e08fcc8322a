"""A server on loopback that answers as it was told and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request as it came; names of headers in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    """Of JSON; None where there was none, or another."""
    content: bytes = b""


@dataclass
class Script:
    """What comes next, and what came. When nothing is left the answer is 500."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def play(self, *answers: Answer) -> None:
        """Forget what was, and answer these in this order."""
        self.answers[:] = answers
        self.asked.clear()


@contextmanager
def serving() -> Iterator[Script]:
    script = Script("")

    class Handler(_Handler):
        plays = script

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body leave together: apart, the second waits for the first to be acknowledged
    plays: Script

    def _answer(self) -> None:
        self._remember()
        if not self.plays.answers:
            self._send(500, {"Content-Type": "text/plain"}, b"Nothing is left to answer.")
            return
        answer = self.plays.answers.pop(0)
        if "bytes" in answer:
            content: bytes = answer["bytes"]
        else:
            text = answer["text"] if "text" in answer else json.dumps(answer["body"], ensure_ascii=False)
            content = text.encode()
        if self.command == "HEAD":
            content = b""
        headers = {"Content-Type": "application/json", **answer.get("headers", {})}
        self._send(answer["status"], headers, content, cut=answer.get("fault") == "close_in_body")

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = _answer  # the names that http.server calls

    def _remember(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = urlsplit(self.path)
        self.plays.asked.append(
            Asked(
                method=self.command,
                path=target.path,
                query=dict(parse_qsl(target.query, keep_blank_values=True)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=json.loads(content) if content and self.headers.get_content_type() == "application/json" else None,
                content=content,
            )
        )

    def _send(self, status: int, headers: Mapping[str, str], content: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = cut

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests say what went wrong."""
