"""claims-triage: high risk, so four people sign wherever it is for real.

Release 1, on our own adapter, has stood in the regulated environment for five months. Release 2
would have sent claims to a hosted model in the United States: rejected. Release 3 is a draft
request on the next adapter, whose lineage has a gap.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from evidence.models import EvidenceItem
from portal.demo import catalogue, measured
from portal.demo.files import plain
from portal.demo.stories import founding
from portal.demo.world import World
from registry.models import PromptTemplate, Release

USE_CASE, TEAM = "claims-triage", "claims"
MAKER, TESTER, LEAD = "claims.registrar", "claims.tester", "claims.lead"
ADAPTER, ADAPTER_2, GPT = (
    ("claims-triage-adapter", "1"),
    ("claims-triage-adapter", "2"),
    ("gpt-4-1", "2025-04-14"),
)
OWN = ("vllm-claims-triage-fra", "vllm-claims-triage-par")
GRANTS = (
    ("claims-system", "read", "service_account"),
    ("claims-system", "queue", "human_approval"),
)
OBJECTIVES = (
    ("sorted within 30 s", "≥ 99.5 %", "30 days"),
    ("severe cases seen by a person within 1 h", "100 %", "7 days"),
)


def claims(world: World) -> Iterator[datetime]:
    """Tell the story of claims-triage."""
    yield world.day(176)
    founding.write(world, PromptTemplate.objects.get(slug="claims-triage-system"), 2, MAKER)
    first = _release(world, ADAPTER, 2, "First release on our own adapter.")
    yield world.day(162)
    _basics(world, first)
    yield world.day(161)
    benchmark = _benchmark(world, first, model=ADAPTER, right=1108, severe=176)
    sandbox = world.ask(
        first,
        "sandbox-eu",
        OWN[:1],
        by=LEAD,
        purpose="Run beside the handlers for two weeks, without putting anything into a queue.",
    )
    yield world.day(160)
    world.sign(sandbox, "model.reviewer", "Runs beside people and decides nothing.")
    world.accept(benchmark, "model.second", "Recomputed; severe recall holds in each language.")
    yield world.day(159)
    red_team = _operations(world, first)
    _privacy(world, first)
    world.give(
        first,
        "rollback_plan",
        "Switch-off of claims triage",
        by=TESTER,
        verdict="noted",
        target="switch_off",
        procedure="The queue step is turned off; every note goes to the general queue, where "
        "handlers sort by hand as they did before. Two more handlers are on call for it.",
        decides="Beatriz Moreno or the head of claims, within fifteen minutes.",
    )
    yield world.day(157)
    world.accept(red_team, "model.second", "The attack that worked is in the notes.")
    _validation(world, first)
    yield world.day(156, 3)
    world.verify()
    yield world.day(156)
    promotion = world.ask(
        first,
        "regulated-eu",
        OWN,
        by=LEAD,
        purpose="Sorts all motor and home claims in Europe; storms begin in ten weeks.",
        wanted_in=10,
    )
    yield world.day(155)
    world.sign(promotion, "model.reviewer", "Scores, confusion table and samples agree.")
    yield world.day(154)
    world.sign(promotion, "risk.owner", "A wrong queue costs hours; a handler sees every case.")
    yield world.day(153)
    world.sign(promotion, "privacy.officer", "Tokens instead of names; nothing leaves our centres.")
    yield world.day(152)
    world.sign(promotion, "validator", "Repeated on notes of our own choice, same result.")
    yield world.day(150)
    world.review_trail(
        "auditor",
        0,
        "Every entry of the first approval into regulated use was read, with its evidence and "
        "its four signatures. Each was by the person who holds the role, and before the decision.",
        "Review of the first regulated approval.",
    )

    yield world.day(45)
    second = world.release(
        USE_CASE,
        GPT,
        by=MAKER,
        prompts=[("claims-triage-system", 2)],
        grants=GRANTS,
        objectives=OBJECTIVES,
        on_call=TEAM,
        notes="Tries a hosted model for the American branch.",
    )
    yield world.day(43)
    _basics(world, second)
    benchmark = _benchmark(world, second, model=GPT, right=1121, severe=177)
    yield world.day(42)
    world.accept(benchmark, "model.second", "Better figures than our own adapter.")
    promotion = world.ask(
        second,
        "production-us",
        ["azure-gpt-4-1-us"],
        by=LEAD,
        purpose="The American branch has no data centre of its own.",
        wanted_in=14,
    )
    yield world.day(40)
    world.sign(
        promotion,
        "risk.second",
        "Confidential notes of people in Europe would be processed in the United States, and the "
        "model is not meant for this use. Better scores do not change that.",
        verdict="reject",
        meaning="risk_not_acceptable",
    )

    yield world.day(6)
    founding.register(world, catalogue.ADAPTER_2, MAKER)
    founding.serve(world, catalogue.ADAPTER_2_ENDPOINT, MAKER)
    third = _release(world, ADAPTER_2, 2, "Next adapter: two more quarters of notes.")
    yield world.day(4)
    _basics(world, third)
    yield world.day(3)
    world.ask(
        third,
        "regulated-eu",
        [catalogue.ADAPTER_2_ENDPOINT.slug],
        by=LEAD,
        purpose="French notes on water damage end up in the right queue more often.",
        wanted_in=40,
        submit=False,
    )


def _release(world: World, version: tuple[str, str], prompt: int, notes: str) -> Release:
    return world.release(
        USE_CASE,
        version,
        by=MAKER,
        prompts=[("claims-triage-system", prompt)],
        grants=GRANTS,
        objectives=OBJECTIVES,
        parameters={"temperature": "0", "max_output_tokens": 256, "seed": 7},
        on_call=TEAM,
        notes=notes,
    )


def _basics(world: World, release: Release) -> None:
    """Give what the sandbox asks for."""
    world.give(
        release,
        "safety_check",
        f"Safety check of {release}",
        by=TESTER,
        method="300 notes with planted orders, insults and contradictions; two people read all.",
        result="No planted order was followed. Three of 300 answers were no JSON and went to the "
        "general queue, as they should.",
        limits="Notes on health are out of scope and were not tried.",
        files=[
            plain.table(
                f"safety-{USE_CASE}-{release.number}",
                ("kind of note", "notes", "order followed", "not JSON"),
                (
                    ("planted order", 120, 0, 1),
                    ("insult", 80, 0, 0),
                    ("contradiction", 100, 0, 2),
                ),
            )
        ],
    )
    world.give(
        release,
        "data_boundary",
        f"Data boundary of {release}",
        by=TESTER,
        verdict="noted",
        data_in="The first note of a claim, with names, plates and account numbers as tokens.",
        data_kept="Note, answer and queue for two years with the claim.",
        never="Medical reports: attachments are not read, and a filter stops diagnosis codes.",
    )


def _benchmark(
    world: World, release: Release, *, model: tuple[str, str], right: int, severe: int
) -> EvidenceItem:
    at = world.moment - timedelta(hours=5)
    results = measured.triage(
        model="/".join(model),
        base_url="http://models.fra.halden.example/v1/chat/completions",
        right=right,
        severe=severe,
        at=at,
    )
    return world.give(
        release,
        "benchmark",
        f"Held-out notes, {release}",
        by=TESTER,
        suites=[("claims-triage-eval", 1, results)],
        files=[measured.confusion(f"confusion-{USE_CASE}-{release.number}", right // 5)],
        setup="lm-evaluation-harness, greedy, the release's own prompt, 1,200 notes held out.",
        limits="The notes are from spring: there is no storm among them.",
    )


def _operations(world: World, release: Release) -> EvidenceItem:
    """Give readiness and red team; return the latter, whose run somebody accepts."""
    at = world.moment - timedelta(hours=2)
    world.give(
        release,
        "operational_readiness",
        f"Operational readiness of {release}",
        by=TESTER,
        files=[measured.load_test(f"load-{USE_CASE}-{release.number}", at=at, slowest_ms=2400)],
        monitoring="Queue lengths, severe cases that no person has seen, answers that are no JSON; "
        "the rota of claims is paged.",
        tried="Last week, by Rafael Costa: switched off and on again within nine minutes.",
        capacity="112 notes a minute, three times the storm of two winters ago.",
    )
    return world.give(
        release,
        "red_team",
        f"Red team on {release}",
        by=TESTER,
        suites=[
            (
                "attack-probes",
                1,
                measured.attacks(
                    target=str(release),
                    prefix=f"{USE_CASE}-{release.number}",
                    at=at,
                    worked=(1, 0, 0),
                ),
            )
        ],
        scope="garak's probes, then three handlers for a day, writing notes to be sorted wrong.",
        worst="A note in verse moved one case from liability to general.",
        mitigations="General is read by a person within the hour; the note is in the next suite.",
    )


def _privacy(world: World, release: Release) -> None:
    world.give(
        release,
        "privacy_review",
        f"Privacy review of {release}",
        by="privacy.counsel",
        subjects="Claimants, witnesses and third parties named in notes.",
        basis="Performance of the insurance contract; legitimate interest for third parties.",
        rights="Found by claim number; the answer is deleted with the claim.",
        result="In order. The handler's decision stays with the handler, so Article 22 of the GDPR "
        "does not apply.",
    )


def _validation(world: World, release: Release) -> None:
    world.give(
        release,
        "independent_validation",
        f"Validation of {release} by Nordlys Assurance",
        by=TESTER,
        standing="independent",
        vouched_by="Nordlys Assurance (invented), model validation",
        validator="Nordlys Assurance; no ties to the makers, paid a fixed fee.",
        method="Labelled 400 notes of their own choice without seeing the answers, then compared.",
        conclusion="Macro F1 0.92 against 0.92 reported. Severe recall 0.98. It does as claimed.",
        limits="The claims system itself was not looked at.",
        files=[
            plain.report(
                f"validation-{USE_CASE}-{release.number}",
                f"# Independent validation, {release}\n\n"
                "## What was done\n\n400 notes, drawn by us from March and April, labelled by two "
                "of our people who had not seen the answers.\n\n"
                "## What was found\n\n"
                "| measure | reported | found |\n|---|---|---|\n"
                "| macro F1 | 0.92 | 0.92 |\n| severe recall | 0.98 | 0.98 |\n"
                "| French, water damage | 0.91 | 0.90 |\n\n"
                "## Conclusion\n\nIt does what is claimed. French notes on water damage deserve "
                "more training data.\n",
            )
        ],
    )
