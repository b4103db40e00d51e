"""The system check that no admin page writes past the verbs."""

from django.contrib import admin
from django.core import checks


@checks.register(checks.Tags.admin)
def check_registered_admins(app_configs, **kwargs):
    """Name every registered admin that is not a `GovernedAdmin` or whose rows have no reader."""
    from audit.admin.base import GovernedAdmin

    errors = []
    for model, model_admin in admin.site._registry.items():
        if not isinstance(model_admin, GovernedAdmin):
            errors.append(
                checks.Error(
                    f"{type(model_admin).__name__} would write past audit.change.",
                    hint="Derive it from audit.admin.GovernedAdmin.",
                    obj=model,
                    id="audit.E101",
                )
            )
        if not hasattr(model._default_manager.all(), "visible_to"):
            errors.append(
                checks.Error(
                    "The rows of this admin have no visible_to(user).",
                    hint="Give the model's manager one.",
                    obj=model,
                    id="audit.E102",
                )
            )
    return errors
