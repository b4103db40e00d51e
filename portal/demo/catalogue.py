"""The models: public ones by what their makers publish, one that the insurer tuned itself.

Facts of the makers' own pages as known in November 2026. For open weights the makers name no
output limit of their own: the context window bounds it, unless a card says less.
"""

from dataclasses import dataclass
from datetime import date

from audit.rules import digest


@dataclass(frozen=True)
class Model:
    """A registered model; uses are slugs of use cases."""

    slug: str
    name: str
    description: str
    team: str = "platform"
    shared: bool = True
    intended: tuple[str, ...] = ()
    disallowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Version:
    """A model version with its minimum metadata; `retires_on` None means none is announced."""

    model: str
    version: str
    identifier: str
    maker: str
    context_window: int
    output_limit: int
    licence: str
    card: str
    input_modalities: tuple[str, ...] = ("text",)
    capabilities: tuple[str, ...] = ("tool use", "structured output")
    retires_on: date | None = None
    base: tuple[str, str] | None = None
    fine_tuning: str = ""
    weights: str = ""
    #: (role, dataset, version)
    datasets: tuple[tuple[str, str, str], ...] = ()

    @property
    def weights_digest(self) -> str:
        """A digest in the right form; it stands for weights that only the invented insurer has."""
        return invented_digest(self.weights) if self.weights else ""


@dataclass(frozen=True)
class Endpoint:
    """Where a version is called; regions that are not named are those of processing."""

    slug: str
    version: tuple[str, str]
    host: str
    address: str
    processing: tuple[str, ...]
    storage: tuple[str, ...] = ()
    telemetry: tuple[str, ...] = ()
    support: tuple[str, ...] = ()
    latency_class: str = "interactive"
    cost_class: str = "medium"
    served_release_id: str = ""

    def regions(self) -> dict[str, tuple[str, ...]]:
        """Return purpose -> regions, for each of the four purposes."""
        return {
            "processing": self.processing,
            "storage": self.storage or self.processing,
            "telemetry": self.telemetry or self.processing,
            "support": self.support or self.processing,
        }


def invented_digest(of: str) -> str:
    """Return a digest for bytes that exist in the story alone."""
    return digest(f"invented for the demo: {of}".encode())


MODELS = (
    Model(
        "gpt-4-1",
        "GPT-4.1",
        "Hosted general model of OpenAI, called through Azure.",
        intended=("customer-chat",),
    ),
    Model(
        "claude-sonnet-4-6",
        "Claude Sonnet 4.6",
        "Hosted general model of Anthropic, called through Amazon Bedrock.",
        intended=("contract-summaries",),
    ),
    Model(
        "gemini-2-5-flash-lite",
        "Gemini 2.5 Flash-Lite",
        "Hosted small model of Google for fast, cheap answers.",
        intended=("customer-chat",),
        disallowed=("claims-triage",),
    ),
    Model(
        "mistral-7b-instruct",
        "Mistral 7B Instruct",
        "Open weights of Mistral AI; we tune on them.",
    ),
    Model(
        "llama-3-3-70b-instruct",
        "Llama 3.3 70B Instruct",
        "Open weights of Meta, served by ourselves.",
        intended=("code-assistant",),
    ),
    Model(
        "qwen2-5-coder-32b-instruct",
        "Qwen2.5 Coder 32B Instruct",
        "Open weights of Alibaba Cloud for code, served by ourselves.",
        intended=("code-assistant",),
        disallowed=("claims-triage", "customer-chat"),
    ),
    Model(
        "claims-triage-adapter",
        "Claims triage adapter",
        "Our adapter on Mistral 7B: reads a claim note, names its queue and whether it is severe.",
        team="claims",
        shared=False,
        intended=("claims-triage",),
        disallowed=("customer-chat",),
    ),
)

#: dataset slug, name, team, shared, description, versions as
#: (version, classification, jurisdiction, whether its digest is recorded, source)
DATASETS = (
    (
        "claims-notes",
        "Claim notes, labelled",
        "claims",
        False,
        "First notes of claims with the queue a handler chose; names and numbers are tokens.",
        (
            ("2025-q4", "confidential", "EU", True, "s3://halden-claims-eu/notes/2025-q4/"),
            ("2026-q2", "confidential", "EU", False, "s3://halden-claims-eu/notes/2026-q2/"),
        ),
    ),
    (
        "claims-holdout",
        "Claim notes, held out",
        "claims",
        False,
        "1,200 notes that no training run has seen, labelled twice.",
        (("2026-q1", "confidential", "EU", True, "s3://halden-claims-eu/holdout/2026-q1/"),),
    ),
    (
        "support-questions",
        "Support questions",
        "customer",
        False,
        "Questions as policyholders ask them, rewritten so that nobody is found in them.",
        (("1", "internal", "EU", True, "s3://halden-evaluation-eu/support-questions/1/"),),
    ),
    (
        "contracts-golden",
        "Contracts with their clauses",
        "legal",
        False,
        "48 supplier contracts with a lawyer's list of clauses.",
        (("1", "restricted", "EU", True, "s3://halden-legal-eu/contracts-golden/1/"),),
    ),
    (
        "humaneval-copy",
        "HumanEval, our copy",
        "platform",
        True,
        "The 164 published problems, kept so that a run can be repeated.",
        (("1", "public", "US", True, "s3://halden-evaluation-eu/humaneval/1/"),),
    ),
)

