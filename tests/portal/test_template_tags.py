"""What the tags of the look write, case by case."""

from datetime import UTC, date, datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest
from django.contrib.staticfiles import finders
from django.template import Context, Template
from django.utils.html import strip_tags

from audit import clock
from portal.templatetags import gatehouse as tags

NOW = datetime(2026, 11, 23, 9, 14, 7, tzinfo=UTC)
DIGEST = "sha256:9f2c41" + "0" * 54 + "b07e"


@pytest.fixture(autouse=True)
def _now():
    with clock.at(NOW):
        yield


def write(source, **context):
    return Template("{% load gatehouse %}" + source).render(Context(context))


def symbols():
    sprite = ElementTree.parse(finders.find("portal/icons.svg"))
    return {symbol.get("id") for symbol in sprite.getroot()}


@pytest.mark.parametrize(
    ("state", "icon", "word", "colour"),
    [
        ("met", "met", "Met", "met"),
        ("failed", "failed", "Failed", "failed"),
        ("missing", "missing", "Missing", "missing"),
        ("stale", "stale", "Stale", "stale"),
        ("waived", "waived", "Waived", "waived"),
        ("in_review", "review", "In review", "info"),
        ("changes-requested", "back", "Changes requested", "stale"),
        ("void", "void", "No longer counts", "stale"),
        ("wanted_from_you", "wanted", "Wanted from you", "info"),
        ("suspended", "suspended", "Suspended", "missing"),
        ("ended", "ended", "Ended", "missing"),
        ("not_approved", "alert", "Running but not approved", "failed"),
        ("sealed", "lock", "Sealed", "missing"),
        ("added", "plus", "Added", "met"),
        ("removed", "minus", "Removed", "failed"),
        ("expired", "ended", "Expired", "stale"),
        ("expires_1", "alert", "Expires in 1 day", "failed"),
        ("nobody_drew_this", "review", "Nobody drew this", "missing"),
    ],
)
def test_a_state_is_an_icon_a_word_and_a_colour(state, icon, word, colour):
    html = write("{% status state %}", state=state)
    assert f"icons.svg#{icon}" in html
    assert strip_tags(html).strip() == word
    assert f"status-{colour}" in html
    assert 'aria-hidden="true"' in html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0.9024390243902439", "0.902439…"),
        ("0.8999999", "0.8999999"),
        ("0.89999999999", "0.899999…"),
        ("-0.0005447969648709635", "-0.000544…"),
        ("0.000000123456789", "0.000000123…"),
        ("1e-30", "1e-30"),
        ("0.123456e-10", "0.123456e-10"),
        ("76.2", "76.2"),
        ("1200", "1200"),
    ],
)
def test_a_long_score_is_cut_and_never_rounded(text, shown):
    html = write("{{ text|figure }}", text=text)
    assert strip_tags(html) == shown
    assert text == shown or f'title="{text}"' in html


def test_every_state_has_an_icon_that_is_drawn():
    drawn = symbols()
    assert {icon for icon, _, _ in tags.STATES.values()} <= drawn
    assert {"mark", "menu", "search", "sun", "moon", "auto"} <= drawn


def test_a_word_of_ones_own_replaces_the_usual_one_and_is_escaped():
    html = write("{% status 'met' word pill=True %}", word="<b>Met, but worse</b>")
    assert "&lt;b&gt;Met, but worse" in html
    assert "pill" in html
    assert ">Met<" not in html


@pytest.mark.parametrize(
    ("value", "written", "words"),
    [
        (NOW, "{{ v|utc }}", "23 Nov 2026 09:14 UTC"),
        (NOW, "{{ v|utc:'seconds' }}", "23 Nov 2026 09:14:07 UTC"),
        (NOW.astimezone(timezone(timedelta(hours=10))), "{{ v|utc }}", "23 Nov 2026 09:14 UTC"),
        (NOW.astimezone(timezone(timedelta(hours=-10))), "{{ v|day }}", "23 Nov 2026"),
        (date(2026, 2, 4), "{{ v|utc }}", "4 Feb 2026"),
        (date(2026, 2, 4), "{{ v|day }}", "4 Feb 2026"),
        (None, "{{ v|utc }}{{ v|day }}{{ v|ago }}{{ v|age }}", ""),
        (NOW - timedelta(seconds=30), "{{ v|ago }}", "now"),
        (NOW - timedelta(seconds=30), "{{ v|age }}", "less than a minute"),
        (NOW - timedelta(minutes=1), "{{ v|ago }}", "1 minute ago"),
        (NOW - timedelta(hours=5), "{{ v|age }}", "5 hours"),
        (NOW - timedelta(days=6), "{{ v|ago }}", "6 days ago"),
        (NOW + timedelta(days=4), "{{ v|ago }}", "in 4 days"),
        (NOW - timedelta(days=366), "{{ v|age }}", "12 months"),
        (NOW - timedelta(days=800), "{{ v|age }}", "2 years"),
        (NOW.date(), "{{ v|ago }}", "today"),
        (NOW.date() + timedelta(days=1), "{{ v|ago }}", "tomorrow"),
        (NOW.date() - timedelta(days=1), "{{ v|ago }}", "yesterday"),
        (NOW.date() + timedelta(days=22), "{{ v|ago }}", "in 22 days"),
        (NOW.date() - timedelta(days=3), "{{ v|age }}", "3 days"),
    ],
)
def test_times_in_words(value, written, words):
    assert strip_tags(write(written, v=value)) == words


