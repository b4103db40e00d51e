"""Proofs and checkpoints, for whoever checks the log without trusting this server."""

import re

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import Reason, checkpoints, keys, sinks, tree
from audit.api.answers import Answers
from audit.api.entries import reads_the_log, sees_row
from audit.models import Checkpoint, Entry
from audit.refusals import Conflict, NotUnderstood, Refused
from audit.rules import instant_text

NUMBER = re.compile(r"[0-9]{1,18}")


class Missing(Refused):
    """There is no such thing yet."""

    status = 404


class Hashes(serializers.ListField):
    child = serializers.CharField(help_text="64 hexadecimal digits.")


class InclusionSerializer(serializers.Serializer):
    seq = serializers.IntegerField()
    size = serializers.IntegerField(help_text="Of the log that the proof is for.")
    leaf = serializers.CharField(help_text="SHA-256 over a zero byte and the entry's body.")
    root = serializers.CharField()
    path = Hashes(help_text="From the leaf's sibling up (RFC 9162, 2.1.3).")
    checkpoint = serializers.CharField(
        allow_null=True, help_text="The signed note over this very size, if there is one."
    )


class ConsistencySerializer(serializers.Serializer):
    first = serializers.IntegerField()
    second = serializers.IntegerField()
    first_root = serializers.CharField()
    second_root = serializers.CharField()
    path = Hashes(help_text="RFC 9162, 2.1.4.")


class CheckpointSerializer(serializers.Serializer):
    origin = serializers.CharField()
    size = serializers.IntegerField()
    root = serializers.CharField()
    signed_at = serializers.CharField()
    note = serializers.CharField(help_text="The C2SP signed note; the same as text/plain.")
    keys = serializers.ListField(
        child=serializers.CharField(),
        help_text="Verifier keys of C2SP's signed notes, as published.",
    )


def _number(view, name: str, default: int | None = None) -> int:
    given = view.request.query_params.get(name)
    if given is None and default is not None:
        return default
    if given is None or not NUMBER.fullmatch(given):
        sentence = f"Give “{name}” as a whole number of entries."
        raise NotUnderstood(Reason("NOT_A_NUMBER", sentence, name))
    return int(given)


def _within(number: int, size: int, name: str) -> int:
    if number > size:
        sentence = f"The log has {size} entries; “{name}” is more than that."
        raise Refused(Reason("TOO_LARGE", sentence, name))
    return number


def _proved(make):
    """Return what `make` returns, or refuse in words if the stored hashes do not agree."""
    try:
        return make()
    except tree.TreeBroken as error:
        raise Conflict(Reason("TREE_BROKEN", f"Nothing can be proved: {error}")) from error


class EntryProofView(Answers, APIView):
    """The proof that one entry is in the log; for whoever may read the entry.

    Without `size` it is for the newest checkpoint that holds the entry, or for the log as it is.
    """

    def parameters(self):
        return frozenset({"size"})

    @extend_schema(
        operation_id="audit_entry_proof",
        responses=InclusionSerializer,
        parameters=[
            OpenApiParameter("size", int, description="Entries of the log to prove it for.")
        ],
    )
    def get(self, request, seq):
        seq = int(seq)
        entry = Entry.objects.filter(pk=seq).first()
        if entry is None or not (
            reads_the_log(request.user) or sees_row(request.user, entry.about)
        ):
            raise Http404
        found = checkpoints.covering(seq)
        size = _number(self, "size", found.size if found else 0) or tree.state().size
        _within(size, tree.state().size, "size")
        if size <= seq:
            sentence = f"Entry {seq} is not among the first {size}. Give a larger size."
            raise Refused(Reason("TOO_SMALL", sentence, "size"))
        proof = _proved(lambda: tree.inclusion(seq, size))
        signed = Checkpoint.objects.filter(size=size).order_by("-pk").first()
        return Response(
            {
                "seq": seq,
                "size": size,
                "leaf": proof.leaf.hex(),
                "root": proof.root.hex(),
                "path": [one.hex() for one in proof.path],
                "checkpoint": signed.note if signed else None,
            }
        )


class ConsistencyView(Answers, APIView):
    """The proof that the log only grew between two sizes; for every reader: it names no entry."""

    def parameters(self):
        return frozenset({"first", "second"})

    @extend_schema(
        operation_id="audit_consistency",
        responses=ConsistencySerializer,
        parameters=[
            OpenApiParameter("first", int, required=True, description="Entries of the older log."),
            OpenApiParameter("second", int, description="Of the newer; without it, of all."),
        ],
    )
    def get(self, request):
        size = tree.state().size
        first = _number(self, "first")
        second = _within(_number(self, "second", size), size, "second")
        if first > second:
            sentence = f"A log does not shrink from {first} entries to {second}."
            raise Refused(Reason("TOO_LARGE", sentence, "first"))
        proof = _proved(lambda: tree.consistency(first, second))
        return Response(
            {
                "first": first,
                "second": second,
                "first_root": proof.first_root.hex(),
                "second_root": proof.second_root.hex(),
                "path": [one.hex() for one in proof.path],
            }
        )


class NoteRenderer(BaseRenderer):
    """The note itself, as the tools of transparency logs read it."""

    media_type = "text/plain"
    format = "txt"
    charset = "utf-8"

    def render(self, data, accepted_media_type=None, renderer_context=None):
        return data["note"].encode()


class CheckpointView(Answers, APIView):
    """The newest checkpoint, or with `size` the first over at least so many entries.

    Pull it every few minutes and keep it: what left this machine cannot be rewritten on it.
    JSON, or with `Accept: text/plain` the signed note alone.
    """

    renderer_classes = (JSONRenderer, NoteRenderer)

    def parameters(self):
        return frozenset({"size"})

    @extend_schema(
        operation_id="audit_checkpoint",
        responses={
            (200, "application/json"): CheckpointSerializer,
            (200, "text/plain"): str,
        },
        parameters=[
            OpenApiParameter("size", int, description="The first over at least so many entries.")
        ],
    )
    def get(self, request):
        wanted = _number(self, "size", 0)
        if wanted:
            found = Checkpoint.objects.filter(size__gte=wanted).order_by("size", "-pk").first()
        else:
            found = checkpoints.latest()
        if found is None:
            sentence = "No checkpoint over so many entries was signed yet. Come back later."
            raise Missing(Reason("NOT_FOUND", sentence, "size" if wanted else ""))
        if not wanted:
            sinks.note_pulled(found.size)
        try:
            published = checkpoints.verifier_keys()
        except keys.NoKey:
            published = []
        return Response({**as_json(found), "keys": published})


def as_json(found: Checkpoint) -> dict:
    """Return a checkpoint as the API writes it."""
    return {
        "origin": found.note.partition("\n")[0],
        "size": found.size,
        "root": bytes(found.root).hex(),
        "signed_at": instant_text(found.signed_at),
        "note": found.note,
    }
