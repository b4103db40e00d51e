"""Who works at the invented insurer: teams, people, their roles."""

from dataclasses import dataclass

from registry.roles import Role

#: Known to everybody who can read this file, so it protects nothing.
PASSWORD = "worth-nothing-demo"

#: slug -> name
TEAMS = {
    "platform": "AI platform",
    "claims": "Claims handling",
    "customer": "Customer service",
    "legal": "Legal and contracts",
    "risk": "Risk and compliance",
}


@dataclass(frozen=True)
class Member:
    """Somebody with roles; `team` is a slug, or empty for grants in all teams."""

    username: str
    name: str
    roles: tuple[Role, ...]
    team: str = ""
    about: str = ""

    @property
    def email(self) -> str:
        return f"{self.username}@halden.example"


FIRST_ADMINISTRATOR = Member(
    "admin", "Alva Bergqvist", (Role.ADMINISTRATOR,), about="keeps people, places and tokens"
)

PEOPLE = (
    Member(
        "admin.second", "Timo Salonen", (Role.ADMINISTRATOR,), about="grants what admin may not"
    ),
    Member("registrar", "Mira Okafor", (Role.REGISTRAR,), about="registers for every team"),
    Member("claims.registrar", "Jonas Weiss", (Role.REGISTRAR,), "claims", "builds claims-triage"),
    Member(
        "tester",
        "Priya Raman",
        (Role.EVIDENCE_CONTRIBUTOR,),
        about="measures and gives evidence for every team",
    ),
    Member(
        "claims.tester",
        "Hanna Lind",
        (Role.EVIDENCE_CONTRIBUTOR,),
        "claims",
        "measures claims-triage",
    ),
    Member(
        "privacy.counsel",
        "Oscar Delmas",
        (Role.EVIDENCE_CONTRIBUTOR,),
        about="writes the privacy reviews, so signs none",
    ),
    Member("claims.lead", "Beatriz Moreno", (Role.REQUESTER,), "claims", "asks for claims-triage"),
    Member("customer.lead", "Kofi Mensah", (Role.REQUESTER,), "customer", "asks for customer-chat"),
    Member(
        "legal.lead", "Ingrid Solheim", (Role.REQUESTER,), "legal", "asks for contract-summaries"
    ),
    Member(
        "platform.lead", "Tomasz Zielinski", (Role.REQUESTER,), "platform", "asks for code help"
    ),
    Member("model.reviewer", "Leila Haddad", (Role.REVIEWER,), about="signs, accepts runs"),
    Member("model.second", "Marc Dubois", (Role.REVIEWER,), about="signs, accepts runs"),
    Member("risk.owner", "Grace Achieng", (Role.RISK_OWNER,), about="accepts residual risk"),
    Member("risk.second", "Stefan Kowalczyk", (Role.RISK_OWNER,), about="accepts residual risk"),
    Member("privacy.officer", "Noor van Dijk", (Role.PRIVACY_OFFICER,), about="signs privacy"),
    Member(
        "validator",
        "Sinead Byrne",
        (Role.INDEPENDENT_VALIDATOR,),
        about="signs what high risk asks for",
    ),
    Member("ops.lead", "Rafael Costa", (Role.OPERATOR,), about="keeps releases running"),
    Member("policy.author", "Emeka Nwosu", (Role.POLICY_AUTHOR,), about="writes policy"),
    Member("policy.second", "Yuki Tanaka", (Role.POLICY_AUTHOR,), about="checks policy"),
    Member("auditor", "Clara Hoffmann", (Role.AUDITOR,), about="reads everything, and the log"),
    Member("viewer", "Daniel Novak", (Role.VIEWER,), "customer", "sees one team's rows"),
)

#: The service account that pipelines ask the decision API as.
PIPELINE = Member("deploy.pipeline", "Deployment pipeline", (Role.VIEWER,))

#: The service account that gateways route as; their tokens are right enough.
GATEWAY = Member("model.gateway", "Model gateway", ())

SERVICES = (PIPELINE, GATEWAY)
