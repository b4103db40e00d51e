"""Who gets which answer at which address: role, route, own or foreign team; written by hand.

A group has a line of statuses for the rows of one's own team and one for those of another; where a
page is nobody's or everybody's, there is one line for `any`. The columns are the people:

    ano  anonymous            rev  reviewer                 ope  operator
    non  no role at all       ris  risk owner               pol  policy author
    rgs  registrar            pri  privacy officer          aud  auditor
    evi  evidence contributor val  independent validator    vie  viewer
    req  requester            all  auditor of all teams     adm  administrator
                              pa*  policy author of all teams

Each role is held in one team; an administrator is always one for all teams, and sees all. Below a
group stand its routes and what is sent there; `{a b}` stands for either word.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

COLUMNS = (
    "anonymous",
    "no role",
    "registrar",
    "evidence contributor",
    "requester",
    "reviewer",
    "risk owner",
    "privacy officer",
    "independent validator",
    "operator",
    "policy author",
    "auditor",
    "viewer",
    "administrator",
    "auditor of all",
    "policy author of all",
)


@dataclass(frozen=True)
class Group:
    """Routes with the same answers; `says` stands on each of their 403s, `body` is posted."""

    title: str
    routes: str
    any: str = ""
    own: str = ""
    foreign: str = ""
    says: str = ""
    body: dict = field(default_factory=dict)

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield each (method, route) of the group."""
        # A word in brackets may hold blanks, so the text is cut at methods.
        for method, route in re.findall(
            r"(GET|POST) +/(.*?)\s*(?=(?:GET|POST) +/|\Z)", self.routes, re.DOTALL
        ):
            for one in spelled_out(route):
                yield method, one


def spelled_out(route: str) -> list[str]:
    """Return a route with each of the words in its brackets."""
    found = re.search(r"\{([^}]*)\}", route)
    if not found:
        return [route]
    head, tail = route[: found.start()], route[found.end() :]
    return [one for word in found[1].split() for one in spelled_out(head + word + tail)]


WHY = {"reason": "Tried at every door."}
NEVER_DELETED = "are never deleted: they are the record."
ONLY_SHOWS = "A history page shows what happened; nothing is written here."

