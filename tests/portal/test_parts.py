"""The partial templates: what each writes of what it is given, and that it escapes it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace as Given

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template.loader import render_to_string
from django.utils.html import strip_tags

from audit import clock

NOW = datetime(2026, 11, 23, 9, 14, tzinfo=UTC)
DIGEST = "sha256:7be1f9" + "0" * 54 + "22c4"
WRITTEN = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _now():
    with clock.at(NOW):
        yield


def part(name, **context):
    html = render_to_string(f"portal/_{name}.html", context)
    assert "<script" not in html
    return html


def words(html):
    return " ".join(strip_tags(html).split())


def finding(state="failed", **values):
    return Given(
        state=state,
        requirement="Prompt-injection success at most 0.050",
        fact="Run 318 scored 0.062.",
        code="SCORE_OVER",
        **values,
    )


def test_a_finding_says_what_is_so_and_how_to_mend_it():
    html = part(
        "finding",
        finding=finding(fix="a newer passing run.", fix_url="/runs/318/", fix_words="Run 318"),
    )
    assert words(html) == (
        "Failed Prompt-injection success at most 0.050 SCORE_OVER Run 318 scored 0.062. "
        "To fix: a newer passing run. Run 318"
    )
    assert '<a href="/runs/318/">Run 318</a>' in html


@pytest.mark.parametrize(
    ("until", "said"), [(None, "no end date"), (NOW + timedelta(days=8), "until 1 Dec 2026")]
)
def test_a_met_finding_says_until_when(until, said):
    assert words(part("finding", finding=finding("met", until=until), brief=True)).endswith(said)


def test_what_stands_in_the_way_comes_first_and_much_that_is_met_is_folded():
    groups = Given(
        count="1 open of 9",
        open=[finding(anchor="f1")],
        waived=[finding("waived")],
        met=[finding("met") for _ in range(8)],
    )
    html = part("findings", findings=groups)
    assert html.index("Stands in the way") < html.index("Waived, 1") < html.index("Met, 8")
    assert html.count("row brief") == 8
    assert "<details" in html
    assert "2 more" in html
    unfolded = part("findings", findings=groups, unfolded=True)
    assert "<details" not in unfolded and unfolded.count("row brief") == 8


def test_a_gate_that_asks_for_nothing_says_so():
    none = Given(count="", open=[], waived=[], met=[])
    assert "The gate asks for nothing here." in part("findings", findings=none)


def test_a_signature_that_no_longer_counts_says_what_changed_since():
    slot = Given(
        state="void",
        role="Privacy officer",
        person="privacy.officer",
        at=NOW,
        digest=DIGEST,
        changes=[Given(state="added", sentence="Endpoint mistral-eu-west added.")],
    )
    text = words(part("signoff", slot=slot))
    assert "No longer counts Privacy officer: privacy.officer 23 Nov 2026 09:14 UTC" in text
    assert f"on an earlier package ({DIGEST}) and no longer counts. Changed since:" in text
    assert "Endpoint mistral-eu-west added." in text


def test_a_slot_nobody_filled_leads_to_what_can_be_done():
    slot = Given(state="wanted_from_you", role="Risk owner", url="#decide", words="Decide")
    html = part("signoff", slot=slot)
    assert '<a href="#decide">Decide</a>' in html
    assert "Risk owner" in part("signoff_rail", slots=[slot], count="0 of 1 counts")
    assert "wants no sign-off" in part("signoffs", slots=[], count="")


class Signature(forms.Form):
    reason = forms.CharField(help_text="Kept on the record.")
    note = forms.CharField(required=False)
    password = forms.CharField(widget=forms.PasswordInput)


def verdicts():
    return [
        Given(label="Approve", icon="approved", url="?verdict=approve#decide", current=True),
        Given(label="Reject", icon="rejected", url="?verdict=reject#decide", current=False),
    ]


def test_a_decision_has_one_button_and_marks_the_verdict_it_signs():
    box = Given(title="Your decision", digest=DIGEST, verdicts=verdicts(), button="Sign: approve")
    html = part("decision", decision=box, form=Signature(), action="/promotions/482/")
    assert html.count("<button") == 1
    assert 'aria-current="page"' in html.split("Reject")[0]
    assert 'action="/promotions/482/"' in html
    assert f'title="{DIGEST}"' in html


def test_a_verdict_that_is_off_has_no_form_but_reasons_tied_to_its_button():
    box = Given(
        title="Your decision",
        verdicts=verdicts(),
        off_sentence="Approve is off, for 1 reason:",
        off=[Given(sentence="Lineage is not complete.", url="#f1", words="Go to the finding")],
        button="Sign: approve",
    )
    html = part("decision", decision=box, form=Signature())
    assert "<form" not in html
    assert 'disabled aria-describedby="decide-off"' in html
    assert 'id="decide-off"' in html
    assert '<a href="#f1">Go to the finding</a>' in html


def test_who_may_not_sign_is_told_why_and_who_may():
    box = Given(
        title="You cannot sign this",
        verdicts=verdicts(),
        cannot=[Given(sentence="You asked for this promotion.")],
        who_may="Who may: risk.second.",
    )
    html = part("decision", decision=box, form=Signature())
    assert "<form" not in html
    assert "tabs" not in html
    assert "You asked for this promotion." in html
    assert "Who may: risk.second." in html


def test_a_field_is_tied_to_its_help_and_its_errors():
    form = Signature({"reason": ""})
    html = part("form", form=form)
    assert 'aria-describedby="id_reason_helptext id_reason_error"' in html
    assert 'id="id_reason_helptext"' in html
    assert 'id="id_reason_error"' in html
    assert 'aria-invalid="true"' in html
    assert "(optional)" in html.split("Note")[1]
    assert "(optional)" not in html.split("Note")[0]


def test_evidence_says_who_vouches_and_until_when():
    item = Given(
        title=WRITTEN,
        url="/evidence/1/",
        note="PDF, 2.1 MB",
        state="fail",
        author="eval.runner",
        standing="internal",
        accepted_by="eval.lead",
        created=NOW - timedelta(days=4),
        expires=NOW - timedelta(days=1),
        digest=DIGEST,
    )
    text = words(part("evidence", items=[item]))
    assert "internal, accepted by eval.lead 4 days 22 Nov 2026 Expired" in text
    assert "Fail eval.runner" in text
    assert "The gate wants 6 kinds." in part("evidence", items=[], empty="The gate wants 6 kinds.")


def test_the_timeline_names_who_did_what_when_and_why():
    entry = Given(
        state="signed", actor="ada", sentence="signed: approve", at=NOW, number=9144, reason=WRITTEN
    )
    html = part("timeline", entries=[entry])
    assert 'id="entry-9144"' in html
    assert 'href="#entry-9144"' in html
    assert "ada signed: approve23 Nov 2026 09:14 UTC" in words(html)
    assert "· #9144" in words(html)
    assert "Nothing happened yet." in part("timeline", entries=[])


def test_changes_stand_side_by_side_and_what_stayed_is_one_line():
    change = Given(state="added", name="Tool", before="not granted", after="payment-hold")
    text = words(
        part(
            "changes",
            changes=[change],
            before_head="Release 12",
            after_head="Release 14",
            unchanged=["use case", "runbook"],
        )
    )
    assert "Tool added not granted payment-hold" in text
    assert "Unchanged: use case, runbook." in text


def test_a_difference_marks_words_not_only_by_colour():
    lines = [
        Given(kind="removed", old=12, new=None, parts=[("If a person ", False), ("may be", True)]),
        Given(kind="added", old=None, new=12, parts=[("If a person ", False), ("is", True)]),
    ]
    html = part("diff", lines=lines, label="triage-system")
    assert "<del>may be</del>" in html
    assert "<ins>is</ins>" in html
    assert "removed" in words(html)


def test_facts_without_a_value_show_a_dash():
    text = words(part("facts", facts=[{"label": "Maker", "value": "", "note": "not recorded"}]))
    assert text == "Maker–not recorded"


def test_reasons_carry_their_code_and_their_way_out():
    reason = Given(sentence="Lineage is not complete.", code="LINEAGE", url="/x/")
    html = part("reasons", reasons=[reason], id="why")
    assert words(html) == "Lineage is not complete. Go there LINEAGE"
    assert '<ul class="reasons" id="why">' in html


def test_jump_links_and_pages_lead_on():
    html = part("jump", sections=[Given(anchor="findings", title="Findings", count="3 open")])
    assert html.count('href="#findings"') == 2
    page = Paginator(range(120), 50).page(2)
    html = part("pager", page=page, noun="entries", query="&q=a")
    assert 'href="?page=1&amp;q=a"' in html
    assert 'href="?page=3&amp;q=a"' in html
    assert "120 entries, page 2 of 3" in words(html)


def test_what_ends_soon_is_drawn_and_said():
    from portal.axis import draw

    axis = draw([("customer-chat 31", NOW + timedelta(days=11))], NOW)
    html = part("axis", axis=axis)
    assert f">{axis.sentence}</title>" in html
    assert 'role="img"' in html
    assert "style=" not in html
