"""How the discussion of a promotion, and what is assigned of it, are written in answers."""

from audit.serializers import Named, RowSerializer
from gates.models import Assignment, Comment, Promotion, Thread
from gates.pages.discussion import COMMENTS, THREADS


class CommentSerializer(RowSerializer):
    author = Named("username")

    class Meta:
        model = Comment
        fields = ("id", "author", "text", "written_at")


class ThreadSerializer(RowSerializer):
    """A thread: about the promotion (""), "finding:<gate>.<code>" or "evidence:<id>"."""

    opened_by = Named("username")
    resolved_by = Named("username")
    comments = CommentSerializer(many=True, read_only=True, source="shown")

    class Meta:
        model = Thread
        fields = (
            "id",
            "subject",
            "opened_by",
            "opened_at",
            "resolved_by",
            "resolved_at",
            "comments",
        )


class AssignmentSerializer(RowSerializer):
    assignee = Named("username")
    assigned_by = Named("username")

    class Meta:
        model = Assignment
        fields = (
            "id",
            "finding",
            "sentence",
            "assignee",
            "due_on",
            "assigned_by",
            "assigned_at",
            "done_at",
            "withdrawn_at",
        )


def describe_talk(promotion: Promotion) -> None:
    """Set on `promotion` its newest threads with their comments, and what is assigned of it."""
    rows = promotion.threads.select_related("opened_by", "resolved_by").order_by("-pk")
    promotion.talk = list(rows[:THREADS])
    said: dict[int, list[Comment]] = {one.pk: [] for one in promotion.talk}
    comments = Comment.objects.filter(thread__in=promotion.talk).select_related("author")
    for one in sorted(comments.order_by("-pk")[:COMMENTS], key=lambda one: one.pk):
        said[one.thread_id].append(one)
    for one in promotion.talk:
        one.shown = said[one.pk]
    assigned = promotion.assignments.select_related("assignee", "assigned_by")
    promotion.assigned = list(assigned.order_by("-pk")[:THREADS])