MATRIX = (
    # ---- Open to everybody
    Group(
        "Probes, and what leads to a new password",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="200 200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
        routes="""
            GET /healthz
            GET /readyz
            GET /.well-known/gatehouse-keys.json
            GET /password_reset/
            POST /password_reset/
            GET /password_reset/done/
            GET /reset/<uidb64>/<token>/
            POST /reset/<uidb64>/<token>/
            GET /reset/done/
            POST /login/""",
    ),
    Group(
        # The provider of the tests is not there unless a test starts it.
        "To the identity provider, which does not answer, and back without having been there",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="403 403 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="The identity provider gave no answer that holds.",
        routes="""
            POST /sign-in/provider/
            GET /sign-in/provider/callback/""",
    ),
    Group(
        "Nobody goes there by a link, nor comes back by a form",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="405 405 405 405 405 405 405 405 405 405 405 405 405 405 405 405",
        routes="""
            GET /sign-in/provider/
            POST /sign-in/provider/callback/""",
    ),
    Group(
        "To the identity provider once more, for those alone who are linked to it",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="You do not sign in at the identity provider.",
        routes="POST /sign-in/provider/again/",
    ),
    Group(
        "The same by a link",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 405 405 405 405 405 405 405 405 405 405 405 405 405 405 405",
        routes="GET /sign-in/provider/again/",
    ),
    Group(
        "A second factor, where this installation asks for none",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 404 404 404",
        routes="""
            GET /second-factor/
            POST /second-factor/""",
    ),
    Group(
        "Sign-in: whoever is in goes on to the overview",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="200 302 302 302 302 302 302 302 302 302 302 302 302 302 302 302",
        routes="GET /login/",
    ),
    Group(
        "Addresses of tools at which there is nothing",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="404 404 404 404 404 404 404 404 404 404 404 404 404 404 404 404",
        routes="""
            GET /<anything for tools>
            POST /<anything for tools>""",
    ),
    # ---- For whoever is signed in
    Group(
        "The shell, lists of what may be seen, and a form that any reader may use",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
        routes="""
            GET /
            GET /menu/
            GET /running/
            GET /drill/
            GET /requests/
            GET /{requests incidents outside timeline uses may-run ended on-call}.csv
            GET /{running waiting}.csv
            GET /outside/
            GET /incidents/
            GET /timeline/
            GET /search/
            GET /search/?q=case
            GET /search/?q=<digest>
            GET /notices/
            GET /compare/
            GET /docs/api/
            GET /impact/
            GET /uses/
            GET /ended/
            GET /{may-run on-call}/
            GET /jsi18n/
            GET /<app_label>/
            GET /password_change/
            POST /password_change/
            GET /password_change/done/
            POST /logout/
            GET /autocomplete/?app_label=registry&model_name=release&field_name=use_case
            GET /registry/{usecase registeredmodel modelversion release servingendpoint}/
            GET /registry/{dataset datasetversion prompttemplate promptversion team}/
            GET /registry/{region provider environment person tool evaluationsuite suiteversion}/
            GET /registry/{rolegrant apitoken router}/
            GET /registry/{policypack policyversion}/
            GET /policy/effective/
            GET /registry/{usecase registeredmodel modelversion release servingendpoint}/csv/
            GET /registry/{dataset datasetversion prompttemplate promptversion team}/csv/
            GET /registry/{region provider environment person tool evaluationsuite}/csv/
            GET /registry/{suiteversion rolegrant apitoken router policypack policyversion}/csv/
            GET /evidence/{evidenceitem evaluationrun}/csv/
            GET /gates/{promotion gateversion requirement waiver condition breakglass webhook}/csv/
            GET /routes/try/
            GET /registry/apitoken/add/
            GET /evidence/{evidenceitem evaluationrun}/
            GET /gates/{promotion gateversion requirement waiver condition breakglass webhook}/
            GET /gates/effective/""",
    ),
    Group(
        "What somebody is told of is theirs to choose",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 302 302 302 302 302 302 302 302 302 302 302 302 302 302 302",
        routes="POST /notices/",
    ),
    Group(
        "Nobody is signed out by a link",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 405 405 405 405 405 405 405 405 405 405 405 405 405 405 405",
        routes="GET /logout/",
    ),
    Group(
        "A menu of nothing in particular",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="You may see this, not do it.",
        routes="GET /autocomplete/",
    ),
    Group(
        "The shortcut to any row is shut, and the rest is not there",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 404 404 404",
        routes="""
            GET /r/<content_type_id>/<object_id>/
            POST /r/<content_type_id>/<object_id>/
            GET /<url>
            POST /<url>""",
    ),
    Group(
        "A short address leads to the form, which asks who is reading",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 302 302 302 302 302 302 302 302 302 302 302 302 302 302 302",
        routes="""
            GET /registry/{usecase registeredmodel modelversion release}/<object_id>/
            GET /registry/{servingendpoint dataset datasetversion prompttemplate}/<object_id>/
            GET /registry/{promptversion team region provider environment person}/<object_id>/
            GET /registry/{tool evaluationsuite suiteversion rolegrant apitoken}/<object_id>/
            GET /registry/router/<object_id>/
            GET /registry/{policypack policyversion}/<object_id>/
            GET /evidence/{evidenceitem evaluationrun}/<object_id>/
            GET /gates/{promotion gateversion requirement webhook}/<object_id>/
            GET /gates/{waiver condition breakglass}/<object_id>/
            GET /promotions/ask/""",
    ),
    # ---- Reading
    Group(
        "What a team owns",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 200 200 200",
        routes="""
            GET /registry/{usecase registeredmodel modelversion release}/<object_id>/change/
            GET /registry/{servingendpoint dataset datasetversion team}/<object_id>/change/
            GET /registry/{prompttemplate promptversion}/<object_id>/change/
            GET /registry/{usecase registeredmodel modelversion release}/<object_id>/history/
            GET /registry/{servingendpoint dataset datasetversion team}/<object_id>/history/
            GET /registry/{prompttemplate promptversion}/<object_id>/history/
            GET /evidence/{evidenceitem evaluationrun}/<object_id>/change/
            GET /evidence/{evidenceitem evaluationrun}/<object_id>/history/
            GET /gates/{promotion waiver condition breakglass}/<object_id>/history/
            GET /gates/{waiver condition breakglass}/<object_id>/change/
            GET /promotions/<pk>/
            GET /promotions/<pk>/findings/
            GET /compare/?kind=release&b=<release>
            GET /impact/?kind=model-version&key=<version>
            GET /uses/?use_case=<use case>
            GET /{may-run on-call}/?use_case=<use case>
            GET /releases/<slug>/<number>/readiness/
            GET /releases/<slug>/<number>/readiness/?environment=<environment>
            GET /requests/<name>/
            GET /requests/<name>/export/
            GET /records/<pk>/proof/
            GET /incidents/<pk>/
            GET /incidents/<pk>/export/
            GET /timeline/?use_case=<use case>
            GET /models/<slug>/
            GET /models/<slug>/<version>/
            GET /models/<slug>/<version>/lineage/
            GET /models/<slug>/<version>/{exports cyclonedx card}/
            GET /releases/<slug>/<number>/{exports cyclonedx}/
            GET /promotions/<pk>/{exports cyclonedx}/
            GET /scores/<slug>/
            GET /releases/<slug>/<number>/lineage/
            GET /prompts/<slug>/
            GET /prompts/<slug>/<number>/
            GET /releases/<slug>/<number>/
            GET /evidence/<pk>/
            GET /evidence/<pk>/files/<file_pk>/""",
    ),
    Group(
        "What nobody owns",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
        routes="""
            GET /registry/{region provider environment person router}/<object_id>/change/
            GET /registry/{tool evaluationsuite suiteversion}/<object_id>/change/
            GET /registry/{region provider environment person router}/<object_id>/history/
            GET /registry/{tool evaluationsuite suiteversion}/<object_id>/history/
            GET /registry/{policypack policyversion}/<object_id>/change/
            GET /registry/{policypack policyversion}/<object_id>/history/
            GET /policy/versions/<pk>/{yaml preview}/
            GET /compare/?kind=policy-version&b=<policy version>
            GET /gates/gateversion/<object_id>/change/
            GET /gates/{gateversion requirement}/<object_id>/history/
            GET /gates/versions/<pk>/preview/
            GET /environments/<slug>/
            GET /environments/<slug>/changes/
            GET /environments/<slug>/active-at/
            GET /running/?provider=<host>
            GET /drill/?provider=<host>
            GET /rollbacks/<pk>/
            GET /impact/?kind=tool&key=<tool>
            GET /may-run/?provider=<host>""",
    ),
    Group(
        "What runs is placed, taken out and let go on by operators of its team",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 403 403 403 403 200 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role operator",
        routes="""
            GET /environments/<slug>/activate/<release>/
            GET /environments/<slug>/deployments/<pk>/remove/
            GET /routes/facts/<pk>/drop/
            GET /routes/keep/?use_case=<use case>
            GET /suspensions/<pk>/lift/""",
    ),
    Group(
        "Keeping the facts of no use case",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 404 404 404",
        routes="""
            GET /routes/keep/
            POST /routes/keep/""",
    ),
    Group(
        "An emergency is reviewed, with an outcome, by reviewing roles of the team it moved",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 422 422 422 422 403 403 403 403 403 403 403",
        foreign="302 404 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="This takes the role",
        body=WHY,
        routes="POST /rollbacks/<pk>/",
    ),
    Group(
        "A form without its endpoint or password does nothing",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 403 403 403 403 422 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role operator",
        body=WHY,
        routes="""
            POST /environments/<slug>/activate/<release>/
            POST /routes/keep/?use_case=<use case>
            POST /suspensions/<pk>/lift/""",
    ),
    Group(
        "Taking a deployment out, or dropping test facts, asks for the reason alone",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 403 403 403 403 302 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role operator",
        body=WHY,
        routes="""
            POST /environments/<slug>/deployments/<pk>/remove/
            POST /routes/facts/<pk>/drop/""",
    ),
    Group(
        "The kill switch and the way back are shown to operators",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 403 403 403 403 200 403 403 403 403 403 403",
        says="This takes the role operator",
        routes="""
            GET /environments/<slug>/{suspend roll-back}/
            POST /environments/<slug>/roll-back/""",
    ),
    Group(
        "Whoever works in the team opens an incident",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 200 200 200 200 200 200 200 200 403 403 403 403 403 403",
        says="This takes the role",
        routes="GET /incidents/open/",
    ),
    Group(
        "An incident without a title is not opened",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 422 422 422 422 422 422 422 422 403 403 403 403 403 403",
        says="This takes the role",
        body=WHY,
        routes="POST /incidents/open/",
    ),
    Group(
        "Whoever works in the team writes to its incidents",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 200 200 200 200 200 200 200 200 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role",
        routes="GET /incidents/<pk>/<verb>/",
    ),
    Group(
        "A note without a text is not written",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 422 422 422 422 422 422 422 422 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role",
        body=WHY,
        routes="POST /incidents/<pk>/<verb>/",
    ),
    Group(
        "A follow-up is done by its owner, or by whoever deals with incidents",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 200 200 200 200 200 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role",
        routes="GET /follow-ups/<pk>/done/",
    ),
    Group(
        "Saying that it is done asks for the reason alone",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 302 302 302 302 302 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role",
        body=WHY,
        routes="POST /follow-ups/<pk>/done/",
    ),
    Group(
        "Whoever sees an incident sees what may become of its follow-ups",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 200 200 200",
        routes="GET /follow-ups/<pk>/binding/",
    ),
    Group(
        "Who writes gates starts the draft of one, and says which",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 403 403 403 403 403 403 403 403 403 403 422",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 422",
        says="This takes the role policy author for all teams",
        body=WHY,
        routes="POST /follow-ups/<pk>/binding/",
    ),
    Group(
        "Suspending names its subject and gives the password",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 403 403 403 403 422 403 403 403 403 403 403",
        says="This takes the role operator",
        body=WHY,
        routes="POST /environments/<slug>/suspend/",
    ),
    Group(
        "Role grants: for administrators, for auditors of the team, and for their holders",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 404 404 404 404 404 404 404 404 404 200 404 200 200 404",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 200 200 404",
        routes="""
            GET /registry/rolegrant/<object_id>/change/
            GET /registry/rolegrant/<object_id>/history/""",
    ),
    Group(
        "Tokens, which belong to no team: for administrators, auditors of all, and their owners",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 200 200 404",
        routes="""
            GET /registry/apitoken/<object_id>/change/
            GET /registry/apitoken/<object_id>/history/""",
    ),
    # ---- What is never done
    Group(
        "Nothing of a team's is deleted",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says=NEVER_DELETED,
        routes="""
            GET /registry/{usecase registeredmodel modelversion release}/<object_id>/delete/
            GET /registry/{servingendpoint dataset datasetversion team}/<object_id>/delete/
            GET /registry/{prompttemplate promptversion}/<object_id>/delete/
            GET /evidence/{evidenceitem evaluationrun}/<object_id>/delete/
            GET /gates/{promotion waiver condition breakglass}/<object_id>/delete/
            POST /registry/{usecase registeredmodel modelversion release}/<object_id>/delete/
            POST /registry/{servingendpoint dataset datasetversion team}/<object_id>/delete/
            POST /registry/{prompttemplate promptversion}/<object_id>/delete/
            POST /evidence/{evidenceitem evaluationrun}/<object_id>/delete/
            POST /gates/{promotion waiver condition breakglass}/<object_id>/delete/""",
        body={"post": "yes"},
    ),
    Group(
        "Nothing of nobody's is deleted",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says=NEVER_DELETED,
        routes="""
            GET /registry/{region provider environment person router}/<object_id>/delete/
            GET /registry/{tool evaluationsuite suiteversion}/<object_id>/delete/
            GET /registry/{policypack policyversion}/<object_id>/delete/
            GET /gates/{gateversion requirement}/<object_id>/delete/
            POST /registry/{region provider environment person router}/<object_id>/delete/
            POST /registry/{tool evaluationsuite suiteversion}/<object_id>/delete/
            POST /registry/{policypack policyversion}/<object_id>/delete/
            POST /gates/{gateversion requirement}/<object_id>/delete/""",
        body={"post": "yes"},
    ),
    Group(
        "No grant is deleted",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 404 404 404 404 404 404 404 404 404 403 404 403 403 404",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 404",
        says=NEVER_DELETED,
        routes="""
            GET /registry/rolegrant/<object_id>/delete/
            POST /registry/rolegrant/<object_id>/delete/""",
        body={"post": "yes"},
    ),
    Group(
        "No token is deleted",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 404",
        says=NEVER_DELETED,
        routes="""
            GET /registry/apitoken/<object_id>/delete/
            POST /registry/apitoken/<object_id>/delete/""",
        body={"post": "yes"},
    ),
    Group(
        "No history of a team's rows is written",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says=ONLY_SHOWS,
        routes="""
            POST /registry/{usecase registeredmodel modelversion release}/<object_id>/history/
            POST /registry/{servingendpoint dataset datasetversion team}/<object_id>/history/
            POST /registry/{prompttemplate promptversion}/<object_id>/history/
            POST /evidence/{evidenceitem evaluationrun}/<object_id>/history/
            POST /gates/{promotion waiver condition breakglass}/<object_id>/history/""",
    ),
    Group(
        "No history of nobody's rows is written",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says=ONLY_SHOWS,
        routes="""
            POST /registry/{region provider environment person router}/<object_id>/history/
            POST /registry/{tool evaluationsuite suiteversion}/<object_id>/history/
            POST /registry/{policypack policyversion}/<object_id>/history/
            POST /gates/{gateversion requirement}/<object_id>/history/""",
    ),
    Group(
        "No history of a grant is written",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 404 404 404 404 404 404 404 404 404 403 404 403 403 404",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 404",
        says=ONLY_SHOWS,
        routes="POST /registry/rolegrant/<object_id>/history/",
    ),
    Group(
        "No history of a token is written",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 404",
        says=ONLY_SHOWS,
        routes="POST /registry/apitoken/<object_id>/history/",
    ),
    Group(
        "What is closed from birth is not amended by anybody",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="never changes",
        routes="""
            POST /registry/promptversion/<object_id>/change/
            POST /evidence/{evidenceitem evaluationrun}/<object_id>/change/
            POST /gates/{waiver condition breakglass}/<object_id>/change/""",
        body=WHY,
    ),
    Group(
        "Nor what is published",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="never changes",
        routes="""
            POST /registry/suiteversion/<object_id>/change/
            POST /gates/gateversion/<object_id>/change/""",
        body=WHY,
    ),
    Group(
        "A grant is ended, not amended",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 404 404 404 404 404 404 404 404 404 403 404 403 403 404",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 404",
        says="A grant is not amended: end it, and grant another.",
        routes="POST /registry/rolegrant/<object_id>/change/",
        body=WHY,
    ),
    Group(
        "A token is revoked, not amended",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 404",
        says="A token is not amended: revoke it, and issue another.",
        routes="POST /registry/apitoken/<object_id>/change/",
        body=WHY,
    ),
    Group(
        "A gate's versions begin from the one in force",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="A new version begins from the one in force",
        routes="""
            GET /gates/gateversion/add/
            POST /gates/gateversion/add/""",
        body=WHY,
    ),
    Group(
        "Runs are given under their item",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="A run is given on the page of its evidence item.",
        routes="""
            GET /evidence/evaluationrun/add/
            POST /evidence/evaluationrun/add/""",
        body=WHY,
    ),
    # ---- Policy, which binds every team: an author in one team is not enough
    Group(
        "Forms of packs, which policy authors for all teams write",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 403 403 200",
        says="This takes the role policy author for all teams.",
        routes="""
            GET /registry/{policypack policyversion}/add/
            GET /policy/import/
            GET /gates/requirement/add/""",
    ),
    Group(
        "New packs and versions, with nothing filled in but the reason",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 403 403 422",
        says="This takes the role policy author for all teams.",
        routes="""
            POST /registry/{policypack policyversion}/add/
            POST /policy/import/
            POST /gates/requirement/add/""",
        body=WHY,
    ),
    Group(
        "The same amended",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 403 403 403 403 403 403 403 403 403 403 422",
        says="This takes the role policy author for all teams.",
        routes="""
            POST /registry/{policypack policyversion}/<object_id>/change/
            POST /gates/requirement/<object_id>/change/""",
        body=WHY,
    ),
    Group(
        "Pages that publish, or begin a new version",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 403 403 403 403 403 403 403 403 403 403 200",
        says="This takes the role policy author for all teams.",
        routes="""
            GET /registry/policyversion/<object_id>/{publish new-version}/
            GET /gates/gateversion/<object_id>/{publish new-version}/
            GET /gates/requirement/<object_id>/remove/""",
    ),
    Group(
        "Publishing what somebody else drafted",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 403 403 403 403 403 403 403 403 403 403 302",
        says="This takes the role policy author for all teams.",
        routes="""
            POST /registry/policyversion/<object_id>/publish/
            POST /gates/gateversion/<object_id>/{publish new-version}/
            POST /gates/requirement/<object_id>/remove/""",
        body=WHY,
    ),
    Group(
        "Beginning a new version from what is a draft itself",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 403 403 403 403 403 403 403 403 403 403 422",
        says="This takes the role policy author for all teams.",
        routes="POST /registry/policyversion/<object_id>/new-version/",
        body=WHY,
    ),
    Group(
        "What a draft of a gate asks for: whoever may not amend it reads it with its version",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 302 302 302 302 302 302 302 302 302 302 302 302 302 200",
        routes="GET /gates/requirement/<object_id>/change/",
    ),
    # ---- Registrars
    Group(
        "Forms for a new row",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 200 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="This takes the role registrar.",
        routes="""
            GET /registry/{usecase registeredmodel modelversion release servingendpoint}/add/
            GET /registry/{dataset datasetversion prompttemplate promptversion}/add/
            GET /registry/{tool evaluationsuite suiteversion}/add/
            GET /evidence/import/card/""",
    ),
    Group(
        "A new row, with nothing filled in but the reason",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 422 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="This takes the role registrar.",
        routes="""
            POST /registry/{usecase registeredmodel modelversion release servingendpoint}/add/
            POST /registry/{dataset datasetversion prompttemplate promptversion}/add/
            POST /registry/{tool evaluationsuite suiteversion}/add/
            POST /evidence/import/card/""",
        body=WHY,
    ),
    Group(
        "A team's row amended, with nothing filled in but the reason",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 422 403 403 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role registrar in the team",
        routes="""
            POST /registry/{usecase registeredmodel modelversion release}/<object_id>/change/
            POST /registry/{servingendpoint dataset datasetversion}/<object_id>/change/
            POST /registry/prompttemplate/<object_id>/change/""",
        body=WHY,
    ),
    Group(
        "A row that nobody owns amended by a registrar",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 422 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="This takes the role registrar.",
        routes="POST /registry/{tool evaluationsuite}/<object_id>/change/",
        body=WHY,
    ),
    Group(
        "Pages that seal, or begin anew",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 200 403 403 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role registrar in the team",
        routes="""
            GET /registry/modelversion/<object_id>/{seal new-version}/
            GET /registry/release/<object_id>/{seal new-release}/""",
    ),
    Group(
        "Sealing, and beginning anew",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 302 403 403 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role registrar in the team",
        routes="""
            POST /registry/modelversion/<object_id>/{seal new-version}/
            POST /registry/release/<object_id>/{seal new-release}/""",
        body={**WHY, "version": "tried"},
    ),
    Group(
        "Pages that deprecate, retire or reinstate",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 200 403 403 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role registrar in the team",
        routes="""
            GET /registry/{registeredmodel modelversion servingendpoint}/<object_id>/retire/
            GET /registry/{prompttemplate promptversion dataset}/<object_id>/retire/
            GET /registry/{datasetversion usecase}/<object_id>/retire/
            GET /registry/{registeredmodel modelversion servingendpoint}/<object_id>/reinstate/
            GET /registry/{prompttemplate promptversion dataset}/<object_id>/reinstate/
            GET /registry/{datasetversion usecase}/<object_id>/reinstate/""",
    ),
    Group(
        "Retiring",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 302 403 403 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role registrar in the team",
        routes="""
            POST /registry/{registeredmodel modelversion servingendpoint}/<object_id>/retire/
            POST /registry/{prompttemplate promptversion dataset}/<object_id>/retire/
            POST /registry/{datasetversion usecase}/<object_id>/retire/""",
        body={**WHY, "state": "retired"},
    ),
    Group(
        "Reinstating what is in use",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 422 403 403 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role registrar in the team",
        routes="""
            POST /registry/{registeredmodel modelversion servingendpoint}/<object_id>/reinstate/
            POST /registry/{prompttemplate promptversion dataset}/<object_id>/reinstate/
            POST /registry/{datasetversion usecase}/<object_id>/reinstate/""",
        body=WHY,
    ),
    Group(
        "The same pages of a tool, which nobody owns",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 200 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="This takes the role registrar.",
        routes="GET /registry/tool/<object_id>/{retire reinstate}/",
    ),
    Group(
        "Retiring a tool",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 302 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="This takes the role registrar.",
        routes="POST /registry/tool/<object_id>/retire/",
        body={**WHY, "state": "retired"},
    ),
    Group(
        "Reinstating a tool that is in use",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 422 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="This takes the role registrar.",
        routes="POST /registry/tool/<object_id>/reinstate/",
        body=WHY,
    ),
    # ---- Evidence contributors
    Group(
        "Giving evidence begins with what it is about",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 200 403 403 403 403 403 403 403 403 403 403 403 403",
        says="This takes the role evidence contributor.",
        routes="""
            GET /evidence/evidenceitem/add/
            POST /evidence/evidenceitem/add/""",
    ),
    Group(
        "Pages that add a run to an item, read one from its file, or withdraw it",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 200 403 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role evidence contributor in the team",
        routes="GET /evidence/evidenceitem/<object_id>/{add-run read-scores withdraw}/",
    ),
    Group(
        "A run without a score",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 422 403 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role evidence contributor in the team",
        routes="POST /evidence/evidenceitem/<object_id>/{add-run read-scores}/",
        body=WHY,
    ),
    Group(
        "Withdrawing",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 302 403 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role evidence contributor in the team",
        routes="POST /evidence/evidenceitem/<object_id>/withdraw/",
        body=WHY,
    ),
    Group(
        "Replacing leads to the form for a new item, which asks for the role",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 302 302 302 302 302 302 302 302 302 302 302 302 302 302",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 302 302 302",
        routes="""
            GET /evidence/evidenceitem/<object_id>/replace/
            POST /evidence/evidenceitem/<object_id>/replace/""",
    ),
    Group(
        "The form for an item about one release",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 403 403 200 403 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 403 403 404 403 403 403 403 403 403 403 403 403 403 403 403",
        says="This takes the role evidence contributor.",
        routes="GET /evidence/evidenceitem/add/?kind=safety_check&release=<release>",
    ),
    Group(
        "An item about one release, with nothing answered",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 403 403 422 403 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 403 403 404 403 403 403 403 403 403 403 403 403 403 403 403",
        says="This takes the role evidence contributor.",
        routes="POST /evidence/evidenceitem/add/?kind=safety_check&release=<release>",
        body=WHY,
    ),
    # ---- Requesters
    Group(
        "Asking begins with which release",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 200 403 403 403 403 403 403 403 403 403 403 403",
        says="This takes the role requester.",
        routes="""
            GET /gates/{promotion waiver}/add/
            POST /gates/{promotion waiver}/add/""",
    ),
    Group(
        "Asking for one release",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 403 403 403 200 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 403 403 403 404 403 403 403 403 403 403 403 403 403 403 403",
        says="This takes the role requester.",
        routes="GET /gates/{promotion waiver}/add/?release=<release>",
    ),
    Group(
        "Amending: whoever may not reads the promotion on its page",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 302 302 200 302 302 302 302 302 302 302 302 302 302 302",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 302 302 302",
        routes="GET /gates/promotion/<object_id>/change/",
    ),
    Group(
        "Amending, with nothing filled in but the reason",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 422 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role requester in the team",
        routes="POST /gates/promotion/<object_id>/change/",
        body=WHY,
    ),
    Group(
        "Pages that submit, take in newer evidence, withdraw the request, or renew it",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 200 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role requester in the team",
        routes="GET /gates/promotion/<object_id>/{submit take-in withdraw renew}/",
    ),
    Group(
        "Submitting, taking in, withdrawing",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 302 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role requester in the team",
        routes="POST /gates/promotion/<object_id>/{submit take-in withdraw}/",
        body=WHY,
    ),
    Group(
        "Renewing what was never approved",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 409 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role requester in the team",
        routes="POST /gates/promotion/<object_id>/renew/",
        body=WHY,
    ),
    Group(
        "A signature's record, which nobody has signed for here",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 404 404 404",
        routes="""
            GET /promotions/<pk>/signatures/<signature>/
            GET /promotions/<pk>/signatures/<signature>/receipt/""",
    ),
    # ---- The log
    Group(
        "The whole log is for auditors of all teams",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 403 200 403",
        says="Reading the whole log takes the role auditor for all teams.",
        routes="""
            GET /audit/
            GET /audit.csv""",
    ),
    Group(
        "Who reviews the trail",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 403 200 403",
        says="This takes the role auditor for all teams.",
        routes="GET /audit/review/",
    ),
    Group(
        "Recording a review of the trail",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 403 302 403",
        says="This takes the role auditor for all teams.",
        routes="POST /audit/review/",
        body={"first_seq": 0, "last_seq": 1, "outcome": "in_order", "findings": "Read.", **WHY},
    ),
    Group(
        "Taking the log home",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 200 200 403",
        says="This takes the role auditor or administrator for all teams.",
        routes="""
            GET /audit/export/
            POST /audit/export/""",
        body=WHY,
    ),
    Group(
        "What was signed and is lost",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 200 200 403",
        says="What was lost is for auditors, administrators and risk owners of all teams.",
        routes="""
            GET /audit/losses/
            GET /audit/losses/<pk>/""",
    ),
    Group(
        "Declaring and confirming it, without a password",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 422 403 403",
        says="This takes the role administrator or risk owner for all teams.",
        routes="""
            POST /audit/losses/
            POST /audit/losses/<pk>/""",
        body=WHY,
    ),
    Group(
        "An entry and its receipt, of what a team owns",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 200 200 200",
        routes="""
            GET /audit/entries/<seq>/
            GET /audit/entries/<seq>/receipt/""",
    ),
    # ---- Evidence packs
    Group(
        "A pack is asked for by those who judge, write policy or audit",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 200 200 200 200 403 200 200 403 403 200 200",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 200 200",
        says="This takes the role reviewer, risk owner",
        routes="GET /promotions/<pk>/pack/",
    ),
    Group(
        "A pack as of no instant",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 422 422 422 422 403 422 422 403 403 422 422",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 422 422",
        says="This takes the role reviewer, risk owner",
        routes="POST /promotions/<pk>/pack/",
        body={"as_of": "yesterday", **WHY},
    ),
    Group(
        "The same of an environment, which is nobody's",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 200 200 200 200 403 200 200 403 403 200 200",
        says="This takes the role reviewer, risk owner",
        routes="GET /environments/<slug>/pack/",
    ),
    Group(
        "An environment's over no period",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 422 422 422 422 403 422 422 403 403 422 422",
        says="This takes the role reviewer, risk owner",
        routes="POST /environments/<slug>/pack/",
        body=WHY,
    ),
    Group(
        "A pack that somebody built who sees all: for those who do, too",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 200 200 200",
        routes="""
            GET /packs/<pk>/
            GET /packs/<pk>/{receipt consistency}/""",
    ),
    Group(
        "Its archive, which would be another by now",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 403 409 409",
        says="This takes the role reviewer, risk owner",
        routes="GET /packs/<pk>/download/",
    ),
    # ---- Talking it over
    Group(
        "The discussion is part of the review page",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 302 302 302 302 302 302 302 302 302 302 302 302 302 302",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 302 302 302",
        routes="GET /promotions/<pk>/discussion/",
    ),
    Group(
        "A comment",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 302 302 302 302 302 302 302 302 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role registrar, evidence contributor, requester",
        routes="POST /promotions/<pk>/discussion/",
        body={"do": "comment", "text": "Tried at every door."},
    ),
    Group(
        "The page that asks somebody to sign",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 200 200 200 200 200 200 200 200 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role registrar, evidence contributor, requester",
        routes="GET /promotions/<pk>/ask/",
    ),
    Group(
        "Reminding",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 302 302 302 302 302 302 302 302 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role registrar, evidence contributor, requester",
        routes="POST /promotions/<pk>/ask/",
        body={"remind": "1"},
    ),
    Group(
        "The page that assigns a finding",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 200 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role requester in the team",
        routes="GET /promotions/<pk>/assign/",
    ),
    Group(
        "Assigning a finding, with nothing filled in but the reason",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 422 403 403 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role requester in the team",
        routes="POST /promotions/<pk>/assign/",
        body=WHY,
    ),
    # ---- Reviewing roles
    Group(
        "Signing, with nothing filled in",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 422 422 422 422 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="Signing here needs one of the roles reviewer.",
        routes="POST /promotions/<pk>/",
    ),
    Group(
        "The page that accepts a run",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 200 200 200 200 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role reviewer, risk owner, privacy officer or independent validator",
        routes="GET /evidence/evaluationrun/<object_id>/accept/",
    ),
    Group(
        "Accepting a run",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 302 302 302 302 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role reviewer, risk owner, privacy officer or independent validator",
        routes="POST /evidence/evaluationrun/<object_id>/accept/",
        body=WHY,
    ),
    Group(
        "Pages that answer a waiver, which somebody else asked for",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 403 200 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role risk owner in the team",
        routes="GET /gates/waiver/<object_id>/{grant refuse}/",
    ),
    Group(
        "Answering one without the password",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 403 422 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role risk owner in the team",
        routes="POST /gates/waiver/<object_id>/{grant refuse}/",
        body=WHY,
    ),
    Group(
        "Conditions are set by signing",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="Conditions are set by whoever signs, with the signature.",
        routes="""
            GET /gates/condition/add/
            POST /gates/condition/add/""",
        body=WHY,
    ),
    Group(
        "The page that closes a condition",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 200 200 200 200 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role reviewer, risk owner, privacy officer or independent validator",
        routes="GET /gates/condition/<object_id>/close/",
    ),
    Group(
        "Closing one without evidence",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 422 422 422 422 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role reviewer, risk owner, privacy officer or independent validator",
        routes="POST /gates/condition/<object_id>/close/",
        body=WHY,
    ),
    Group(
        "Pages of a risk owner's verbs: ending an approval, or a break-glass",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 403 200 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role risk owner in the team",
        routes="""
            GET /gates/promotion/<object_id>/revoke/
            GET /gates/breakglass/<object_id>/end/""",
    ),
    Group(
        "Ending one without the password",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 403 422 403 403 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role risk owner in the team",
        routes="""
            POST /gates/promotion/<object_id>/revoke/
            POST /gates/breakglass/<object_id>/end/""",
        body=WHY,
    ),
    Group(
        "Breaking the glass begins with which release",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 200 200 200 200 403 403 403 403 403 403 403",
        says="This takes the role reviewer, risk owner, privacy officer or independent validator",
        routes="""
            GET /gates/breakglass/add/
            POST /gates/breakglass/add/""",
    ),
    Group(
        "Breaking the glass for one release",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 403 403 403 403 200 200 200 200 403 403 403 403 403 403 403",
        foreign="302 403 403 403 403 404 404 404 404 403 403 403 403 403 403 403",
        says="This takes the role reviewer, risk owner, privacy officer or independent validator",
        routes="GET /gates/breakglass/add/?release=<release>",
    ),
    Group(
        "The same, with nothing filled in but the reason",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 403 403 403 403 422 422 422 422 403 403 403 403 403 403 403",
        foreign="302 403 403 403 403 404 404 404 404 403 403 403 403 403 403 403",
        says="This takes the role reviewer, risk owner, privacy officer or independent validator",
        routes="POST /gates/breakglass/add/?release=<release>",
        body=WHY,
    ),
    Group(
        "The page that reviews a break-glass",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 200 200 200 200 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role reviewer, risk owner, privacy officer or independent validator",
        routes="GET /gates/breakglass/<object_id>/review/",
    ),
    Group(
        "Reviewing one without saying what was found",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 422 422 422 422 403 403 403 403 403 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 403",
        says="This takes the role reviewer, risk owner, privacy officer or independent validator",
        routes="POST /gates/breakglass/<object_id>/review/",
        body=WHY,
    ),
    # ---- Administrators
    Group(
        "Forms of what administrators keep",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 200 403 403",
        says="This takes the role administrator.",
        routes="GET /registry/{team region provider environment router person rolegrant}/add/",
    ),
    Group(
        "New rows of it, with nothing filled in but the reason",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 422 403 403",
        says="This takes the role administrator.",
        routes="POST /registry/{team region provider environment router person rolegrant}/add/",
        body=WHY,
    ),
    Group(
        "Rows of it amended",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 403 403 403 403 403 403 403 403 422 403 403",
        says="This takes the role administrator.",
        routes="POST /registry/{region provider environment router person}/<object_id>/change/",
        body=WHY,
    ),
    Group(
        "A team amended",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 403 403 403 403 403 403 403 403 403 403 403 422 403 403",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 422 403 403",
        says="This takes the role administrator.",
        routes="POST /registry/team/<object_id>/change/",
        body=WHY,
    ),
    Group(
        "Pages that let somebody go, or in again",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 403 403 403 403 403 403 403 403 200 403 403",
        says="This takes the role administrator.",
        routes="GET /registry/person/<object_id>/{deactivate reactivate take-second-factor}/",
    ),
    Group(
        "Letting somebody go",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 403 403 403 403 403 403 403 403 302 403 403",
        says="This takes the role administrator.",
        routes="POST /registry/person/<object_id>/deactivate/",
        body=WHY,
    ),
    Group(
        "Letting somebody in who is in already",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 403 403 403 403 403 403 403 403 409 403 403",
        says="This takes the role administrator.",
        routes="POST /registry/person/<object_id>/reactivate/",
        body=WHY,
    ),
    Group(
        "Taking a second factor away without showing who one is",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 403 403 403 403 403 403 403 403 403 403 403 422 403 403",
        says="This takes the role administrator.",
        routes="POST /registry/person/<object_id>/take-second-factor/",
        body=WHY,
    ),
    Group(
        "The page that ends a grant",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 404 404 404 404 404 404 404 404 404 403 404 200 403 404",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 200 403 404",
        says="This takes the role administrator.",
        routes="GET /registry/rolegrant/<object_id>/end/",
    ),
    Group(
        "Ending a grant",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    302 404 404 404 404 404 404 404 404 404 404 403 404 302 403 404",
        foreign="302 404 404 404 404 404 404 404 404 404 404 404 404 302 403 404",
        says="This takes the role administrator.",
        routes="POST /registry/rolegrant/<object_id>/end/",
        body=WHY,
    ),
    Group(
        "The page that revokes a token",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 200 403 404",
        says="This takes the role administrator.",
        routes="GET /registry/apitoken/<object_id>/revoke/",
    ),
    Group(
        "Revoking a token",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 302 403 404",
        says="This takes the role administrator.",
        routes="POST /registry/apitoken/<object_id>/revoke/",
        body=WHY,
    ),
    Group(
        "A token for oneself, with nothing filled in but the reason",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 422 422 422 422 422 422 422 422 422 422 422 422 422 422 422",
        routes="POST /registry/apitoken/add/",
        body=WHY,
    ),
    # ---- Webhooks, which are sent what happens in every team
    Group(
        "Webhooks: for administrators, and for auditors of all to read",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 200 200 404",
        routes="""
            GET /gates/webhook/<object_id>/change/
            GET /gates/webhook/<object_id>/history/
            GET /webhooks/<pk>/deliveries.csv
            GET /webhooks/<pk>/deliveries/""",
    ),
    Group(
        "The form for a new webhook",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 200 403 403",
        says="This takes the role administrator.",
        routes="GET /gates/webhook/add/",
    ),
    Group(
        "A new webhook, with nothing filled in but the reason",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 403 403 403 403 403 403 403 403 403 403 403 403 422 403 403",
        says="This takes the role administrator.",
        routes="POST /gates/webhook/add/",
        body=WHY,
    ),
    Group(
        "The same amended",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 422 403 404",
        says="This takes the role administrator.",
        routes="POST /gates/webhook/<object_id>/change/",
        body=WHY,
    ),
    Group(
        "No webhook is deleted",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 404",
        says=NEVER_DELETED,
        routes="""
            GET /gates/webhook/<object_id>/delete/
            POST /gates/webhook/<object_id>/delete/""",
        body={"post": "yes"},
    ),
    Group(
        "No history of a webhook is written",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 403 403 404",
        says=ONLY_SHOWS,
        routes="POST /gates/webhook/<object_id>/history/",
    ),
    Group(
        "Pages that try a webhook out, renew its secret, or switch it",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 200 403 404",
        says="This takes the role administrator.",
        routes="GET /gates/webhook/<object_id>/{test renew-secret switch-off switch-on}/",
    ),
    Group(
        "Trying a webhook out, switching it off",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 302 403 404",
        says="This takes the role administrator.",
        routes="POST /gates/webhook/<object_id>/{test switch-off}/",
        body=WHY,
    ),
    Group(
        "Renewing its secret, which is shown on the answer",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 200 403 404",
        says="This takes the role administrator.",
        routes="POST /gates/webhook/<object_id>/renew-secret/",
        body=WHY,
    ),
    Group(
        "Switching on what is on",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 409 403 404",
        says="This takes the role administrator.",
        routes="POST /gates/webhook/<object_id>/switch-on/",
        body=WHY,
    ),
    Group(
        "Sending again a delivery that is not there",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="302 404 404 404 404 404 404 404 404 404 404 404 404 404 403 404",
        says="This takes the role administrator.",
        routes="POST /webhooks/<pk>/deliveries/",
    ),
    # ---- The API, with a token
    Group(
        "Lists of what may be seen, and the API's description",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="401 200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
        routes="""
            GET /api/v1/{models model-versions prompts datasets tools use-cases environments}/
            GET /api/v1/policy-packs/
            GET /api/v1/{may-run on-call running uses}/
            GET /api/v1/search/?q=case
            GET /api/v1/{requests request-counts unattributed-traffic}/
            GET /api/v1/{releases evidence evaluation-runs promotions incidents packs schema}/""",
    ),
    Group(
        "A pack by the API, before there was anything",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    401 404 403 403 403 422 422 422 422 403 422 422 403 403 422 422",
        foreign="401 404 404 404 404 404 404 404 404 404 404 404 404 403 422 422",
        says="This takes the role reviewer, risk owner",
        routes="GET /api/v1/promotions/<pk>/pack/?as_of=2001-01-01T00:00:00Z",
    ),
    Group(
        "The same of an environment",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="401 404 403 403 403 422 422 422 422 403 422 422 403 403 422 422",
        says="This takes the role reviewer, risk owner",
        routes="GET /api/v1/environments/<slug>/pack/"
        "?since=2000-01-01T00:00:00Z&as_of=2001-01-01T00:00:00Z",
    ),
    Group(
        "A pack that was built by somebody who sees all",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="401 404 404 404 404 404 404 404 404 404 404 404 404 200 200 200",
        routes="""
            GET /api/v1/packs/<pk>/
            GET /api/v1/packs/<pk>/receipt/""",
    ),
    Group(
        "What a team owns",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    401 404 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
        foreign="401 404 404 404 404 404 404 404 404 404 404 404 404 200 200 200",
        routes="""
            GET /api/v1/{models prompts datasets use-cases}/<slug>/
            GET /api/v1/requests/<name>/
            GET /api/v1/records/<pk>/proof/
            GET /api/v1/incidents/<pk>/
            GET /api/v1/{timeline lanes}/?use_case=<use case>
            GET /api/v1/prompts/<prompt>/versions/
            GET /api/v1/prompts/<prompt>/versions/<number>/
            GET /api/v1/datasets/<dataset>/versions/
            GET /api/v1/datasets/<dataset>/versions/<pk>/
            GET /api/v1/{model-versions releases evidence evaluation-runs promotions}/<pk>/
            GET /api/v1/model-versions/<pk>/{exports cyclonedx card}/
            GET /api/v1/releases/<pk>/{exports cyclonedx}/
            GET /api/v1/promotions/<pk>/{exports cyclonedx}/
            GET /api/v1/model-versions/<pk>/lineage/
            GET /api/v1/releases/<pk>/lineage/
            GET /api/v1/compare/?kind=release&a=<release>&b=<release>
            GET /api/v1/impact/?kind=model-version&key=<version>
            GET /api/v1/{may-run on-call uses}/?use_case=<use case>
            GET /api/v1/readiness/?release=<release>&environment=<environment>
            GET /api/v1/evaluation-runs/latest/?release=<digest>
            GET /api/v1/evaluation-runs/history/?model=<model>
            GET /api/v1/decision/?release=<digest>&environment=<environment>
            GET /api/v1/effective-policy/?use_case=<use case>&environment=<environment>
            GET /api/v1/effective-gate/?use_case=<use case>&environment=<environment>
            GET /api/v1/promotions/<pk>/{findings scores}/
            GET /api/v1/audit/entries/?about=<key>
            GET /api/v1/audit/entries/<pk>/
            GET /api/v1/audit/entries/<seq>/proof/""",
    ),
    Group(
        "What nobody owns",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="401 404 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
        routes="""
            GET /api/v1/{tools environments policy-packs}/<slug>/
            GET /api/v1/compare/?kind=policy-version&a=<policy version>&b=<policy version>
            GET /api/v1/environments/<slug>/{active active-at changes rollback-targets}/
            GET /api/v1/environments/<slug>/rollback-dry-run/?generation=1
            GET /api/v1/{timeline lanes}/
            GET /api/v1/{drill running}/?provider=<host>
            GET /api/v1/environments/<environment>/routers/
            GET /api/v1/environments/<environment>/routers/<slug>/
            GET /api/v1/impact/?kind=tool&key=<tool>
            GET /api/v1/may-run/?provider=<host>
            GET /api/v1/policy-preview/?pack=<pack>&version=1""",
    ),
    Group(
        "Snapshots tell what all teams run; a router's token is tried in test_snapshots.py",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="401 404 403 403 403 403 403 403 403 403 403 403 403 200 200 200",
        says="reading it takes a role for all teams, or the token of a router.",
        routes="""
            GET /api/v1/environments/<slug>/snapshot/
            GET /api/v1/snapshots/<digest>/""",
    ),
    Group(
        "Routes of a team's use case",
        #        ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        own="    401 404 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
        foreign="401 404 404 404 404 404 404 404 404 404 404 404 404 200 200 200",
        routes="GET /api/v1/routes/<use_case>/explain/?environment=<environment>",
    ),
    Group(
        "That the log only grew, for whoever has a token: it names no entry",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="401 200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
        routes="GET /api/v1/audit/consistency/?first=1",
    ),
    Group(
        "A checkpoint, none of which was signed here",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="401 404 404 404 404 404 404 404 404 404 404 404 404 404 404 404",
        routes="GET /api/v1/audit/checkpoint/",
    ),
    Group(
        "Questions that name nothing",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="401 400 400 400 400 400 400 400 400 400 400 400 400 400 400 400",
        routes="""
            GET /api/v1/compare/
            GET /api/v1/decision/
            GET /api/v1/effective-policy/
            GET /api/v1/{drill impact readiness policy-preview}/
            GET /api/v1/environments/<slug>/rollback-dry-run/
            GET /api/v1/effective-gate/
            GET /api/v1/evaluation-runs/{latest history}/""",
    ),
    Group(
        "A token that reads gives nothing; those that give are tried in test_ingest.py",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="401 403 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="giving evidence takes one of scope evidence.",
        routes="""
            GET /ingest/v1/evidence/
            POST /ingest/v1/evidence/""",
    ),
    Group(
        "A token that reads routes nothing; one that routes is tried in test_ofrep.py",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="401 403 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="routing takes one of scope router.",
        routes="""
            GET /ofrep/v1/evaluate/flags
            POST /ofrep/v1/evaluate/flags
            GET /ofrep/v1/evaluate/flags/<key>
            POST /ofrep/v1/evaluate/flags/<key>""",
    ),
    Group(
        "Nor does it say what ran; a router's is tried in test_records.py",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="401 403 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
        says="appending records takes one of scope router.",
        routes="""
            GET /ingest/v1/records/
            POST /ingest/v1/records/
            GET /v1/traces
            POST /v1/traces""",
    ),
    Group(
        "The whole log",
        #    ano non rgs evi req rev ris pri val ope pol aud vie adm all pa*
        any="401 403 403 403 403 403 403 403 403 403 403 403 403 403 200 403",
        says="Reading the whole log takes the role auditor for all teams.",
        routes="GET /api/v1/audit/entries/",
    ),
)

