"""New versions of prompts, sealed from birth."""

import audit
from audit import Reason, Refused
from audit.rules import canonical, digest
from registry import documents, lifecycle, placeholders, rights
from registry.models import PromptTemplate, PromptVersion
from registry.standing import retired_reasons
from registry.transitions.rows import next_number


def add_prompt_version(
    template_pk: int,
    *,
    text: str,
    variables: list[str],
    notes: str = "",
    actor,
    reason: str,
) -> PromptVersion:
    """Add the next version of a prompt and return it.

    Raises `Refused` when the text has places for what is not declared, or nothing is new.
    """
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        number = next_number(change, PromptTemplate, template_pk, "versions")
        template = PromptTemplate._base_manager.get(pk=template_pk)
        rights.demand(person, "save", template)
        parent = template.versions.order_by("-number").first()
        reasons = placeholders.problems(text, variables)
        if parent and (parent.text, parent.variables) == (text, variables):
            reasons.append(
                Reason("NOTHING_NEW", f"Version {parent.number} says exactly this.", "text")
            )
        reasons += retired_reasons(lifecycle.out_of_use([("template", template)], person))
        if reasons:
            raise Refused(reasons)
        version = PromptVersion(
            template=template,
            number=number,
            parent=parent,
            text=text,
            variables=variables,
            notes=notes,
            created_by=person,
            created_at=change.now,
        )
        content = canonical(documents.prompt_version(version))
        version.content, version.digest = content.decode(), digest(content)
        return change.save(version)