def test_an_instant_keeps_its_exact_value_for_machines_and_hovering():
    assert 'datetime="2026-11-23T09:14:07Z" title="2026-11-23T09:14:07Z"' in write(
        "{{ v|utc }}", v=NOW
    )
    assert write("{{ v|utc:'text' }}", v=NOW) == "23 Nov 2026 09:14 UTC"
    assert write("{{ v|day:'text' }}", v=NOW) == "23 Nov 2026"


@pytest.mark.parametrize(
    ("days", "words", "amber"),
    [
        (-1, "22 Nov 2026 overdue, yesterday", True),
        (1, "24 Nov 2026 tomorrow", True),
        (2, "25 Nov 2026 in 2 days", True),
        (3, "26 Nov 2026 in 3 days", False),
    ],
)
def test_a_due_date_turns_amber_two_days_before(days, words, amber):
    html = write("{% due v %}", v=NOW.date() + timedelta(days=days))
    assert " ".join(strip_tags(html.replace('<span class="note">', " ")).split()) == words
    assert ("status-stale" in html) is amber


def test_nothing_due_says_so():
    assert strip_tags(write("{% due v %}", v=None)) == "no date"


def test_a_short_digest_shows_its_ends_and_keeps_the_whole_for_copying():
    html = write("{{ v|short_digest }}", v=DIGEST)
    assert f'title="{DIGEST}"' in html
    assert strip_tags(html) == DIGEST
    assert html.count("digest-middle") == 1
    assert f'sha256:9f2c41<span class="digest-middle">{"0" * 54}</span>b07e' in html


def test_a_bare_digest_leaves_out_the_algorithm_on_screen_only():
    html = write("{{ v|short_digest:'bare' }}", v=DIGEST)
    assert strip_tags(html) == DIGEST
    assert '<span class="digest-start">sha256:</span>9f2c41' in html
    assert f'title="{DIGEST}"' in html


@pytest.mark.parametrize("value", ["", None])
def test_no_digest_is_nothing(value):
    assert write("{{ v|short_digest }}{{ v|full_digest }}", v=value) == ""


def test_a_full_digest_is_written_out_and_escaped():
    assert strip_tags(write("{{ v|full_digest }}", v=DIGEST)) == DIGEST
    assert "<script" not in write("{{ v|full_digest }}{{ v|short_digest }}", v="<script>" * 9)


def test_digests_in_a_sentence_are_short_and_the_rest_is_text():
    html = write("{{ v|short_digests }}", v=f"<b>weights</b> {DIGEST} → {DIGEST}; sha256:abc")
    assert html.count("digest-middle") == 2
    assert strip_tags(html) == f"&lt;b&gt;weights&lt;/b&gt; {DIGEST} → {DIGEST}; sha256:abc"
    assert write("{{ v|short_digests }}", v="plain") == "plain"


def test_a_band_holds_the_answer_and_takes_focus_when_told():
    html = write(
        "{% band 'failed' headline %}1 finding <a href='#f'>failed</a>.{% endband %}",
        headline="Cannot be <approved> yet.",
    )
    assert "band-failed" in html
    assert "Cannot be &lt;approved&gt; yet." in html
    assert "<a href='#f'>failed</a>" in html
    assert "autofocus" not in html
    assert 'tabindex="-1" autofocus' in write("{% band 'met' 'Yes.' focus=True %}.{% endband %}")


def test_what_people_wrote_stays_text_in_bands_and_boxes():
    html = write("{% band 'met' 'A.' %}{{ v }}{% endband %}{% box v %}{{ v }}{% endbox %}", v="<i>")
    assert "<i>" not in html


def test_a_box_is_a_named_section_with_words_and_one_link():
    html = write(
        "{% box 'Sign-offs' count='1 of 4 counts' link='/all/' words='All, 19' %}rows{% endbox %}"
    )
    assert '<section class="box" id="sign-offs" aria-labelledby="sign-offs-title">' in html
    assert '<h2 id="sign-offs-title">Sign-offs</h2>' in html
    assert "1 of 4 counts" in html
    assert '<a href="/all/">All, 19</a>' in html


def test_cells_of_admin_lists_are_named_and_written_in_our_words():
    cells = [
        '<th class="field-slug"><a href="/x/">claims</a></th>',
        f'<td class="field-digest">{DIGEST}</td>',
        '<td class="field-open"><img src="/static/admin/img/icon-yes.svg" alt="True"></td>',
    ]
    cells.append('<td class="action-checkbox"><input type="checkbox"></td>')
    headers = [{"text": "slug"}, {"text": "digest"}, {"text": 'open "now"'}]
    headers.append({"text": '<input type="checkbox" id="action-toggle">'})
    first, digest, yes, choice = tags.in_our_words(cells, headers)
    assert first.startswith('<th role="rowheader" data-label="Slug" class="field-slug">')
    assert "digest-middle" in digest
    assert 'data-label="Open &quot;now&quot;"' in yes
    assert strip_tags(yes).strip() == "Yes"
    assert 'data-label="Choose"' in choice


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("Ended at 2026-10-29T09:04:00.000000Z.", "Ended at 29 Oct 2026 09:04 UTC."),
        ("From 2026-01-02T03:04:05Z on", "From 2 Jan 2026 03:04 UTC on"),
        ("At 2026-99-02T03:04:05Z", "At 2026-99-02T03:04:05Z"),
        ("<b> 2026-10-29", "&lt;b&gt; 2026-10-29"),
    ],
)
def test_instants_in_sentences_are_written_as_on_pages(sentence, read):
    assert write("{{ said|readable }}", said=sentence) == read
