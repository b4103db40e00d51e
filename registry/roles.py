"""The roles and who may do what; `docs/roles.md` is the same in words. Pure: no queries."""

from django.db.models import TextChoices


class Role(TextChoices):
    REGISTRAR = "registrar", "registrar"
    EVIDENCE_CONTRIBUTOR = "evidence_contributor", "evidence contributor"
    REQUESTER = "requester", "requester"
    REVIEWER = "reviewer", "reviewer"
    RISK_OWNER = "risk_owner", "risk owner"
    PRIVACY_OFFICER = "privacy_officer", "privacy officer"
    INDEPENDENT_VALIDATOR = "independent_validator", "independent validator"
    OPERATOR = "operator", "operator"
    POLICY_AUTHOR = "policy_author", "policy author"
    AUDITOR = "auditor", "auditor"
    VIEWER = "viewer", "viewer"
    ADMINISTRATOR = "administrator", "administrator"


REGISTER = (Role.REGISTRAR,)
GIVE_EVIDENCE = (Role.EVIDENCE_CONTRIBUTOR,)
REQUEST = (Role.REQUESTER,)
#: The roles that fill sign-off slots, and that accept runs.
REVIEWING = (
    Role.REVIEWER,
    Role.RISK_OWNER,
    Role.PRIVACY_OFFICER,
    Role.INDEPENDENT_VALIDATOR,
)
#: The roles that talk a promotion over, and ask others to sign it.
DISCUSS = (
    Role.REGISTRAR,
    Role.EVIDENCE_CONTRIBUTOR,
    Role.REQUESTER,
    *REVIEWING,
    Role.OPERATOR,
)
#: The role that makes exceptions and ends approvals.
OWN_RISK = (Role.RISK_OWNER,)
OPERATE = (Role.OPERATOR,)
WRITE_POLICY = (Role.POLICY_AUTHOR,)
ADMINISTER = (Role.ADMINISTRATOR,)
READ_LOG = (Role.AUDITOR,)
#: The roles that take the log home, to be checked elsewhere.
EXPORT_LOG = (Role.AUDITOR, Role.ADMINISTRATOR)
#: The roles that declare a part of the log lost, each one of two people.
DECLARE_LOSSES = (Role.ADMINISTRATOR, Role.RISK_OWNER)
#: The roles that deal with incidents: they end them, widen them, and set what follows.
HANDLE = (*REVIEWING, Role.OPERATOR)
#: The roles that build evidence packs: those who judge, those who write policy, and auditors.
PACK = (*REVIEWING, Role.POLICY_AUTHOR, Role.AUDITOR)
