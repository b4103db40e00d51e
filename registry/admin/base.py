"""What the admin pages of the registry have in common."""

from audit.admin import GovernedAdmin
from registry import rights
from registry.transitions import save_row
from registry.transitions.rows import NOUNS


class RegistryAdmin(GovernedAdmin):
    """A noun of the registry: rights from `registry.rights`, writing through `save_row`."""

    def may(self, request, verb, obj=None):
        if verb in ("add", "change"):
            verb = "save"
        return rights.may(request.user, verb, obj if obj is not None else self.model)

    def get_readonly_fields(self, request, obj=None):
        """Fields that keep their first value are shown, not offered."""
        fixed = list(super().get_readonly_fields(request, obj))
        if obj is not None and self.model in NOUNS:
            fixed += [name for name in NOUNS[self.model].set_once if getattr(obj, name)]
        return fixed

    def write(self, request, pk, *, values, parts, reason, form):
        return save_row(
            self.model, pk, values=values, parts=parts, actor=request.user, reason=reason
        )
