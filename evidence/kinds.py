"""The kinds of evidence, each with its questions and its life. Pure: no Django, no queries."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """One question of a kind.

    `type` is "text", "choice", "flag", "release" (a sealed release of the same use case) or
    "date". `only_if` names (another question, value) that must hold for this one to be asked.
    A required question that is asked and unanswered refuses the item, unless a file may speak
    for it; no file speaks for a question that is asked `always`, since rules read its answer.
    """

    key: str
    label: str
    help: str = ""
    type: str = "text"
    required: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    only_if: tuple[str, str] | None = None
    always: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of evidence; `life_months` is how long an item of it holds unless it says less."""

    slug: str
    name: str
    about: str
    life_months: int
    questions: tuple[Question, ...] = ()
    #: Whether the item is about a release alone, never about a model version.
    of_release_only: bool = False


KINDS: dict[str, Kind] = {
    kind.slug: kind
    for kind in (
        Kind(
            "safety_check",
            "Safety check",
            "What was tried to make it do harm, and what it did.",
            6,
            (
                Question("method", "How was it checked?", "Tools, prompts and who tried."),
                Question("result", "What was found?"),
                Question("limits", "What was not checked?", required=False),
            ),
        ),
        Kind(
            "data_boundary",
            "Data boundary",
            "Which data goes in, where it goes, and what must never be sent.",
            12,
            (
                Question(
                    "data_in",
                    "Which data reaches the model?",
                    "Each kind of data, where it comes from, and how it is classified.",
                ),
                Question(
                    "data_kept",
                    "What is kept, where and for how long?",
                    "Prompts, answers and logs, with us and with the host; regions and days.",
                ),
                Question(
                    "never",
                    "What must never be sent, and what stops it?",
                    "Name the filter or the step, not the intention.",
                ),
            ),
        ),
        Kind(
            "benchmark",
            "Benchmark",
            "Measured scores on named suites.",
            6,
            (
                Question("setup", "How was it run?", "Suite, settings, hardware, seed."),
                Question("limits", "What do the scores not show?", required=False),
            ),
        ),
        Kind(
            "red_team",
            "Red team",
            "Attacks tried on it on purpose, and how often they worked.",
            6,
            (
                Question("scope", "Who attacked what, and how long?"),
                Question("worst", "What was the worst that worked?"),
                Question("mitigations", "What was done about it?"),
            ),
        ),
        Kind(
            "privacy_review",
            "Privacy review",
            "Whose data is touched, on what ground, and what was decided.",
            12,
            (
                Question(
                    "subjects",
                    "Whose personal data is processed?",
                    "Groups of people, such as policyholders or staff, and which data of theirs; "
                    "or that there is none, and how you know.",
                ),
                Question(
                    "basis",
                    "On what legal basis, and for what purpose?",
                    "Contract, consent, legal duty, public task or legitimate interest; and the "
                    "impact assessment, if one was made.",
                ),
                Question(
                    "rights",
                    "How are access, correction and deletion served?",
                    "Who answers, from which systems, and in how many days.",
                ),
                Question(
                    "result",
                    "What was decided, and on what conditions?",
                    "Acceptable or not, what remains, and until when it is looked at again.",
                ),
            ),
        ),
        Kind(
            "rollback_plan",
            "Rollback plan",
            "What runs instead when this release must go.",
            12,
            (
                Question(
                    "target",
                    "What is put back?",
                    type="choice",
                    always=True,
                    choices=(
                        ("release", "An earlier release that is approved there"),
                        (
                            "switch_off",
                            "Nothing: this is the first release, it is switched off",
                        ),
                    ),
                ),
                Question(
                    "release",
                    "Which release is put back?",
                    type="release",
                    only_if=("target", "release"),
                    always=True,
                ),
                Question(
                    "procedure",
                    "How is it switched off, and what do people do meanwhile?",
                    "The steps in order, and how the work goes on without it.",
                    only_if=("target", "switch_off"),
                ),
                Question(
                    "decides",
                    "Who decides, and how long does it take?",
                    "A role that is reached at any hour, and minutes from the alarm to the end.",
                ),
            ),
            of_release_only=True,
        ),
        Kind(
            "operational_readiness",
            "Operational readiness",
            "Objectives, on-call and runbook are in place and were tried.",
            12,
            (
                Question(
                    "monitoring",
                    "What is watched, and who is alerted?",
                    "Each objective with its alarm, and the on-call team that it reaches.",
                ),
                Question(
                    "tried",
                    "When was the runbook last tried, and by whom?",
                    "The day, the people, and what did not work at first.",
                ),
                Question(
                    "capacity",
                    "Which load was it tried under?",
                    "Requests a minute and tokens each, and what the answer times were.",
                    required=False,
                ),
            ),
            of_release_only=True,
        ),
        Kind(
            "independent_validation",
            "Independent validation",
            "Somebody who did not make it checked that it does what is claimed.",
            12,
            (
                Question(
                    "validator",
                    "Who validated it, and what ties do they have to the makers?",
                ),
                Question("method", "What was done?"),
                Question("conclusion", "What was concluded?"),
                Question("limits", "What was out of scope?", required=False),
            ),
        ),
    )
}
