"""customer-chat: an approval that ended by itself, its successor in two regions, changes requested.

Release 1 was approved, and its approval ended when its safety check did. Release 2 took over in
time. Release 3 leaves GPT-4.1 before OpenAI retires it, and breaks promises that it should not
make: the reviewer asked for changes.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from evidence.models import EvidenceItem
from portal.demo import measured, purposes
from portal.demo.files import plain
from portal.demo.stories import founding
from portal.demo.world import World
from registry.models import EvaluationSuite, PromptTemplate, Release, ScoreDemand, UseCase

USE_CASE, TEAM = "customer-chat", "customer"
GPT, FLASH = ("gpt-4-1", "2025-04-14"), ("gemini-2-5-flash-lite", "2-5")
SWEDEN, US, FLASH_NL = "azure-gpt-4-1-sweden", "azure-gpt-4-1-us", "vertex-flash-lite-nl"
GRANTS = (
    ("policy-search", "query", "none"),
    ("customer-record", "read-own", "user_delegated"),
)
OBJECTIVES = (
    ("first token within 2 s", "≥ 99 %", "30 days"),
    ("handed over to a person", "≤ 25 %", "7 days"),
)


def customer(world: World) -> Iterator[datetime]:
    """Tell the story of customer-chat."""
    yield world.day(212)
    first = _release(world, GPT, 1, "First release: answers from the policy wording.")
    yield world.day(211)
    _basics(world, first, "gpt-4.1-2025-04-14")
    yield world.day(210)
    benchmark = _benchmark(world, first, "gpt-4.1-2025-04-14", version=1, promising=1, grounded=36)
    red_team = _rest(world, first, worked=(1, 0, 1))
    world.give(
        first,
        "rollback_plan",
        "Switch-off of the chat",
        by="tester",
        verdict="noted",
        target="switch_off",
        procedure="The chat button is taken off the page; calls go to the service desk, which is "
        "staffed for them until 20:00.",
        decides="Kofi Mensah or the service desk lead, within ten minutes.",
    )
    yield world.day(209)
    world.accept(benchmark, "model.reviewer", "Samples read, figures recomputed from the files.")
    world.accept(red_team, "model.reviewer", "Both attacks that worked were read.")
    sandbox = world.ask(
        first, "sandbox-eu", [SWEDEN], by="customer.lead", purpose="Let the service desk try it."
    )
    world.sign(sandbox, "model.reviewer", "Enough for the sandbox: no real customers.")
    yield world.day(205)
    promotion = world.ask(
        first,
        "production-eu",
        [SWEDEN],
        by="customer.lead",
        purpose="Opens the chat to policyholders in Europe, weekdays first.",
        wanted_in=7,
    )
    yield world.day(204)
    world.sign(promotion, "model.second", "Guardrails and grounding above the thresholds.")
    yield world.day(203)
    world.sign(promotion, "risk.owner", "One promise in forty is noted and has a rule now.")

    yield world.day(80)
    _stricter_demands(world)
    yield world.day(76)
    founding.write(world, PromptTemplate.objects.get(slug="customer-chat-system"), 2)
    second = _release(world, GPT, 2, "No promise of cover, after complaints.")
    yield world.day(75)
    _basics(world, second, "gpt-4.1-2025-04-14")
    benchmark = _benchmark(world, second, "gpt-4.1-2025-04-14", version=2, grounded=38)
    red_team = _rest(world, second, worked=(0, 0, 1))
    _back_to(world, second, first)
    yield world.day(74)
    world.accept(benchmark, "model.second", "Recomputed from the promptfoo and Inspect files.")
    world.accept(red_team, "model.second", "The attack that worked was read.")
    yield world.day(73)
    promotion = world.ask(
        second,
        "production-eu",
        [SWEDEN],
        by="customer.lead",
        purpose="Stops the promises that customers quote against us.",
        wanted_in=5,
    )
    yield world.day(71)
    world.sign(promotion, "model.reviewer", "No promise and no leak in 60 questions.")
    yield world.day(70)
    world.sign(promotion, "risk.second", "Less risk than the release it follows.")
    yield world.day(58)
    _switch_off_us(world, second)
    promotion = world.ask(
        second,
        "production-us",
        [US],
        by="customer.lead",
        purpose="Opens the chat to policyholders of the American branch.",
    )
    yield world.day(56)
    world.sign(promotion, "model.second", "Same release, same evidence, an endpoint of its own.")
    yield world.day(55)
    world.sign(
        promotion,
        "risk.owner",
        "American wordings are in the passages; accepted, if the figures hold on real questions.",
        verdict="approve_with_conditions",
        conditions=[
            (
                "Measure again on 200 real questions of American policyholders.",
                "customer.lead",
                90,
                "benchmark",
            )
        ],
    )

    yield world.day(13)
    founding.write(world, PromptTemplate.objects.get(slug="customer-chat-system"), 3)
    third = _release(world, FLASH, 3, "Leaves GPT-4.1, which OpenAI retires on 14 January 2027.")
    yield world.day(12)
    _basics(world, third, "gemini-2.5-flash-lite")
    benchmark = _benchmark(
        world, third, "gemini-2.5-flash-lite", version=2, promising=5, grounded=35
    )
    # Nobody has accepted this run yet: it waits for a reviewer.
    _rest(world, third, worked=(2, 0, 2))
    _back_to(world, third, second)
    yield world.day(11)
    world.accept(benchmark, "model.reviewer", "The figures are right, and not good.")
    promotion = world.ask(
        third,
        "production-eu",
        [FLASH_NL],
        by="customer.lead",
        purpose="Replaces GPT-4.1 before it retires, at a tenth of the cost.",
        wanted_in=30,
    )
    yield world.day(8)
    world.sign(
        promotion,
        "model.reviewer",
        "Five promises of cover in sixty questions: the pass rate is below the threshold. Tighten "
        "the prompt and measure again.",
        verdict="request_changes",
        meaning="release_needs_change",
    )


def _release(world: World, version: tuple[str, str], prompt: int, notes: str) -> Release:
    return world.release(
        USE_CASE,
        version,
        by="registrar",
        prompts=[("customer-chat-system", prompt), ("customer-chat-conduct", 1)],
        grants=GRANTS,
        objectives=OBJECTIVES,
        parameters={"temperature": "0.2", "max_output_tokens": 600},
        on_call=TEAM,
        notes=notes,
    )


def _stricter_demands(world: World) -> None:
    suite = EvaluationSuite.objects.get(slug="support-guardrails")
    definition = next(one for one in purposes.SUITES if one.slug == suite.slug)
    founding.publish(world, suite, *definition.versions[1])
    world.amend(
        UseCase.objects.get(slug=USE_CASE),
        "registrar",
        "Leaks are counted by themselves from now on, and none is allowed.",
        {ScoreDemand: founding.demands(purposes.CHAT_DEMANDS_NOW)},
    )


def _basics(world: World, release: Release, model: str) -> None:
    """Give what the sandbox asks for."""
    world.give(
        release,
        "safety_check",
        f"Safety check of {release}",
        by="tester",
        method="Two testers for one day, with the 25 scripted conversations on self-harm, threats "
        "and minors, in four languages.",
        result="Handed over to a person in all 25. No instruction to harm was given.",
        limits="Voice is not part of this release and was not tried.",
        files=[
            plain.report(
                f"safety-{USE_CASE}-{release.number}",
                f"# Safety check, {release}\n\nModel under test: `{model}`\n\n"
                "| topic | conversations | handed over |\n|---|---|---|\n"
                "| self-harm | 9 | 9 |\n| threats | 8 | 8 |\n| minors | 8 | 8 |\n\n"
                "Two testers read every answer. They agreed on all of them.",
            )
        ],
    )
    world.give(
        release,
        "data_boundary",
        f"Data boundary of {release}",
        by="tester",
        verdict="noted",
        data_in="The question, the name of who is signed in, and passages of the wording.",
        data_kept="Conversations for 90 days, in the region that answers; the host keeps nothing.",
        never="Account numbers and health data: a filter replaces them before anything is sent.",
    )


def _benchmark(
    world: World,
    release: Release,
    model: str,
    *,
    version: int,
    grounded: int,
    promising: int = 0,
) -> EvidenceItem:
    at = world.moment - timedelta(hours=4)
    guardrails = measured.guardrails(
        provider=model, count=40 if version == 1 else 60, promising=promising, at=at
    )
    grounding = measured.grounding(model=model, right=grounded, at=at)
    return world.give(
        release,
        "benchmark",
        f"Guardrails and grounding of {release}",
        by="tester",
        suites=[
            ("support-guardrails", version, guardrails),
            ("answer-grounding", 1, grounding),
        ],
        setup="promptfoo for the guardrails, Inspect for grounding; temperature 0, the release's "
        "own prompts, three hours apart.",
        limits="Questions are in English; other languages are sampled by hand each month.",
    )


def _rest(world: World, release: Release, worked: tuple[int, int, int]) -> EvidenceItem:
    """Give what else production asks for, rollback aside; return the red team's item."""
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
                    worked=worked,
                ),
            )
        ],
        scope="garak's probes overnight, then two people for a day against the whole release.",
        worst="It left its role for one sentence, and came back to it with the next.",
        mitigations="Answers that leave the role are cut by the output filter.",
    )
    world.give(
        release,
        "privacy_review",
        f"Privacy review of {release}",
        by="privacy.counsel",
        subjects="Policyholders who write to the chat.",
        basis="Performance of the insurance contract, Article 6 (1) (b) of the GDPR.",
        rights="Conversations are found by customer number and deleted with the file on request.",
        result="In order, provided that conversations are not used for training.",
    )
    world.give(
        release,
        "operational_readiness",
        f"Operational readiness of {release}",
        by="tester",
        files=[measured.load_test(f"load-{USE_CASE}-{release.number}", at=at, slowest_ms=1900)],
        monitoring="Time to the first token, hand-over rate and filter hits; the rota of customer "
        "service is paged.",
        tried="Ten days before, by Rafael Costa: the chat was off the page in four minutes.",
        capacity="116 questions a minute, twice the busiest hour of last winter.",
    )
    return red_team


def _back_to(world: World, release: Release, earlier: Release) -> None:
    world.give(
        release,
        "rollback_plan",
        f"Back to {earlier}",
        by="tester",
        verdict="noted",
        target="release",
        release=earlier.digest,
        decides="Kofi Mensah or the service desk lead, within ten minutes.",
    )


def _switch_off_us(world: World, release: Release) -> None:
    """No earlier release is approved in the United States: there, it can only be switched off."""
    world.give(
        release,
        "rollback_plan",
        "Switch-off in the United States",
        by="tester",
        verdict="noted",
        target="switch_off",
        procedure="The chat button is taken off the American page; calls go to the branch.",
        decides="The lead of the American branch, within ten minutes.",
    )
