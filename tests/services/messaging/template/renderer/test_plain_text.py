import pytest

from onerouter_messaging.template.renderer.plain_text import text_of


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello <b>Ann</b>,</p><p>it&nbsp;is\n  on its way.</p>", "Hello Ann,\n\nit is on its way."),
        ("<a href='https://x.example/a?b=1&amp;c=2'>Track it</a>", "Track it (https://x.example/a?b=1&c=2)"),
        ("<a href='https://x.example'>https://x.example</a>", "https://x.example"),
        ("<a href='mailto:a@x.example'>a@x.example</a><a href='#top'>up</a>", "a@x.exampleup"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<head><title>no</title><style>p{}</style></head><script>no()</script>yes", "yes"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<img src=x alt='Our shop'>", "Our shop"),
        ("5 &lt; 6", "5 < 6"),
        ("", ""),
    ],
)
def test_html_says(html: str, text: str) -> None:
    assert text_of(html) == text
