"""The page that brings in a policy pack as YAML: first the plan, then the draft that was shown."""

from django import forms
from django.contrib import admin, messages
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from audit import Refused
from audit.admin.forms import reason_field
from registry import policy_import, rights
from registry.models import PolicyVersion
from registry.policy.reading import MOST_BYTES
from registry.policy_import import Plan, Source

#: How each verb of a plan is drawn, and its word.
DRAWN = {
    "create": ("added", "Create"),
    "change": ("changed", "Change"),
    "link": ("met", "As it is"),
}


class PolicyForm(forms.Form):
    """A file or a text; from the first look on, the text travels with the form."""

    file = forms.FileField(
        label="File",
        required=False,
        help_text=f"YAML as exported from a version's page, at most {MOST_BYTES // 1024} KiB.",
        widget=forms.ClearableFileInput(attrs={"accept": ".yaml,.yml,application/yaml"}),
    )
    text = forms.CharField(
        label="YAML",
        required=False,
        strip=False,
        help_text="Or paste it here: pack, with its slug, and clauses, each with value and why.",
        widget=forms.Textarea(
            attrs={
                "rows": 20,
                "class": "vLargeTextField code",
                "spellcheck": "false",
                "wrap": "off",
            }
        ),
    )
    reason = reason_field()
    name = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    plan = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{"label_suffix": "", **kwargs})

    def clean(self):
        cleaned = super().clean()
        if upload := cleaned.get("file"):
            try:
                text = upload.read(MOST_BYTES + 1).decode("utf-8-sig")
            except UnicodeDecodeError:
                # Also where a text is so long that it was cut inside a letter.
                self.add_error("file", "This is not UTF-8 text, or it is too long.")
                return cleaned
            cleaned["text"], cleaned["name"] = text, upload.name[:200]
            self.data = self.data.copy()
            self.data["text"], self.data["name"] = cleaned["text"], cleaned["name"]
        if not (cleaned.get("text") or "").strip():
            self.add_error("text", "Choose a file, or paste the YAML of a pack.")
        return cleaned

    def source(self) -> Source:
        """Return the text with its name; line ends are those of files, whatever a browser sends."""
        text = self.cleaned_data["text"].replace("\r\n", "\n")
        return Source(self.cleaned_data["name"] or "pasted text", text)

    def keep(self, plan_digest: str) -> None:
        """Let the form carry on the digest of the plan that is shown beside it."""
        self.data = self.data.copy()
        self.data["plan"] = plan_digest

    def refuse(self, refused: Refused) -> None:
        """Put the reasons of a refusal beside the fields that they are about."""
        for reason in refused.reasons:
            field = reason.field if reason.field in self.fields else None
            self.add_error(field, reason.sentence)


@require_http_methods(["GET", "HEAD", "POST"])
def page(request):
    """Ask for the YAML of a pack, show the plan, and write the draft once somebody agrees to it."""
    if objections := rights.may(request.user, "write_policy", PolicyVersion):
        return _answer(request, PolicyForm(), 403, objections=objections)
    if request.method != "POST":
        return _answer(request, PolicyForm(), 200)
    form = PolicyForm(request.POST, request.FILES)
    if not form.is_valid():
        return _answer(request, form, 422)
    return _planned_or_done(request, form)


def _planned_or_done(request, form: PolicyForm):
    try:
        sources, shown = [form.source()], form.cleaned_data["plan"]
        plan = policy_import.make(sources, actor=request.user)
        if "import" in request.POST and shown == plan.digest:
            reason = form.cleaned_data["reason"]
            policy_import.carry_out(sources, actor=request.user, reason=reason, shown=shown)
            return _gone(request, plan)
    except Refused as refused:
        form.refuse(refused)
        return _answer(request, form, refused.status)
    form.keep(plan.digest)
    changed = "import" in request.POST
    return _answer(request, form, 409 if changed else 200, plan=plan, changed=changed)


def _gone(request, plan: Plan):
    """Lead to the draft that was made or amended."""
    slug, _, number = plan.steps[-1].name.rpartition(" v")
    version = PolicyVersion.objects.visible_to(request.user).get(pack__slug=slug, number=number)
    said = "The draft is made. Somebody else publishes it."
    messages.success(request, said if plan.writes else "All of it was here already.")
    return HttpResponseRedirect(admin.site.get_model_admin(PolicyVersion).change_url(version))


def _answer(request, form, status, *, plan=None, changed=False, objections=()):
    context = {
        **admin.site.each_context(request),
        "title": "Import a policy pack",
        "form": form,
        "plan": plan,
        "steps": [
            {"step": step, "state": DRAWN[step.verb][0], "word": DRAWN[step.verb][1]}
            for step in (plan.steps if plan else ())
        ],
        "changed": changed,
        "objections": objections,
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "registry/import_policy.html", context, status=status)
