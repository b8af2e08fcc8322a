"""An email's HTML made harmless: written anew with the elements and attributes that only show something.

The document is served under a policy that forbids scripts, forms and every request, in a frame without any right
(`documents.py`). That does not stop a browser from looking up or connecting to hosts that `<link rel=preconnect>` names,
so nothing goes through that is not listed here. Links lose their addresses, which the page shows beside the email.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from typing import Final
from urllib.parse import unquote, urlsplit


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SHOWN: Final = _names(
    "a abbr address article aside b big blockquote br caption center cite code col colgroup dd del details dfn div dl dt "
    "em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q s samp "
    "section small span strike strong style sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr"
)
_VOID: Final = frozenset({"br", "col", "hr", "img", "wbr"})
_UNSEEN: Final = _names(
    "applet audio canvas frameset head iframe math noembed noframes noscript object script select svg template textarea "
    "title video"
)
"""What is inside these is not shown either; a style in the head is."""
_ATTRIBUTES: Final = _names(
    "align alt aria-hidden aria-label bgcolor border cellpadding cellspacing class color colspan dir face height hidden id "
    "lang nowrap role rowspan scope size span start style title type valign width"
)
_PICTURE: Final = re.compile(r"image/(png|jpe?g|gif|webp|avif|bmp|x-icon)", re.IGNORECASE)
_DATA: Final = re.compile(r"data:image/(png|jpe?g|gif|webp|avif|bmp|x-icon)[;,]", re.IGNORECASE)
_REMOTE_IN_STYLE: Final = re.compile(r"url\(\s*['\"]?\s*(https?:)?//|@import", re.IGNORECASE)
_MOST_LINKS: Final = 100


@dataclass(frozen=True, slots=True)
class Link:
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """`links` may be opened by a person; `blocked`: how many things the email wanted from the network."""

    html: str
    links: tuple[Link, ...]
    blocked: int


def render(html: str, pictures: Mapping[str, str]) -> Rendered:
    """`pictures`: `data:` addresses by content id, for `<img src="cid:…">`."""
    writer = _Writer(pictures)
    writer.feed(html)
    writer.close()
    writer.end()
    return Rendered("".join(writer.out), tuple(writer.links[:_MOST_LINKS]), writer.blocked)


def picture(content_type: str, encoded: str) -> str | None:
    """The `data:` address of an attachment; None when it is no picture that is safe to show."""
    kind = content_type.partition(";")[0].strip()
    clean = re.sub(r"[^A-Za-z0-9+/=]", "", encoded)
    return f"data:{kind.lower()};base64,{clean}" if _PICTURE.fullmatch(kind) else None


@dataclass(slots=True)
class _OpenLink:
    url: str
    words: list[str] = field(default_factory=list)


class _Writer(HTMLParser):
    def __init__(self, pictures: Mapping[str, str]) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.links: list[Link] = []
        self.blocked = 0
        self._pictures = pictures
        self._open: list[str] = []
        self._unseen: list[str] = []
        self._link: _OpenLink | None = None

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen.append(tag)
        elif tag == "body":
            self._unseen.clear()  # a head that was never closed ends here
            tag = "div"  # the frame has a body of its own; the colours of this one are kept
        self.blocked += _reaches_out(tag, attrs)
        if tag not in _SHOWN or (self._unseen and not (tag == "style" and self._unseen == ["head"])):
            return
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "a":
            self._link = _link(attrs)
        self.out.append(f"<{tag}{''.join(self._attributes(tag, attrs))}>")

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:  # browsers do not know <p/>, but who writes it means an empty one
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "body":
            return  # what follows it is shown in it, as browsers do
        if tag in self._unseen:
            del self._unseen[len(self._unseen) - 1 - self._unseen[::-1].index(tag) :]
            return
        if tag not in self._open:
            return
        if tag == "a" and self._link is not None:
            self.links.append(Link(" ".join("".join(self._link.words).split()), self._link.url))
            self._link = None
        while True:
            last = self._open.pop()
            self.out.append(f"</{last}>")
            if last == tag:
                return

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["style"]:
            self.blocked += len(_REMOTE_IN_STYLE.findall(data))
            self.out.append(data.replace("<", ""))  # nothing in a style sheet needs it
            return
        if self._unseen:
            return
        if self._link is not None:
            self._link.words.append(data)
        self.out.append(escape(data))

    def end(self) -> None:
        """Close what is open still."""
        self.out += [f"</{tag}>" for tag in reversed(self._open)]

    def _attributes(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> list[str]:
        kept = [(name, value or "") for name, value in attrs if name in _ATTRIBUTES]
        if tag == "img":
            source = self._source(next((value or "" for name, value in attrs if name == "src"), ""))
            kept.append(("src", source) if source else ("data-blocked", ""))
        if tag == "a" and self._link is not None:
            kept.append(("title", self._link.url))
        return [f' {name}="{escape(value)}"' for name, value in dict(kept).items()]

    def _source(self, given: str) -> str | None:
        given = given.strip()
        if given.lower().startswith("cid:"):
            return self._pictures.get(unquote(given[4:]))
        return given if _DATA.match(given) else None


def _reaches_out(tag: str, attrs: Sequence[tuple[str, str | None]]) -> int:
    """How many addresses a browser would have fetched by itself."""
    fetched = ("src", "srcset", "background", "data", "poster", *(("href",) if tag in ("link", "image", "use") else ()))
    remote = sum(1 for name, value in attrs if name in fetched and _is_remote(value))
    styles = "".join(value or "" for name, value in attrs if name == "style")
    return remote + len(_REMOTE_IN_STYLE.findall(styles))


def _is_remote(address: str | None) -> bool:
    return (address or "").strip().lower().startswith(("http:", "https:", "//", "ftp:"))


def _link(attrs: Sequence[tuple[str, str | None]]) -> _OpenLink | None:
    """Of what a person may follow."""
    url = next((value or "" for name, value in attrs if name == "href"), "").strip()
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError:
        return None
    return _OpenLink(url) if scheme in ("http", "https", "mailto", "tel") else None
