"""The base of every admin page: reads what the reader may see, writes through verbs alone.

@admin.register(Team)
class TeamAdmin(GovernedAdmin):
    def may(self, request, verb, obj=None): ...       # list of reasons, empty = may
    def write(self, request, pk, *, values, parts, reason, form): ...   # call one verb
"""

from audit.admin.acts import Act, ReasonForm, buttons, buttons_of, panels, panels_of
from audit.admin.base import GovernedAdmin
from audit.admin.checks import check_registered_admins
from audit.admin.filters import VisibleRelatedFilter
from audit.admin.forms import GovernedForm, ListFormField, PartForm
from audit.admin.inlines import GovernedInline
from audit.admin.lists import GovernedChangeList
from audit.admin.visible import menus, offered_rows, visible_rows

__all__ = [
    "Act",
    "GovernedAdmin",
    "GovernedChangeList",
    "GovernedForm",
    "GovernedInline",
    "ListFormField",
    "PartForm",
    "ReasonForm",
    "VisibleRelatedFilter",
    "buttons",
    "buttons_of",
    "check_registered_admins",
    "menus",
    "offered_rows",
    "panels",
    "panels_of",
    "visible_rows",
]
