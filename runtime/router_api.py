"""Reading routers: which generation each holds, and which are behind since when."""

from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404

from audit.api.filters import Words
from audit.api.rows import RowsView
from audit.serializers import Named, RowSerializer
from registry.api import SLUG
from registry.models import Environment, Router
from runtime.routers import STATES, standings


class RouterSerializer(RowSerializer):
    """A router, and how it stands to what is active in its environment."""

    team = Named()
    state = serializers.ChoiceField(
        list(STATES.items()), source="standing.state", help_text="How it stands to what is active."
    )
    generation = serializers.IntegerField(
        source="standing.holds",
        allow_null=True,
        help_text="The generation that it decides from; null: it never said.",
    )
    since = serializers.DateTimeField(
        source="standing.since", allow_null=True, help_text="Since when it holds that."
    )
    behind = serializers.SerializerMethodField(help_text="Whether something newer is active.")
    behind_since = serializers.DateTimeField(
        source="standing.behind_since",
        allow_null=True,
        help_text="When what it holds was replaced.",
    )
    heard_at = serializers.DateTimeField(
        source="standing.heard_at", allow_null=True, help_text="When it last said what it holds."
    )

    class Meta:
        model = Router
        fields = (
            "slug",
            "name",
            "team",
            "is_active",
            "state",
            "generation",
            "since",
            "behind",
            "behind_since",
            "heard_at",
        )

    def get_behind(self, router) -> bool:
        return router.standing.behind_since is not None


class RouterFilters(filters.FilterSet):
    slug = Words("slug", "Slugs.")


@extend_schema(parameters=[OpenApiParameter("environment", str, "path", description="Its slug.")])
class RoutersView(RowsView):
    """The routers of one environment, and which generation each decides from.

    A router of several processes stands as the one that is farthest behind.
    """

    model = Router
    order = ("slug",)
    lookup_field = "slug"
    lookup_value_regex = SLUG
    serializer_class = RouterSerializer
    filterset_class = RouterFilters

    def visible(self):
        seen = Environment.objects.visible_to(self.request.user)
        environment = get_object_or_404(seen, slug=self.kwargs["environment"])
        return super().visible().filter(environment=environment)

    def rows(self, visible):
        return visible.select_related("team", "environment")

    def prepare(self, rows):
        super().prepare(rows)
        for found in standings(rows[0].environment, rows) if rows else ():
            found.router.standing = found


routes = ((f"environments/(?P<environment>{SLUG})/routers", RoutersView),)
