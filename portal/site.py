"""The one admin site, which is the portal: who may enter, what stands beside every page."""

from functools import partial

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth import views as auth_views
from django.http import Http404
from django.urls import path, reverse_lazy
from django.utils.functional import SimpleLazyObject
from django.utils.module_loading import import_string

from portal import csv_files, nav
from portal.overview import overview
from portal.pages import PAGES
from registry import forms


class GatehouseSite(AdminSite):
    """Django's admin with our own sidebar, overview and pages, open to every active person."""

    site_title = "Gatehouse"
    site_header = "Gatehouse"
    index_title = "Overview"
    site_url = None
    empty_value_display = "–"
    login_form = forms.SignInForm

    def __init__(self, name="admin"):
        super().__init__(name)
        # Rows are ended by verbs of their own, with a reason; nothing is deleted in bulk.
        self.disable_action("delete_selected")

    def password_change(self, request, extra_context=None):
        """Change one's own password by the old one, whose failures count as at signing."""
        request.current_app = self.name
        return auth_views.PasswordChangeView.as_view(
            form_class=forms.PasswordChangeForm,
            success_url=reverse_lazy("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )(request)

    def has_permission(self, request):
        """Every active person may enter; what they see and do there is decided row by row."""
        return request.user.is_active

    def login(self, request, extra_context=None):
        """Sign in with name and password, or go to the identity provider if there is one."""
        told = {"single_sign_on": settings.SINGLE_SIGN_ON}
        return super().login(request, {**told, **(extra_context or {})})

    def get_log_entries(self, request):
        """Return nothing: what was done stands in the audit log, never in a second one."""
        return ()

    def each_context(self, request):
        """Return what every page stands in, with the sidebar built only where a page shows it.

        Django's own asks every noun what the reader may do there, for a sidebar we do not show:
        a sixth of what a page costs.
        """
        allowed = self.has_permission(request)
        return {
            "site_title": self.site_title,
            "site_header": self.site_header,
            "site_url": self.site_url,
            "has_permission": allowed,
            "second_factor": settings.SECOND_FACTOR,
            "is_popup": False,
            "is_nav_sidebar_enabled": False,
            "nav": SimpleLazyObject(partial(nav.build, self, request)) if allowed else (),
        }

    def index(self, request, extra_context=None):
        """The overview: what waits for the reader first."""
        shown = overview(request.user, request.GET.get("page", "1"))
        request.waiting_total = shown["waiting_total"]  # not counted again for the sidebar
        return super().index(request, {**shown, **(extra_context or {})})

    def get_urls(self):
        pages = [
            path(page.route, self.admin_view(import_string(page.view)), name=page.name)
            for page in PAGES
        ]
        return [
            *csv_files.routes(self.admin_view),
            *pages,
            *self._password_reset_urls(),
            *self._single_sign_on_urls(),
            # Django's own shortcut redirects to any row of any type, hidden or not.
            path("r/<path:content_type_id>/<path:object_id>/", self.admin_view(_no_shortcut)),
            *super().get_urls(),
        ]

    def _single_sign_on_urls(self):
        """To the identity provider and back, where there is one; sign-in there is for anybody."""
        if settings.SINGLE_SIGN_ON is None:
            return []
        from registry.single_sign_on import views

        return [
            path("sign-in/provider/", views.begin, name="sso_begin"),
            path("sign-in/provider/again/", self.admin_view(views.again), name="sso_again"),
            path("sign-in/provider/callback/", views.callback, name="sso_callback"),
        ]

    def _password_reset_urls(self):
        """The four steps of a forgotten password, the only pages besides sign-in for anybody."""

        def step(view, **options):
            def show(request, **kwargs):
                shell = {**self.each_context(request), "has_permission": False, "nav": ()}
                return view.as_view(extra_context=shell, **options)(request, **kwargs)

            return show

        return [
            path(
                "password_reset/",
                step(
                    auth_views.PasswordResetView,
                    form_class=forms.PasswordResetForm,
                    success_url=reverse_lazy("admin:password_reset_done"),
                ),
                name="password_reset",
            ),
            path(
                "password_reset/done/",
                step(auth_views.PasswordResetDoneView),
                name="password_reset_done",
            ),
            path(
                "reset/<uidb64>/<token>/",
                step(
                    auth_views.PasswordResetConfirmView,
                    form_class=forms.SetPasswordForm,
                    success_url=reverse_lazy("admin:password_reset_complete"),
                ),
                name="password_reset_confirm",
            ),
            path(
                "reset/done/",
                step(auth_views.PasswordResetCompleteView),
                name="password_reset_complete",
            ),
        ]


def _no_shortcut(request, content_type_id, object_id):
    raise Http404