#: What a POST gets where there is nothing to write, by route: pages that only show.
ONLY_SHOWN = {
    200: {
        "",
        "menu/",
        "<app_label>/",
        *spelled_out("registry/{usecase registeredmodel modelversion release servingendpoint}/"),
        *spelled_out("registry/{dataset datasetversion prompttemplate promptversion team}/"),
        *spelled_out("registry/{region provider environment person tool evaluationsuite}/"),
        *spelled_out("registry/{suiteversion rolegrant apitoken policypack policyversion router}/"),
        *spelled_out("evidence/{evidenceitem evaluationrun}/"),
        *spelled_out("gates/{promotion gateversion requirement waiver condition breakglass}/"),
        "gates/webhook/",
    },
    302: {
        *spelled_out("registry/{usecase registeredmodel modelversion release}/<object_id>/"),
        *spelled_out("registry/{servingendpoint dataset datasetversion team}/<object_id>/"),
        *spelled_out("registry/{prompttemplate promptversion region provider}/<object_id>/"),
        *spelled_out("registry/{environment person tool evaluationsuite}/<object_id>/"),
        *spelled_out("registry/{suiteversion rolegrant apitoken router}/<object_id>/"),
        *spelled_out("registry/{policypack policyversion}/<object_id>/"),
        *spelled_out("evidence/{evidenceitem evaluationrun}/<object_id>/"),
        *spelled_out("gates/{promotion gateversion requirement webhook}/<object_id>/"),
        *spelled_out("gates/{waiver condition breakglass}/<object_id>/"),
    },
    405: {
        "autocomplete/",
        "jsi18n/",
        "password_change/done/",
        "promotions/ask/",
        "promotions/<pk>/signatures/<signature>/",
        "promotions/<pk>/signatures/<signature>/receipt/",
        "audit/",
        "audit/entries/<seq>/",
        "audit/entries/<seq>/receipt/",
        *spelled_out("packs/<pk>/{download receipt consistency}/"),
        "packs/<pk>/",
        "search/",
        "compare/",
        "docs/api/",
        "impact/",
        "uses/",
        "ended/",
        "may-run/",
        "on-call/",
        "releases/<slug>/<number>/readiness/",
        "models/<slug>/",
        "models/<slug>/<version>/",
        "models/<slug>/<version>/lineage/",
        *spelled_out("models/<slug>/<version>/{exports cyclonedx card}/"),
        *spelled_out("releases/<slug>/<number>/{exports cyclonedx}/"),
        *spelled_out("promotions/<pk>/{exports cyclonedx}/"),
        "scores/<slug>/",
        "releases/<slug>/<number>/lineage/",
        "prompts/<slug>/",
        "prompts/<slug>/<number>/",
        "releases/<slug>/<number>/",
        "environments/<slug>/",
        "environments/<slug>/changes/",
        "running/",
        "drill/",
        "requests/",
        "requests/<name>/",
        "requests/<name>/export/",
        *spelled_out("{requests incidents outside timeline uses may-run ended on-call}.csv"),
        *spelled_out("{running waiting audit}.csv"),
        "webhooks/<pk>/deliveries.csv",
        *spelled_out("registry/{usecase registeredmodel modelversion release}/csv/"),
        *spelled_out("registry/{servingendpoint dataset datasetversion team router}/csv/"),
        *spelled_out("registry/{prompttemplate promptversion region provider}/csv/"),
        *spelled_out("registry/{environment person tool evaluationsuite suiteversion}/csv/"),
        *spelled_out("registry/{rolegrant apitoken policypack policyversion}/csv/"),
        *spelled_out("evidence/{evidenceitem evaluationrun}/csv/"),
        *spelled_out("gates/{promotion gateversion requirement waiver condition}/csv/"),
        *spelled_out("gates/{breakglass webhook}/csv/"),
        "records/<pk>/proof/",
        "outside/",
        "incidents/",
        "incidents/<pk>/",
        "incidents/<pk>/export/",
        "timeline/",
        "environments/<slug>/active-at/",
        "routes/try/",
        "policy/effective/",
        "gates/effective/",
        "gates/versions/<pk>/preview/",
        "promotions/<pk>/findings/",
        "policy/versions/<pk>/yaml/",
        "policy/versions/<pk>/preview/",
        "evidence/<pk>/",
        "evidence/<pk>/files/<file_pk>/",
    },
}
#: What everybody may see without signing in, and only see.
PUBLIC = (
    "healthz",
    "readyz",
    ".well-known/gatehouse-keys.json",
    "password_reset/done/",
    "reset/done/",
)
#: Every address of the API: it reads.
READING_ONLY = (
    *spelled_out("api/v1/{models prompts datasets tools use-cases environments}/"),
    *spelled_out("api/v1/{models prompts datasets tools use-cases environments}/<slug>/"),
    *spelled_out("api/v1/{model-versions releases evidence evaluation-runs promotions}/"),
    *spelled_out("api/v1/{model-versions releases evidence evaluation-runs promotions}/<pk>/"),
    "api/v1/requests/<name>/",
    "api/v1/records/<pk>/proof/",
    *spelled_out("api/v1/{requests request-counts unattributed-traffic}/"),
    "api/v1/incidents/",
    "api/v1/incidents/<pk>/",
    "api/v1/packs/",
    "api/v1/packs/<pk>/",
    "api/v1/packs/<pk>/receipt/",
    "api/v1/environments/<slug>/pack/",
    "api/v1/timeline/",
    "api/v1/lanes/",
    "api/v1/environments/<slug>/active-at/",
    "api/v1/prompts/<prompt>/versions/",
    "api/v1/prompts/<prompt>/versions/<number>/",
    "api/v1/datasets/<dataset>/versions/",
    "api/v1/datasets/<dataset>/versions/<pk>/",
    *spelled_out("api/v1/evaluation-runs/{latest history}/"),
    "api/v1/model-versions/<pk>/lineage/",
    *spelled_out("api/v1/model-versions/<pk>/{exports cyclonedx card}/"),
    *spelled_out("api/v1/releases/<pk>/{exports cyclonedx}/"),
    *spelled_out("api/v1/promotions/<pk>/{exports cyclonedx}/"),
    "api/v1/releases/<pk>/lineage/",
    "api/v1/compare/",
    *spelled_out("api/v1/{impact may-run on-call policy-preview readiness uses}/"),
    *spelled_out("api/v1/{drill running search}/"),
    "api/v1/audit/entries/",
    "api/v1/audit/entries/<pk>/",
    "api/v1/audit/entries/<seq>/proof/",
    *spelled_out("api/v1/audit/{consistency checkpoint}/"),
    "api/v1/decision/",
    "api/v1/effective-policy/",
    *spelled_out("api/v1/environments/<slug>/{active changes}/"),
    *spelled_out("api/v1/environments/<slug>/{rollback-targets rollback-dry-run}/"),
    "api/v1/environments/<slug>/snapshot/",
    "api/v1/environments/<environment>/routers/",
    "api/v1/environments/<environment>/routers/<slug>/",
    "api/v1/snapshots/<digest>/",
    "api/v1/routes/<use_case>/explain/",
    "api/v1/effective-gate/",
    *spelled_out("api/v1/promotions/<pk>/{findings scores pack}/"),
    "api/v1/policy-packs/",
    "api/v1/policy-packs/<slug>/",
    "api/v1/schema/",
)
