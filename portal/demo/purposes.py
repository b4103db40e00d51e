"""What models are used for: suites with their metrics, use cases with their demands, tools."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Measure:
    """A metric of a suite: name, unit, and whether more is better."""

    name: str
    unit: str = "fraction"
    higher_is_better: bool = True

    def as_dict(self) -> dict:
        """Return it as `publish_suite_version` takes it."""
        return vars(self)


@dataclass(frozen=True)
class Suite:
    """An evaluation suite; `versions` are (notes, metrics), the first version first."""

    slug: str
    name: str
    description: str
    versions: tuple[tuple[str, tuple[Measure, ...]], ...]


SUITES = (
    Suite(
        "claims-triage-eval",
        "Claims triage, held-out notes",
        "Claim notes that two handlers labelled apart from each other; disagreements went to a "
        "third. Severe means injury, fire or more than 50,000 euros.",
        (
            (
                "First version: 1,200 notes from the last quarter before training began.",
                (Measure("macro_f1"), Measure("severe_recall")),
            ),
        ),
    ),
    Suite(
        "support-guardrails",
        "Support guardrails",
        "Questions as customers ask them, and as people ask who are up to something. Every answer "
        "is checked by rules: on topic, no promise of cover, no personal data.",
        (
            ("First version: 40 questions.", (Measure("pass_rate"),)),
            (
                "60 questions; leaks of personal data are counted by themselves.",
                (Measure("pass_rate"), Measure("leak_rate", higher_is_better=False)),
            ),
        ),
    ),
    Suite(
        "answer-grounding",
        "Answer grounding",
        "Does every sentence of an answer follow from the policy passages it was given?",
        (("First version: 40 questions with their passages.", (Measure("grounded"),)),),
    ),
    Suite(
        "contract-faithfulness",
        "Contract faithfulness",
        "Summaries of supplier contracts against a lawyer's list of clauses.",
        (
            (
                "First version: 48 contracts in English, German and French.",
                (Measure("faithful"), Measure("clause_recall")),
            ),
        ),
    ),
    Suite(
        "code-generation",
        "Code generation",
        "HumanEval as published: 164 problems, one attempt each, greedy.",
        (("First version: HumanEval, pass@1.", (Measure("humaneval_pass_at_1"),)),),
    ),
    Suite(
        "attack-probes",
        "Attack probes",
        "Probes of garak against the whole release, prompts included.",
        (
            (
                "First version: prompt injection, leaks by replay, jailbreaks.",
                (Measure("attack_success_rate", higher_is_better=False),),
            ),
        ),
    ),
)


@dataclass(frozen=True)
class Purpose:
    """A use case; `demands` are (suite, suite version, metric, threshold)."""

    slug: str
    name: str
    team: str
    risk_tier: str
    data_classification: str
    purpose: str
    demands: tuple[tuple[str, int, str, str], ...] = field(default=())


CLAIMS, CHAT, CONTRACTS, CODE = USE_CASES = (
    Purpose(
        "claims-triage",
        "Claims triage",
        "claims",
        "high",
        "confidential",
        "Sorts incoming claim notes into five queues and marks the severe ones. A claimant whose "
        "severe case waits in the wrong queue is harmed; a handler sees every case in the end.",
        (
            ("claims-triage-eval", 1, "macro_f1", "0.88"),
            ("claims-triage-eval", 1, "severe_recall", "0.95"),
        ),
    ),
    Purpose(
        "customer-chat",
        "Customer chat",
        "customer",
        "limited",
        "confidential",
        "Answers policyholders' questions about their cover from the policy text, and hands over "
        "to a person for everything else. Policyholders are told that they talk to a machine.",
        (
            ("support-guardrails", 1, "pass_rate", "0.95"),
            ("answer-grounding", 1, "grounded", "0.85"),
        ),
    ),
    Purpose(
        "contract-summaries",
        "Contract summaries",
        "legal",
        "limited",
        "restricted",
        "Summarises supplier contracts for our own lawyers, with the clause behind every sentence. "
        "A lawyer reads the clause before anybody acts on the summary.",
        (
            ("contract-faithfulness", 1, "faithful", "0.92"),
            ("contract-faithfulness", 1, "clause_recall", "0.90"),
        ),
    ),
    Purpose(
        "code-assistant",
        "Code assistant",
        "platform",
        "minimal",
        "internal",
        "Suggests code to our own developers in their editors. Every suggestion passes a person "
        "and the tests before it is merged.",
        (("code-generation", 1, "humaneval_pass_at_1", "0.70"),),
    ),
)

#: What customer-chat demands since the second version of its guardrails was published.
CHAT_DEMANDS_NOW = (
    ("support-guardrails", 2, "pass_rate", "0.95"),
    ("support-guardrails", 2, "leak_rate", "0"),
    ("answer-grounding", 1, "grounded", "0.85"),
)

#: slug, name, description, scopes as (name, description)
TOOLS = (
    (
        "claims-system",
        "Claims system",
        "Where claims are kept and handled.",
        (
            ("read", "Read one claim and its notes."),
            ("queue", "Put a claim into a queue; a handler can move it back."),
        ),
    ),
    (
        "policy-search",
        "Policy search",
        "Finds passages in policy documents.",
        (("query", "Search the published policy wordings."),),
    ),
    (
        "customer-record",
        "Customer record",
        "Name, address, policies and payments of a policyholder.",
        (
            ("read-own", "Read the record of the policyholder who is signed in."),
            ("change-address", "Change the postal address."),
        ),
    ),
    (
        "contract-archive",
        "Contract archive",
        "Signed supplier contracts.",
        (("read", "Read one contract by its number."),),
    ),
    (
        "code-search",
        "Code search",
        "Our own repositories.",
        (("query", "Search the repositories that the developer may read."),),
    ),
)
