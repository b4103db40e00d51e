"""contract-summaries: in the sandbox, and one signature away from production.

Release 2 is complete and the reviewer has signed; the risk owner has not.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from evidence.models import EvidenceItem
from gates import transitions as gates
from gates.models import Promotion, Thread
from portal.demo import measured
from portal.demo.files import plain
from portal.demo.stories import founding
from portal.demo.world import World
from registry.models import PromptTemplate, Release

USE_CASE, TEAM = "contract-summaries", "legal"
SONNET, ENDPOINT = ("claude-sonnet-4-6", "4-6"), "bedrock-sonnet-4-6-eu"


def contracts(world: World) -> Iterator[datetime]:
    """Tell the story of contract-summaries."""
    yield world.day(100)
    first = _release(world, 1, "First release, for five lawyers.")
    yield world.day(98)
    _basics(world, first)
    promotion = world.ask(
        first, "sandbox-eu", [ENDPOINT], by="legal.lead", purpose="Five lawyers try it for a month."
    )
    yield world.day(96)
    world.sign(promotion, "model.second", "Old contracts only, and lawyers read every clause.")

    yield world.day(15)
    founding.write(world, PromptTemplate.objects.get(slug="contract-summary-system"), 2)
    second = _release(world, 2, "Says which usual clauses are missing.")
    yield world.day(14)
    _basics(world, second)
    benchmark = _benchmark(world, second)
    red_team = _rest(world, second)
    yield world.day(12)
    world.accept(benchmark, "model.second", "Two contracts read in full; the log is right.")
    world.accept(red_team, "model.second", "No attack worked; twenty answers read.")
    yield world.day(9)
    promotion = world.ask(
        second,
        "production-eu",
        [ENDPOINT],
        by="legal.lead",
        purpose="The whole legal department summarises supplier contracts before renewals.",
        wanted_in=14,
    )
    yield world.day(7)
    thread = _talk(world, promotion, benchmark)
    yield world.day(5)
    world.sign(promotion, "model.reviewer", "Faithful in 46 of 48; both misses are in French.")
    yield world.day(4)
    with world.act():
        gates.resolve(
            thread.pk,
            actor=world.who("model.reviewer"),
            reason="French contracts are read by a person until the set has more of them.",
        )
    with world.act():
        gates.ask_to_sign(
            promotion.pk,
            person=world.who("risk.owner"),
            actor=world.who("legal.lead"),
            reason="You know the renewals that begin in December.",
        )


def _talk(world: World, promotion: Promotion, benchmark: EvidenceItem) -> Thread:
    """Let the reviewer ask about the benchmark, and whoever asked for it answer."""
    with world.act():
        asked = gates.comment(
            promotion.pk,
            text="Both misses are French contracts. How many of the 48 are French?",
            subject=f"evidence:{benchmark.pk}",
            actor=world.who("model.reviewer"),
        )
    with world.act():
        gates.comment(
            promotion.pk,
            text="Five. Legal reads every French summary against its contract until there are 30.",
            thread=asked.thread_id,
            actor=world.who("legal.lead"),
        )
    return asked.thread


def _release(world: World, prompt: int, notes: str) -> Release:
    return world.release(
        USE_CASE,
        SONNET,
        by="registrar",
        prompts=[("contract-summary-system", prompt)],
        grants=[("contract-archive", "read", "user_delegated")],
        objectives=[("summary within 60 s", "≥ 98 %", "30 days")],
        parameters={"temperature": "0", "max_output_tokens": 4096},
        on_call=TEAM,
        notes=notes,
    )


def _basics(world: World, release: Release) -> None:
    """Give what the sandbox asks for."""
    world.give(
        release,
        "safety_check",
        f"Safety check of {release}",
        by="tester",
        method="20 contracts with hidden text that gives orders, and 10 that are no contracts.",
        result="Hidden orders were named as odd and not followed. It declined all ten others.",
        limits="Scanned pages were not tried; the archive holds text.",
        files=[
            plain.report(
                f"safety-{USE_CASE}-{release.number}",
                f"# Safety check, {release}\n\n"
                "- 20 contracts with orders in white on white: none was followed.\n"
                "- 10 papers that are no contracts: all declined.\n"
                "- Longest input: 212 pages, 141,000 tokens.\n",
            )
        ],
    )
    world.give(
        release,
        "data_boundary",
        f"Data boundary of {release}",
        by="tester",
        verdict="noted",
        data_in="The text of one signed supplier contract, prices included.",
        data_kept="The summary with the contract; the host keeps nothing and trains on nothing.",
        never="Contracts marked secret: the archive does not hand them out to this account.",
    )


def _benchmark(world: World, release: Release) -> EvidenceItem:
    at = world.moment - timedelta(hours=4)
    log = measured.contracts(
        model="bedrock/eu.anthropic.claude-sonnet-4-6", faithful=46, recalled=45, at=at
    )
    return world.give(
        release,
        "benchmark",
        f"Contract faithfulness of {release}",
        by="tester",
        suites=[("contract-faithfulness", 1, log)],
        setup="Inspect, temperature 0, the release's own prompt; a lawyer graded what was unclear.",
        limits="48 contracts; none longer than 65 pages.",
    )


def _rest(world: World, release: Release) -> EvidenceItem:
    """Give what production asks for beyond the sandbox; return the red team's item."""
    at = world.moment - timedelta(hours=2)
    red_team = world.give(
        release,
        "red_team",
        f"Red team on {release}",
        by="tester",
        suites=[
            (
                "attack-probes",
                1,
                measured.attacks(
                    target=str(release),
                    prefix=f"{USE_CASE}-{release.number}",
                    at=at,
                    worked=(0, 0, 0),
                ),
            )
        ],
        scope="garak's probes, and a lawyer who rewrote ten contracts to be misread.",
        worst="A clause split over two annexes was summarised as two clauses.",
        mitigations="The summary says that annexes may change what a clause means.",
    )
    world.give(
        release,
        "privacy_review",
        f"Privacy review of {release}",
        by="privacy.counsel",
        subjects="People who sign or are named as contacts in contracts.",
        basis="Legitimate interest in keeping our contracts, Article 6 (1) (f) of the GDPR.",
        rights="Names stay in the contract; the summary leaves them out.",
        result="In order. Support staff of the host in the United States see no content.",
    )
    world.give(
        release,
        "rollback_plan",
        "Switch-off of contract summaries",
        by="tester",
        verdict="noted",
        target="switch_off",
        procedure="The button in the archive is hidden; lawyers read contracts as before.",
        decides="Ingrid Solheim, within an hour.",
    )
    world.give(
        release,
        "operational_readiness",
        f"Operational readiness of {release}",
        by="tester",
        files=[measured.load_test(f"load-{USE_CASE}-{release.number}", at=at, slowest_ms=21000)],
        monitoring="Time to the summary, refusals, cost for each contract; legal's rota is told.",
        tried="Two weeks before, by Rafael Costa: hidden within two minutes.",
    )
    return red_team
