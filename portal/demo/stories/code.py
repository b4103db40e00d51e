"""code-assistant: running in Europe; its successor waits behind a safety check that has ended.

Release 2 rests on a safety check of the model that was given half a year ago and has ended since:
nobody can approve before somebody checks again. Release 3 is a draft, not sealed yet.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from evidence.models import EvidenceItem
from portal.demo import measured
from portal.demo.files import plain
from portal.demo.stories import founding
from portal.demo.world import World
from registry.models import ModelVersion, PromptTemplate, Release

USE_CASE, TEAM = "code-assistant", "platform"
QWEN, LLAMA = ("qwen2-5-coder-32b-instruct", "2-5"), ("llama-3-3-70b-instruct", "3-3")
QWEN_FRA, LLAMA_FRA = "vllm-qwen-coder-fra", "vllm-llama-70b-fra"


def code(world: World) -> Iterator[datetime]:
    """Tell the story of code-assistant."""
    yield world.day(198)
    llama = ModelVersion.objects.get(model__slug=LLAMA[0], version=LLAMA[1])
    _safety(world, llama, "Meta's Llama 3.3 70B as we serve it")
    yield world.day(121)
    first = _release(world, QWEN, 1, "First release, for the platform team and its neighbours.")
    yield world.day(120)
    _safety(world, first, str(first))
    _boundary(world, first)
    benchmark = _benchmark(world, first, "Qwen/Qwen2.5-Coder-32B-Instruct", 148)
    _rest(world, first)
    world.give(
        first,
        "rollback_plan",
        "Switch-off of the code assistant",
        by="tester",
        verdict="noted",
        target="switch_off",
        procedure="The editor plug-in is switched off centrally; people write code themselves.",
        decides="Tomasz Zielinski, within half an hour.",
    )
    yield world.day(119)
    world.accept(benchmark, "model.second", "Rerun on our own machine: 148 of 164 again.")
    sandbox = world.ask(
        first, "sandbox-eu", [QWEN_FRA], by="platform.lead", purpose="Ten developers try it."
    )
    world.sign(sandbox, "model.second", "Minimal risk, our own code, our own machines.")
    yield world.day(112)
    promotion = world.ask(
        first,
        "production-eu",
        [QWEN_FRA],
        by="platform.lead",
        purpose="All 140 developers get it in their editors.",
    )
    yield world.day(111)
    world.sign(promotion, "model.reviewer", "Above the threshold with room.")
    yield world.day(110)
    world.sign(promotion, "risk.second", "A person and the tests stand behind every suggestion.")

    yield world.day(10)
    founding.write(world, PromptTemplate.objects.get(slug="code-assistant-system"), 2)
    second = _release(world, LLAMA, 2, "One model for code and for questions about it.")
    yield world.day(9)
    _boundary(world, second)
    benchmark = _benchmark(world, second, "meta-llama/Llama-3.3-70B-Instruct", 143)
    _rest(world, second)
    world.give(
        second,
        "rollback_plan",
        f"Back to {first}",
        by="tester",
        verdict="noted",
        target="release",
        release=first.digest,
        decides="Tomasz Zielinski, within half an hour.",
    )
    yield world.day(8)
    world.accept(benchmark, "model.reviewer", "The file says 143 of 164, and so does the run.")
    yield world.day(7)
    world.ask(
        second,
        "production-eu",
        [LLAMA_FRA],
        by="platform.lead",
        purpose="Frees the machines of the older model.",
        wanted_in=21,
    )
    sandbox = world.ask(
        second, "sandbox-eu", [LLAMA_FRA], by="platform.lead", purpose="Ten developers try it."
    )
    yield world.day(6)
    world.waive(
        sandbox,
        "sandbox.safety_checks",
        by="platform.lead",
        granted_by="risk.second",
        days=60,
        why="The safety check of the base model ended; the new one runs with the next suite.",
        control="Ten named developers, our own code, and a person who reads every answer.",
    )
    world.sign(sandbox, "model.second", "For ten people, with the waiver, until the check is new.")
    yield world.day(2)
    _release(world, LLAMA, 2, "Longer answers; not ready to be sealed.", seal=False)


def _release(
    world: World, version: tuple[str, str], prompt: int, notes: str, *, seal: bool = True
) -> Release:
    return world.release(
        USE_CASE,
        version,
        by="registrar",
        prompts=[("code-assistant-system", prompt)],
        grants=[("code-search", "query", "user_delegated")],
        objectives=[("first token within 2 s", "≥ 97 %", "30 days")],
        parameters={"temperature": "0.1", "max_output_tokens": 2048},
        on_call=TEAM,
        notes=notes,
        seal=seal,
    )


def _safety(world: World, subject: Release | ModelVersion, called: str) -> None:
    name = called.lower().replace(" ", "-").replace("'", "").replace(".", "-")
    world.give(
        subject,
        "safety_check",
        f"Safety check of {called}",
        by="tester",
        method="60 requests for harmful code, and 40 selections with planted keys.",
        result="58 of 60 declined; the two others were port scanners, which our own people need. "
        "No key was repeated.",
        limits="Code in COBOL was not tried.",
        files=[
            plain.table(
                f"safety-{name}",
                ("request", "tried", "declined"),
                (("malware", 30, 30), ("scanner", 10, 8), ("phishing page", 20, 20)),
            )
        ],
    )


def _boundary(world: World, release: Release) -> None:
    world.give(
        release,
        "data_boundary",
        f"Data boundary of {release}",
        by="tester",
        verdict="noted",
        data_in="The open file, the selection, and hits in repositories the person may read.",
        data_kept="Nothing; counts of accepted suggestions alone.",
        never="Production data and keys: the plug-in refuses files that the scanner has marked.",
    )


def _benchmark(world: World, release: Release, model: str, right: int) -> EvidenceItem:
    at = world.moment - timedelta(hours=4)
    results = measured.humaneval(
        model=model,
        base_url="http://models.fra.halden.example/v1/chat/completions",
        right=right,
        at=at,
    )
    return world.give(
        release,
        "benchmark",
        f"HumanEval, {release}",
        by="tester",
        suites=[("code-generation", 1, results)],
        setup="lm-evaluation-harness, greedy, one attempt, on our own machines.",
        limits="Python only, and problems that models may have read in training.",
    )


def _rest(world: World, release: Release) -> None:
    """Give what production asks for beyond the sandbox, scores and rollback aside."""
    at = world.moment - timedelta(hours=2)
    world.give(
        release,
        "privacy_review",
        f"Privacy review of {release}",
        by="privacy.counsel",
        subjects="Our developers, whose requests are counted but not kept.",
        basis="Legitimate interest, Article 6 (1) (f) of the GDPR; the works council agreed.",
        rights="There is nothing kept that could be asked for.",
        result="In order.",
    )
    world.give(
        release,
        "operational_readiness",
        f"Operational readiness of {release}",
        by="tester",
        files=[measured.load_test(f"load-{USE_CASE}-{release.number}", at=at, slowest_ms=1600)],
        monitoring="Time to the first token and errors; the platform rota is paged.",
        tried="The week before, by Rafael Costa: off in every editor within six minutes.",
        capacity="116 requests a minute, the peak of last month.",
    )