_OPEN_WEIGHTS = "The maker names no end for published weights."

VERSIONS = (
    Version(
        "gpt-4-1",
        "2025-04-14",
        "gpt-4.1-2025-04-14",
        "openai",
        1_047_576,
        32_768,
        "OpenAI services agreement",
        "# GPT-4.1 (2025-04-14)\n\n"
        "General model of OpenAI without a separate reasoning phase. Reads text and images, writes "
        "text. The context window is 1,047,576 tokens, an answer has at most 32,768.\n\n"
        "- Knowledge ends in June 2024.\n"
        "- OpenAI has announced that this snapshot leaves its API on 14 January 2027.\n"
        "- We call it through Azure, whose own dates may differ.\n",
        input_modalities=("text", "image"),
        capabilities=("tool use", "structured output", "streaming"),
        retires_on=date(2027, 1, 14),
        datasets=(("evaluation", "support-questions", "1"),),
    ),
    Version(
        "claude-sonnet-4-6",
        "4-6",
        "claude-sonnet-4-6",
        "anthropic",
        1_000_000,
        128_000,
        "Anthropic commercial terms",
        "# Claude Sonnet 4.6\n\n"
        "General model of Anthropic, released on 17 February 2026. Reads text and images, writes "
        "text. The context window is 1,000,000 tokens, an answer has at most 128,000.\n\n"
        "- The maker calls it a legacy model and has named no retirement date for it.\n"
        "- We call it through an inference profile of Amazon Bedrock that stays in Europe.\n",
        input_modalities=("text", "image"),
        capabilities=("tool use", "structured output", "extended thinking", "streaming"),
        datasets=(("evaluation", "contracts-golden", "1"),),
    ),
    Version(
        "gemini-2-5-flash-lite",
        "2-5",
        "gemini-2.5-flash-lite",
        "google",
        1_048_576,
        65_536,
        "Google Cloud terms of service",
        "# Gemini 2.5 Flash-Lite\n\n"
        "Small, fast model of Google, generally available since July 2025. Takes up to 1,048,576 "
        "tokens and answers with at most 65,536.\n\n"
        "- Unlike Gemini 2.5 Flash it is not deprecated; Google names no date for it.\n",
        input_modalities=("text", "image", "audio", "video"),
        capabilities=("tool use", "structured output", "code execution", "streaming"),
        datasets=(("evaluation", "support-questions", "1"),),
    ),
    Version(
        "mistral-7b-instruct",
        "v0-3",
        "mistralai/Mistral-7B-Instruct-v0.3",
        "mistral-ai",
        32_768,
        32_768,
        "Apache-2.0",
        "# Mistral 7B Instruct v0.3\n\n"
        "Instruction-tuned open weights of Mistral AI with 7 billion parameters, a vocabulary of "
        "32,768 tokens and function calling.\n\n"
        f"- {_OPEN_WEIGHTS}\n- The maker ships no moderation with it: that is ours to add.\n",
        weights="mistral-7b-instruct-v0.3",
        capabilities=("tool use",),
        datasets=(("evaluation", "claims-holdout", "2026-q1"),),
    ),
    Version(
        "llama-3-3-70b-instruct",
        "3-3",
        "meta-llama/Llama-3.3-70B-Instruct",
        "meta",
        131_072,
        131_072,
        "Llama 3.3 Community License",
        "# Llama 3.3 70B Instruct\n\n"
        "Instruction-tuned open weights of Meta with 70 billion parameters, for text in eight "
        "languages. The context window is 128k tokens.\n\n"
        f"- Knowledge ends in December 2023.\n- {_OPEN_WEIGHTS}\n"
        "- Beside the licence, Meta's acceptable use policy applies.\n",
        weights="llama-3.3-70b-instruct",
        datasets=(("evaluation", "humaneval-copy", "1"),),
    ),
    Version(
        "qwen2-5-coder-32b-instruct",
        "2-5",
        "Qwen/Qwen2.5-Coder-32B-Instruct",
        "alibaba-cloud",
        131_072,
        8_192,
        "Apache-2.0",
        "# Qwen2.5 Coder 32B Instruct\n\n"
        "Open weights of Alibaba Cloud's Qwen team for code, with 32.5 billion parameters. The "
        "context window is 131,072 tokens, beyond 32,768 by YaRN; it writes up to 8,192.\n\n"
        f"- {_OPEN_WEIGHTS}\n",
        weights="qwen2.5-coder-32b-instruct",
        capabilities=("tool use", "fill in the middle"),
        datasets=(("evaluation", "humaneval-copy", "1"),),
    ),
    Version(
        "claims-triage-adapter",
        "1",
        "halden/claims-triage-adapter-1",
        "halden",
        32_768,
        512,
        "Internal use at Halden Mutual",
        "# Claims triage adapter 1\n\n"
        "LoRA adapter (rank 16, two epochs) on Mistral 7B Instruct v0.3. It reads one claim note "
        "and answers with a JSON object: queue, severe, the words that decided.\n\n"
        "## Intended\n\nSorting first notes of motor and home claims in German, French and "
        "English.\n\n"
        "## Not intended\n\nDeciding on cover, amounts or fraud; talking to customers; notes on "
        "health.\n\n"
        "## Known limits\n\n- Notes under eight words fall back to the general queue.\n"
        "- French notes on water damage are its weakest group: recall 0.91.\n",
        base=("mistral-7b-instruct", "v0-3"),
        fine_tuning="adapter",
        weights="claims-triage-adapter-1",
        capabilities=("structured output",),
        datasets=(
            ("fine_tuning", "claims-notes", "2025-q4"),
            ("evaluation", "claims-holdout", "2026-q1"),
        ),
    ),
)

