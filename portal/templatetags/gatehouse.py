"""Template tags of the look: states as icon and word, times, digests, bands and boxes.

{% load gatehouse %}
{% status "met" %} {% status finding.state "Met, but worse" %} {% status state pill=True %}
{% state_icon "signed" %} {% icon "lock" %}
{{ row.created_at|utc }} {{ row.expires_at|day }} {{ row.asked_at|ago }} {{ row.asked_at|age }}
{% due row.due %} {% expiry item.expires %}
{{ score.text|figure }}
{{ release.digest|short_digest }} {{ release.digest|full_digest }}
{{ summary|short_digests }}
{% band "failed" "Cannot be approved yet." %}1 finding failed. …{% endband %}
{% box "Findings" count="3 open of 14" %}…{% endbox %}
"""

import re
from datetime import UTC, datetime, timedelta

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join, strip_tags
from django.utils.safestring import mark_safe
from django.utils.text import capfirst, slugify

from audit import clock
from evidence import rules
from portal import csv_files

register = template.Library()

# Every state the portal speaks of: its icon, its word, and the colour it may have.
STATES = {
    # findings
    "met": ("met", "Met", "met"),
    "failed": ("failed", "Failed", "failed"),
    "missing": ("missing", "Missing", "missing"),
    "stale": ("stale", "Stale", "stale"),
    "waived": ("waived", "Waived", "waived"),
    # promotions and decisions
    "draft": ("pen", "Draft", "missing"),
    "in_review": ("review", "In review", "info"),
    "changes_requested": ("back", "Changes requested", "stale"),
    "approved": ("met", "Approved", "met"),
    "rejected": ("failed", "Rejected", "failed"),
    "withdrawn": ("void", "Withdrawn", "missing"),
    "ended": ("ended", "Ended", "missing"),
    "ending": ("stale", "Ending", "stale"),
    "allowed": ("met", "Allowed", "met"),
    "refused": ("failed", "Not allowed", "failed"),
    "conditions": ("waived", "Approved with conditions", "waived"),
    "closed": ("met", "Closed", "met"),
    "overdue": ("failed", "Overdue", "failed"),
    "break_glass": ("waived", "Break-glass", "waived"),
    # sign-offs
    "counts": ("met", "Counts", "met"),
    "void": ("void", "No longer counts", "stale"),
    "wanted": ("missing", "Wanted", "missing"),
    "wanted_from_you": ("wanted", "Wanted from you", "info"),
    "cannot": ("void", "Cannot", "missing"),
    # evidence and runs
    "pass": ("met", "Pass", "met"),
    "fail": ("failed", "Fail", "failed"),
    "noted": ("file", "Noted", "missing"),
    "accepted": ("met", "Accepted", "met"),
    "not_accepted": ("missing", "Not accepted yet", "missing"),
    "expired": ("ended", "Expired", "stale"),
    "expires_30": ("stale", "Expires in 30 days", "info"),
    "expires_7": ("stale", "Expires in 7 days", "stale"),
    "expires_1": ("alert", "Expires in 1 day", "failed"),
    "unknown": ("missing", "Unknown", "missing"),
    # threads
    "open_thread": ("comment", "Open", "info"),
    "resolved": ("met", "Resolved", "met"),
    # notices and deliveries
    "sent": ("met", "Sent", "met"),
    "waiting": ("stale", "Waiting", "stale"),
    # rows
    "sealed": ("lock", "Sealed", "missing"),
    "published": ("lock", "Published", "missing"),
    "open": ("pen", "Open", "missing"),
    "deprecated": ("stale", "Deprecated", "stale"),
    "in_use": ("met", "In use", "met"),
    "retired": ("ended", "Retired", "missing"),
    "suspended": ("suspended", "Suspended", "missing"),
    "behind": ("stale", "Behind", "stale"),
    "active": ("met", "Active", "met"),
    "inactive": ("ended", "Deactivated", "missing"),
    "locked": ("lock", "Locked", "stale"),
    "revoked": ("void", "Revoked", "failed"),
    "policy_prompt": ("shield", "Policy prompt", "info"),
    # differences and events
    "changed": ("review", "Changed", "info"),
    "added": ("plus", "Added", "met"),
    "removed": ("minus", "Removed", "failed"),
    "signed": ("pen", "Signed", "met"),
    "asked": ("review", "Asked", "info"),
    "comment": ("comment", "Comment", "info"),
    "evidence": ("file", "Evidence", "info"),
    "disagrees": ("alert", "These disagree", "failed"),
    "not_approved": ("alert", "Running but not approved", "failed"),
    "info": ("review", "Note", "info"),
}


def _state(name) -> tuple[str, str, str]:
    """Return icon, word and colour; a state nobody drew yet still has its word."""
    key = str(name).strip().lower().replace("-", "_").replace(" ", "_")
    word = str(name).replace("_", " ").strip().capitalize()
    return STATES.get(key, ("review", word, "missing"))


