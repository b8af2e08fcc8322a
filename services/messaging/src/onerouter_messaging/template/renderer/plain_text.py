"""The text part of an email that has only HTML. Runs in a renderer process only: HTML is what its writer wants it to be."""

import re
from html.parser import HTMLParser
from typing import Final

_SPACED: Final = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote"])
_BLOCKS: Final = _SPACED | {
    "address",
    "article",
    "aside",
    "center",
    "div",
    "footer",
    "header",
    "hr",
    "main",
    "pre",
    "section",
    "tr",
}
_UNSEEN: Final = frozenset(["head", "script", "style", "title", "template", "noscript", "svg"])
_SPACE: Final = re.compile(r"[ \t\r\n\f\xa0]+")
_LINES: Final = re.compile(r"\n{3,}")


def text_of(html: str) -> str:
    """What a reader sees, line by line; where a link leads in brackets behind its words."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._unseen = 0
        self._links: list[tuple[str, int]] = []
        self._at_line_start = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        given = dict(attrs)
        if tag == "br":
            self._line()
        elif tag == "li":
            self._line()
            self._write("- ")
        elif tag in ("td", "th") and not self._at_line_start:
            self._write(" ")
        elif tag == "img":
            self._write(given.get("alt") or "")
        elif tag == "a":
            self._links.append((given.get("href") or "", len(self._pieces)))
        elif tag in _BLOCKS:
            self._block(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "a" and self._links:
            self._link(*self._links.pop())
        elif tag in _BLOCKS:
            self._block(tag)

    def handle_data(self, data: str) -> None:
        self._write(_SPACE.sub(" ", data))

    def text(self) -> str:
        lines = (line.strip() for line in "".join(self._pieces).split("\n"))
        return _LINES.sub("\n\n", "\n".join(lines)).strip()

    def _link(self, target: str, start: int) -> None:
        words = "".join(self._pieces[start:]).strip()
        if target.startswith(("http://", "https://", "mailto:")) and target.removeprefix("mailto:") != words:
            self._write(f" ({target})" if words else target)

    def _block(self, tag: str) -> None:
        self._line()
        if tag in _SPACED:
            self._pieces.append("\n")

    def _line(self) -> None:
        if not self._at_line_start:
            self._pieces.append("\n")
            self._at_line_start = True

    def _write(self, text: str) -> None:
        if self._unseen:
            return
        if self._at_line_start:
            text = text.lstrip(" ")
        if text:
            self._pieces.append(text)
            self._at_line_start = False
