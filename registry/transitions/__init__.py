"""The verbs that write the registry. Each is one change, judged under lock with fresh grants."""

from registry.transitions.drafts import new_release_from, new_version_from
from registry.transitions.evaluation import publish_suite_version
from registry.transitions.grants import end_grant, grant_role
from registry.transitions.losses import confirm_loss, declare_loss
from registry.transitions.people import (
    add_person,
    amend_person,
    bootstrap_administrator,
    deactivate_person,
    reactivate_person,
)
from registry.transitions.policies import (
    new_policy_version_from,
    publish_policy_version,
    save_policy_draft,
)
from registry.transitions.prompts import add_prompt_version
from registry.transitions.retirements import deprecate, reinstate, retire
from registry.transitions.rows import save_row
from registry.transitions.sealing import seal_release, seal_version
from registry.transitions.second_factors import set_up_second_factor, take_second_factor
from registry.transitions.tokens import issue_token, revoke_token
from registry.transitions.trail import export_log, review_trail

__all__ = [
    "add_person",
    "add_prompt_version",
    "amend_person",
    "bootstrap_administrator",
    "confirm_loss",
    "deactivate_person",
    "declare_loss",
    "deprecate",
    "end_grant",
    "export_log",
    "grant_role",
    "issue_token",
    "new_policy_version_from",
    "new_release_from",
    "new_version_from",
    "publish_policy_version",
    "publish_suite_version",
    "reactivate_person",
    "reinstate",
    "retire",
    "review_trail",
    "revoke_token",
    "save_policy_draft",
    "save_row",
    "seal_release",
    "seal_version",
    "set_up_second_factor",
    "take_second_factor",
]
