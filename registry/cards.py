"""Model cards as pages: Markdown that somebody else wrote, made harmless."""

import re

import markdown
import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown.extensions.toc import TocExtension

#: Cards longer than this are shown as they were written: rendering one would hold up everybody.
LONGEST_RENDERED = 200_000

# The block of settings that cards from model hubs begin with.
FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---\r?\n", re.DOTALL)

TAGS = {
    *("p", "br", "hr", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "em", "strong", "del"),
    *("ul", "ol", "li", "dl", "dt", "dd", "sup", "sub", "a"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}


def rendered(card: str) -> SafeString:
    """Return a card as safe HTML: no script, style, image, form or address but http(s) and mail.

    Headings begin at the third level, since they stand inside a section of a page.
    """
    if len(card) > LONGEST_RENDERED:
        return format_html('<pre class="text">{}</pre>', card)
    front = FRONT_MATTER.match(card)
    body = card[front.end() :] if front else card
    html = markdown.markdown(
        body, extensions=["tables", "fenced_code", "sane_lists", TocExtension(baselevel=3)]
    )
    safe = nh3.clean(
        html,
        tags=TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        clean_content_tags={"script", "style"},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    settings = ""
    if front:
        settings = format_html(
            '<details class="fold"><summary>Settings at its head</summary>'
            '<pre class="text">{}</pre></details>',
            front[1],
        )
    return format_html('{}<div class="prose markdown">{}</div>', settings, mark_safe(safe))  # noqa: S308 - cleaned above