@register.simple_tag
def icon(name, css=""):
    """Draw one icon of the sprite; it says nothing, the word beside it does."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        f" {css}" if css else "",
        static("portal/icons.svg"),
        name,
    )


@register.simple_tag(takes_context=True)
def csv_button(context, plain=False):
    """Write the button that leads to the list of the page as CSV, narrowed as it is."""
    address = csv_files.address(context["request"])
    if not address:
        return ""
    css = "" if plain else ' class="button"'
    return format_html('<a{} href="{}">As CSV</a>', mark_safe(css), address)  # noqa: S308


@register.simple_tag
def status(state, word="", pill=False):
    """Write a state as icon and word, in its colour; `word` replaces the usual one."""
    drawn, usual, colour = _state(state)
    return format_html(
        '<span class="status status-{}{}">{} <span>{}</span></span>',
        colour,
        " pill" if pill else "",
        icon(drawn),
        word or usual,
    )


@register.simple_tag
def state_icon(state):
    """Draw the icon of a state in its colour, where the words stand elsewhere on the line."""
    drawn, _, colour = _state(state)
    return format_html('<span class="status status-{}">{}</span>', colour, icon(drawn))


@register.filter
def state_word(state):
    """Return the usual word of a state."""
    return _state(state)[1]


# --- Times ------------------------------------------------------------------------------------


def _day(value) -> str:
    return f"{value.day} {value:%b %Y}"


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _time(value: datetime, words: str):
    stamp = value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return format_html('<time datetime="{}" title="{}">{}</time>', stamp, stamp, words)


@register.filter
def utc(value, detail="minutes"):
    """Write an instant as "21 Nov 2026 10:02 UTC"; "seconds" adds them, "text" drops markup."""
    if not value:
        return ""
    if not isinstance(value, datetime):
        return day(value)
    value = _in_utc(value)
    clock_time = value.strftime("%H:%M:%S" if detail == "seconds" else "%H:%M")
    words = f"{_day(value)} {clock_time} UTC"
    return words if detail == "text" else _time(value, words)


#: An instant as records and routers write it.
_INSTANT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


@register.filter
def readable(sentence):
    """Write the instants in a sentence that tools read too as pages do: "21 Nov 2026 10:02 UTC"."""

    def written(found):
        try:
            return utc(datetime.fromisoformat(found[0]), "text")
        except ValueError:
            return found[0]

    return _INSTANT.sub(written, str(sentence))


@register.filter
def day(value, detail=""):
    """Write a day as "21 Nov 2026", in UTC; "text" leaves out the markup."""
    if not value:
        return ""
    if isinstance(value, datetime):
        value = _in_utc(value)
        return _day(value) if detail == "text" else _time(value, _day(value))
    if detail == "text":
        return _day(value)
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), _day(value))


_UNITS = (
    (timedelta(days=730), timedelta(days=365), "year"),
    (timedelta(days=60), timedelta(days=30), "month"),
    (timedelta(days=1), timedelta(days=1), "day"),
    (timedelta(hours=1), timedelta(hours=1), "hour"),
    (timedelta(minutes=1), timedelta(minutes=1), "minute"),
)


def _length(span: timedelta) -> str:
    for least, unit, name in _UNITS:
        if span >= least:
            count = span // unit
            return f"{count} {name}{'s' if count != 1 else ''}"
    return ""


def _days_to(value) -> int:
    value = _in_utc(value).date() if isinstance(value, datetime) else value
    return (value - clock.now().date()).days


@register.filter
def age(value):
    """Say how long ago an instant is: "6 days", "5 hours", "less than a minute"."""
    if not value:
        return ""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    return _length(abs(clock.now() - _in_utc(value))) or "less than a minute"


@register.filter
def ago(value):
    """Say how far off an instant or a day is: "6 days ago", "in 2 days", "tomorrow"."""
    if not value:
        return ""
    if not isinstance(value, datetime):
        days = _days_to(value)
        near = {0: "today", 1: "tomorrow", -1: "yesterday"}
        if days in near:
            return near[days]
        length = _length(timedelta(days=abs(days)))
        return f"in {length}" if days > 0 else f"{length} ago"
    span = _in_utc(value) - clock.now()
    length = _length(abs(span))
    if not length:
        return "now"
    return f"in {length}" if span > timedelta() else f"{length} ago"


@register.simple_tag
def due(value, soon=2):
    """Write a due date with how far off it is; a clock and amber from `soon` days on."""
    if not value:
        return mark_safe('<span class="none">no date</span>')
    in_days = _days_to(value)
    as_day = _in_utc(value).date() if isinstance(value, datetime) else value
    text = status("stale", day(value)) if in_days <= soon else day(value)
    late = "overdue, " if in_days < 0 else ""
    return format_html('{}<span class="note">{}{}</span>', text, late, ago(as_day))


@register.simple_tag
def expiry(expires, pill=False):
    """Say that evidence expired or is about to, as icon and word; nothing while it is far off."""
    said = rules.expiry(expires, clock.now()) if expires else None
    return status(*said, pill=pill) if said else ""


# --- Numbers ----------------------------------------------------------------------------------

#: Decimals of a score that a table shows at least; what is beyond is cut, never rounded.
DECIMALS = 6


@register.filter
def figure(text):
    """Write a score to six decimals or three figures; "…" says that there are more.

    It is cut: rounded, 0.8999999 would look as if it met 0.9. The title has all of it.
    """
    whole, _, decimals = str(text).partition(".")
    zeros = len(decimals) - len(decimals.lstrip("0"))
    shown = max(DECIMALS, zeros + 3)
    if not decimals.isdecimal() or len(decimals) <= shown + 1:
        return text
    return format_html('<span title="{}">{}.{}…</span>', text, whole, decimals[:shown])


# --- Digests ----------------------------------------------------------------------------------


@register.filter
def short_digest(value, detail=""):
    """Show a digest as `sha256:9f2c41…b07e`; hovering, copying and printing give it in full.

    "bare" leaves out the algorithm on screen.
    """
    if not value:
        return ""
    algorithm, colon, hexes = str(value).rpartition(":")
    if len(hexes) <= 12:
        return full_digest(value)
    return format_html(
        '<code class="digest" title="{}">{}{}<span class="digest-middle">{}</span>{}</code>',
        value,
        format_html('<span class="digest-start">{}</span>', algorithm + colon)
        if detail == "bare"
        else algorithm + colon,
        hexes[:6],
        hexes[6:-4],
        hexes[-4:],
    )


#: A digest inside a sentence.
_WRITTEN = re.compile(r"\bsha256:[0-9a-f]{64}\b")


@register.filter
def short_digests(sentence):
    """Write the digests in a sentence as `short_digest` does; the rest stays text."""
    text = str(sentence)
    parts = zip(_WRITTEN.split(text), [*_WRITTEN.findall(text), ""], strict=True)
    return format_html_join("", "{}{}", ((plain, short_digest(one)) for plain, one in parts))


@register.filter
def full_digest(value):
    """Show a digest in full; it breaks anywhere."""
    return format_html('<code class="digest">{}</code>', value) if value else ""


# --- Bands and boxes --------------------------------------------------------------------------


@register.simple_block_tag
def band(content, state, headline, focus=False, anchor="answer"):
    """Write the answer under a title: one bold sentence, then one plain one as the content.

    `focus` sends the keyboard there when the page opens, as after a refused form. A second band of
    a page has another `anchor`.
    """
    drawn, _, colour = _state(state)
    return format_html(
        '<div class="band band-{}" id="{}"{}>{}<div>'
        '<p class="band-headline">{}</p><div class="band-text">{}</div></div></div>',
        colour,
        anchor,
        mark_safe(' role="alert" tabindex="-1" autofocus') if focus else "",
        icon(drawn),
        headline,
        content,
    )


@register.simple_block_tag
def box(content, title, count="", anchor="", link="", words="", css=""):
    """Write a section: title, count in words, one link (where, and in which words), content."""
    anchor = anchor or slugify(title)
    return format_html(
        '<section class="box{}" id="{}" aria-labelledby="{}-title"><div class="box-head">'
        '<h2 id="{}-title">{}</h2>{}{}</div>{}</section>',
        f" {css}" if css else "",
        anchor,
        anchor,
        anchor,
        title,
        format_html('<span class="count">{}</span>', count) if count else "",
        format_html('<span class="box-links"><a href="{}">{}</a></span>', link, words)
        if link
        else "",
        content,
    )


_DIGEST = re.compile(r">(sha256:[0-9a-f]{64})<")
_YES_NO = re.compile(r'<img src="[^"]*icon-(yes|no|unknown)[^"]*" alt="[^"]*">')


@register.filter
def in_our_words(cells, headers):
    """Make the rendered cells of an admin list ours: named columns, short digests, words for icons.

    The name is shown where the list stacks, on narrow screens.
    """
    words = {"yes": status("met", "Yes"), "no": status("cannot", "No"), "unknown": "–"}
    for cell, header in zip(cells, headers, strict=False):
        if cell.startswith(("<td", "<th")):
            role = "rowheader" if cell.startswith("<th") else "cell"
            # The column of checkboxes has one for a head, which is no name.
            name = capfirst(strip_tags(header.get("text", ""))) or "Choose"
            label = format_html(' role="{}" data-label="{}"', role, name)
            # The admin rendered and escaped the cell; what is put in is ours.
            text = _DIGEST.sub(lambda found: f">{short_digest(found[1])}<", cell[3:])
            text = _YES_NO.sub(lambda found: words[found[1]], text)
            yield mark_safe(cell[:3] + label + text)  # noqa: S308
        else:
            yield cell
