"""Verbs with a confirm page of their own, and panels that apps above show on a row's page."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from audit.admin.forms import reason_field
from audit.refusals import Reason, Refused

#: What apps above show on the pages of a noun, by model label: each takes (request, row) and
#: returns safe HTML, or nothing. Filled in `AppConfig.ready()`.
panels: dict[str, list[Callable]] = {}


#: Buttons that apps above put beside a noun's own verbs, by model label: each takes (request, row)
#: and returns a list of {"label", "url", "objections"}; one with objections is off, with reasons.
buttons: dict[str, list[Callable]] = {}


def buttons_of(request, row) -> list[dict]:
    """Return the buttons that apps above offer on a row's page."""
    return [
        button for offer in buttons.get(row._meta.label_lower, ()) for button in offer(request, row)
    ]


def panels_of(request, row) -> list[SafeString]:
    """Return the panels of a row that have something to show."""
    shown = (panel(request, row) for panel in panels.get(row._meta.label_lower, ()))
    return [html for html in shown if html]


class ReasonForm(forms.Form):
    """A verb that needs nothing but its reason."""

    reason = reason_field()

    def __init__(self, *args, request=None, row=None, **kwargs):
        self.request, self.row = request, row
        super().__init__(*args, **kwargs)
        # The reason comes last, whatever a subclass adds.
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def refuse(self, refused: Refused) -> None:
        """Show the reasons of a refusal, each at its field if the form has it."""
        for reason in refused.reasons:
            self.add_error(reason.field if reason.field in self.fields else None, reason.sentence)


class Act:
    """One verb on one row: a button on its page, a page that asks, one call.

    Subclasses give `name` (in the address), `label` (the button), `right` (the verb asked of
    `may`), `lead` (what will happen, one sentence), and `run`.
    """

    name = ""
    label = ""
    right = ""
    lead = ""
    done = "Done."
    form: type[forms.Form] = ReasonForm
    template = "audit/act.html"
    primary = False

    def offered(self, row) -> bool:
        """Whether the button is shown at all; one that is off for a reason still is."""
        return True

    def objections(self, model_admin, request, row) -> list[Reason]:
        """Return why the reader cannot do this now."""
        return model_admin.may(request, self.right or self.name, row)

    def context(self, model_admin, request, row) -> dict:
        """Return what the page shows beside the form: `facts` as a list of label and value."""
        return {}

    def run(self, request, row, cleaned):
        """Call the verb; return the row to go to, an address, or an answer."""
        raise NotImplementedError

    # The page

    def url(self, row) -> str:
        """Return the address of the page that asks."""
        return reverse(
            f"admin:{row._meta.app_label}_{row._meta.model_name}_{self.name}", args=[row.pk]
        )

    def answer(self, model_admin, request, row):
        """Answer the page that asks, or do it when it was posted."""
        form, status = self.form(request=request, row=row), 200
        if request.method == "POST":
            form, status = self.form(request.POST, request.FILES, request=request, row=row), 422
            if form.is_valid():
                try:
                    result = self.run(request, row, form.cleaned_data)
                except Refused as refused:
                    form.refuse(refused)
                    status = refused.status
                else:
                    return self._gone_to(model_admin, request, row, result)
        if status in (200, 422) and model_admin.may(request, self.right or self.name, row):
            status = 403
        objections = self.objections(model_admin, request, row)
        if not self.offered(row):
            sentence = f"This does not apply to {row} as it is now."
            objections = [Reason("NOT_NOW", sentence), *objections]
        context = {
            **model_admin.admin_site.each_context(request),
            "opts": model_admin.opts,
            "title": f"{self.label.rstrip('…')}: {row}",
            "act": self,
            "row": row,
            "row_url": model_admin.change_url(row),
            "form": form,
            "objections": objections,
            # What somebody may not do, its page does not prepare: no facts beside the reasons.
            **({} if status == 403 else self.context(model_admin, request, row)),
        }
        request.current_app = model_admin.admin_site.name
        return TemplateResponse(request, self.template, context, status=status)

    def _gone_to(self, model_admin, request, row, result):
        if hasattr(result, "status_code"):
            return result
        messages.success(request, self.done)
        if isinstance(result, str):
            return HttpResponseRedirect(result)
        row = result or row
        there = model_admin.admin_site.get_model_admin(type(row))
        return HttpResponseRedirect(there.page_url(row))

    def __str__(self):
        return capfirst(self.name.replace("-", " "))
