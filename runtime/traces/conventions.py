"""What spans are called: the attributes that are read, their older names, and what is never kept.

Pure: names alone. The conventions for generative AI are in development, and what sends spans names
a version of them wrongly or not at all; so every map is applied, oldest first, and a name that is
given in its present form wins over its older ones.
"""

import re
from collections.abc import Mapping
from typing import Any

#: Older name -> newer name of attributes, by the version of the semantic conventions that renamed.
RENAMED: Mapping[str, Mapping[str, str]] = {
    "1.27.0": {
        "gen_ai.usage.prompt_tokens": "gen_ai.usage.input_tokens",
        "gen_ai.usage.completion_tokens": "gen_ai.usage.output_tokens",
    },
    "1.37.0": {"gen_ai.system": "gen_ai.provider.name"},
}
#: Older value -> newer value of an attribute in its newest name, by the same versions.
REWORDED: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "1.37.0": {
        "gen_ai.provider.name": {
            "az.ai.inference": "azure.ai.inference",
            "az.ai.openai": "azure.ai.openai",
            "gemini": "gcp.gemini",
            "vertex_ai": "gcp.vertex_ai",
            "xai": "x_ai",
        }
    },
}

#: Operations that call a model; others (a tool, an agent) hold spans of these.
OPERATIONS = ("chat", "embeddings", "generate_content", "text_completion")

# Ours, which say what of Gatehouse a span belongs to; on the span, or on its resource.
RELEASE, GENERATION = "gatehouse.release", "gatehouse.generation"
#: Attribute -> field of a record. What cannot be read as that field refuses the span.
OURS: Mapping[str, str] = {
    RELEASE: "release",
    GENERATION: "generation",
    "gatehouse.snapshot": "digest",
    "gatehouse.deployment": "deployment",
    "gatehouse.environment": "environment",
    "gatehouse.use_case": "use_case",
    "gatehouse.request": "request",
    "gatehouse.attempt": "attempt",
    "gatehouse.policy": "policy",
    "gatehouse.prompts": "prompts",
    "gatehouse.user": "user",
}
#: Attribute -> field, of the general conventions. What cannot be read as that field is left out,
#: and its name is kept among what was erased.
GENERAL: Mapping[str, str] = {
    "gen_ai.conversation.id": "conversation",
    "gen_ai.response.model": "served_release",
    "gen_ai.usage.input_tokens": "tokens_in",
    "gen_ai.usage.output_tokens": "tokens_out",
    "error.type": "failure",
}
#: What an evaluation of a flag says of us: the use case, and the generation and its snapshot.
FLAG: Mapping[str, str] = {
    "feature_flag.key": "gatehouse.use_case",
    "feature_flag.version": GENERATION,
    "feature_flag.set.id": "gatehouse.snapshot",
}
#: What else is read of a span.
OTHERS = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.usage.cache_read.input_tokens",
    "service.name",
)
READ = frozenset(
    (*OURS, *GENERAL, *FLAG, *OTHERS, *(old for names in RENAMED.values() for old in names))
)

#: What people wrote or were told, or who they are: dropped unread, and its name kept.
CONTENT = frozenset(
    (
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.retrieval.documents",
        "gen_ai.retrieval.query.text",
        "gen_ai.evaluation.explanation",
        "gen_ai.prompt",
        "gen_ai.completion",
        "gen_ai.event.content",
        "input.value",
        "output.value",
        "enduser.id",
        "user.id",
        "user.name",
        "user.email",
        "user.full_name",
    )
)
#: The same where others wrote lists into names, such as `gen_ai.prompt.0.content`.
NUMBERED = re.compile(
    r"(?:gen_ai\.(?:prompt|completion)\.[0-9]|llm\.(?:in|out)put_messages\.|traceloop\.entity\.).*",
    re.ASCII | re.DOTALL,
)


def is_content(name: str) -> bool:
    """Whether an attribute holds text of people or of a model, or says who somebody is."""
    return name in CONTENT or NUMBERED.fullmatch(name) is not None


def present(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes by their present names, and with their present words."""
    found = dict(attributes)
    for version, names in RENAMED.items():
        for old, new in names.items():
            if old in found:
                found.setdefault(new, found.pop(old))
        for name, words in REWORDED.get(version, {}).items():
            value = found.get(name)
            if isinstance(value, str):
                found[name] = words.get(value, value)
    return found