#: The next adapter: its training data has no digest yet, so its lineage has a gap.
ADAPTER_2 = Version(
    "claims-triage-adapter",
    "2",
    "halden/claims-triage-adapter-2",
    "halden",
    32_768,
    512,
    "Internal use at Halden Mutual",
    "# Claims triage adapter 2\n\n"
    "Trained like version 1, on two more quarters of notes, with twice as many French ones.\n",
    base=("mistral-7b-instruct", "v0-3"),
    fine_tuning="adapter",
    weights="claims-triage-adapter-2",
    capabilities=("structured output",),
    datasets=(
        ("fine_tuning", "claims-notes", "2025-q4"),
        ("fine_tuning", "claims-notes", "2026-q2"),
        ("evaluation", "claims-holdout", "2026-q1"),
    ),
)

_GPT, _SONNET = ("gpt-4-1", "2025-04-14"), ("claude-sonnet-4-6", "4-6")
_ADAPTER = ("claims-triage-adapter", "1")

ENDPOINTS = (
    Endpoint(
        "azure-gpt-4-1-sweden",
        _GPT,
        "azure",
        "halden-sweden, deployment gpt-4-1",
        ("swedencentral",),
        served_release_id="gpt-4.1-2025-04-14",
    ),
    Endpoint(
        "azure-gpt-4-1-us",
        _GPT,
        "azure",
        "halden-eastus2, deployment gpt-4-1",
        ("eastus2",),
        served_release_id="gpt-4.1-2025-04-14",
    ),
    Endpoint(
        "bedrock-sonnet-4-6-eu",
        _SONNET,
        "aws",
        "eu.anthropic.claude-sonnet-4-6",
        ("eu-central-1", "eu-west-1", "eu-west-3"),
        storage=("eu-central-1",),
        telemetry=("eu-central-1",),
        support=("eu-central-1", "us-east-1"),
        cost_class="high",
        latency_class="standard",
    ),
    Endpoint(
        "vertex-flash-lite-nl",
        ("gemini-2-5-flash-lite", "2-5"),
        "google-cloud",
        "europe-west4, gemini-2.5-flash-lite",
        ("europe-west4",),
        cost_class="low",
    ),
    Endpoint(
        "vllm-claims-triage-fra",
        _ADAPTER,
        "halden",
        "https://models.fra.halden.example/claims-triage/1",
        ("fra-dc-1",),
        cost_class="low",
        served_release_id="claims-triage-adapter-1",
    ),
    Endpoint(
        "vllm-claims-triage-par",
        _ADAPTER,
        "halden",
        "https://models.par.halden.example/claims-triage/1",
        ("par-dc-1",),
        cost_class="low",
        served_release_id="claims-triage-adapter-1",
    ),
    Endpoint(
        "vllm-qwen-coder-fra",
        ("qwen2-5-coder-32b-instruct", "2-5"),
        "halden",
        "https://models.fra.halden.example/qwen-coder/1",
        ("fra-dc-1",),
        served_release_id="Qwen/Qwen2.5-Coder-32B-Instruct",
    ),
    Endpoint(
        "vllm-llama-70b-fra",
        ("llama-3-3-70b-instruct", "3-3"),
        "halden",
        "https://models.fra.halden.example/llama-70b/1",
        ("fra-dc-1",),
        latency_class="standard",
        served_release_id="meta-llama/Llama-3.3-70B-Instruct",
    ),
)

ADAPTER_2_ENDPOINT = Endpoint(
    "vllm-claims-triage-2-fra",
    ("claims-triage-adapter", "2"),
    "halden",
    "https://models.fra.halden.example/claims-triage/2",
    ("fra-dc-1",),
    cost_class="low",
    served_release_id="claims-triage-adapter-2",
)
