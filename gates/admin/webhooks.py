"""Admin pages of webhooks: made here, shown their secret once, switched off and on."""

from django import forms
from django.contrib import admin
from django.template.response import TemplateResponse

from audit.admin import Act, GovernedAdmin, GovernedForm
from gates import transitions
from gates.models import Webhook
from gates.rules.notices import FOR_WEBHOOKS, KINDS
from gates.webhook_pages import deliveries_url
from registry.rights import may


class WebhookForm(GovernedForm):
    """Where it points, and what it is sent."""

    kinds = forms.MultipleChoiceField(
        choices=[(code, f"{KINDS[code].name} ({code})") for code in FOR_WEBHOOKS],
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "Choose at least one kind.",
            "invalid_choice": "Choose kinds from the list.",
        },
    )


class WebhookAct(Act):
    """A verb of administrators on one webhook."""

    right = "administer"

    def secret_shown(self, request, row, secret: str):
        """Answer with the secret itself: it is shown this once."""
        return secret_page(request, row, secret)


class SwitchOff(WebhookAct):
    name = "switch-off"
    label = "Switch off…"
    lead = "Nothing is sent there from now on."
    note = "What happens meanwhile is not sent later; what waits already is."
    done = "The webhook is off."

    def offered(self, row):
        return row.off_since is None

    def run(self, request, row, cleaned):
        return transitions.switch_off(row.pk, actor=request.user, reason=cleaned["reason"])


class SwitchOn(WebhookAct):
    name = "switch-on"
    label = "Switch on…"
    lead = "It is sent messages again, first what waits."
    done = "The webhook is on."

    def offered(self, row):
        return row.off_since is not None

    def run(self, request, row, cleaned):
        return transitions.switch_on(row.pk, actor=request.user, reason=cleaned["reason"])


class Test(WebhookAct):
    name = "test"
    label = "Send a test…"
    lead = "One message of kind webhook.test goes there with the next run of tick."
    done = "A test is on its way. How it went stands under Deliveries."

    def offered(self, row):
        return row.off_since is None

    def run(self, request, row, cleaned):
        return transitions.try_out(row.pk, actor=request.user, reason=cleaned["reason"])


class RenewSecret(WebhookAct):
    name = "renew-secret"
    label = "Renew the secret…"
    lead = "A new secret is made and shown once."
    note = "The old one signs nothing from that moment on: tell the receiver at once."

    def run(self, request, row, cleaned):
        row, secret = transitions.renew_secret(row.pk, actor=request.user, reason=cleaned["reason"])
        return self.secret_shown(request, row, secret)


@admin.register(Webhook)
class WebhookAdmin(GovernedAdmin):
    form = WebhookForm
    acts = (Test(), RenewSecret(), SwitchOff(), SwitchOn())
    list_display = ("name", "url", "sent", "state", "changed")
    search_fields = ("name", "url")
    help_texts = {
        "url": "Begins with https://. Private addresses and redirects are refused.",
    }
    fieldsets = (
        (
            None,
            {
                "fields": ("name", "url", "kinds"),
                "description": "It is sent what happens in every team. Its secret is shown once, "
                "on the next page; each message is signed with it.",
            },
        ),
    )

    def may(self, request, verb, obj=None):
        return may(request.user, "administer")

    csv_columns = {
        "state": {
            "state": lambda row: "off" if row.off_since else "on",
            "off since": lambda row: row.off_since,
        }
    }

    @admin.display(description="is sent")
    def sent(self, obj):
        return ", ".join(KINDS[code].name for code in obj.kinds if code in KINDS)

    @admin.display(description="state", ordering="off_since")
    def state(self, obj):
        return f"off since {obj.off_since:%d %b %Y}" if obj.off_since else "on"

    def act_buttons(self, request, obj):
        log = {
            "name": "deliveries",
            "label": "Deliveries",
            "url": deliveries_url(obj),
            "primary": False,
            "objections": [],
        }
        return [log, *super().act_buttons(request, obj)]

    def write(self, request, pk, *, values, parts, reason, form):
        row, request.raw_secret = transitions.save_webhook(
            pk,
            name=values["name"],
            url=values["url"],
            kinds=values["kinds"],
            actor=request.user,
            reason=reason,
        )
        return row

    def response_add(self, request, obj, post_url_continue=None):
        """Show the secret on the answer itself: nothing that is stored shows it again."""
        return secret_page(request, obj, request.raw_secret)


def secret_page(request, row: Webhook, secret: str) -> TemplateResponse:
    """Return the page that shows a secret, which nobody keeps on the way."""
    pages = admin.site.get_model_admin(Webhook)
    context = {
        **admin.site.each_context(request),
        "opts": Webhook._meta,
        "title": "The secret of the webhook",
        "webhook": row,
        "secret": secret,
        "row_url": pages.change_url(row),
    }
    response = TemplateResponse(request, "gates/webhook_secret.html", context)
    response["Cache-Control"] = "no-store"
    return response
