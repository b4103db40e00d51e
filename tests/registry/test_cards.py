"""Model cards: Markdown of strangers, made harmless and readable."""

import re

import pytest

from registry import cards

EVIL = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example></SCRIPT>",
    '<img src=x onerror="alert(1)">',
    "![beacon](https://evil.example/pixel.png)",
    "[click](javascript:alert(1))",
    "[click](  JaVaScRiPt:alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    '<a href="https://x.example" onclick="alert(1)">x</a>',
    '<iframe src="https://evil.example"></iframe>',
    '<form action="/logout/"><button>x</button></form>',
    "<style>body{display:none}</style>",
    '<p style="position:fixed">x</p>',
    '<p id="answer" class="band">x</p>',
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=x onerror=alert(1)>'>",
    '```html\n<script>alert("in code")</script>\n```',
    "---\ntags: <script>alert(1)</script>\n---\n# Card",
    '<base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=//x">',
]


@pytest.mark.parametrize("card", EVIL)
def test_nothing_in_a_card_runs_loads_sends_or_takes_over_the_page(card):
    html = str(cards.rendered(card)).lower()
    tags = set(re.findall(r"<\s*([a-z0-9]+)", html))
    assert tags <= {*cards.TAGS, "div", "details", "summary"}
    assert not re.search(r"<[^>]+\s(on\w+|style|id|src)\s*=", html)
    assert not re.search(r"href\s*=\s*.?\s*(javascript|data|vbscript):", html)
    inside = html.replace('<div class="prose markdown">', "").replace('<pre class="text">', "")
    assert "class=" not in inside.replace('<details class="fold">', "")


def test_markdown_is_rendered_with_its_headings_below_the_pages_own():
    html = cards.rendered(
        "# Heron\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n* one\n* [two](https://x.example)"
    )
    assert "<h3>Heron</h3>" in html
    assert "<td>1</td>" in html
    assert 'href="https://x.example" rel="noopener noreferrer nofollow"' in html


def test_the_settings_at_the_head_of_a_card_are_shown_apart():
    html = cards.rendered("---\nlicense: apache-2.0\n---\n# Heron")
    assert "license: apache-2.0</pre>" in html
    assert html.index("license") < html.index("<h3>Heron</h3>")


def test_a_card_too_long_to_render_is_shown_as_it_was_written():
    html = cards.rendered("# <b>\n" * 50_000)
    assert html.startswith('<pre class="text"># &lt;b&gt;')
