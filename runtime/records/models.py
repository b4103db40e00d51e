"""Request records, the batches they came in, and which numbers of each router have come."""

import uuid

from django.db import models
from django.db.models import Q

from audit.fields import DocumentField
from audit.models import DIGEST_LENGTH, AppendedModel, GovernedModel, LogQuerySet
from registry.models import Environment, ModelVersion, Release, Router, UseCase
from registry.visibility import visible
from runtime.records.fields import OUTCOME, RAN, ROUTE, STATUSES

#: Characters of a name as routers give it.
NAME = 128


class RecordBatch(GovernedModel):
    """Records that came together: how many, between which ids, and the root over all of them.

    One entry of the log stands for the batch, so that each record can be proven by it and a lost
    one is missed. It makes no answer another: what was answered before still holds.
    """

    append_only = True
    moves_answers = False

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="record_batches")
    router = models.ForeignKey(Router, models.PROTECT, related_name="record_batches")
    received_at = models.DateTimeField()
    count = models.PositiveIntegerField()
    first_id = models.UUIDField()
    last_id = models.UUIDField()
    #: Of the Merkle tree (RFC 6962) over the records in the order of their ids.
    root = models.CharField(max_length=DIGEST_LENGTH)

    objects = visible()

    class Meta(GovernedModel.Meta):
        ordering = ("-received_at", "pk")
        constraints = [
            # A batch of nothing would be an entry that stands for nothing.
            models.CheckConstraint(condition=Q(count__gte=1), name="recordbatch_holds_some"),
        ]

    def __str__(self):
        return f"{self.count} records of {self.router}"


class RecordQuerySet(LogQuerySet):
    def visible_to(self, user):
        """Return records of use cases that `user` sees; those of no known one for all teams'."""
        if not user.grants:
            return self.none()
        if user.sees_all:
            return self
        return self.filter(use_case__in=UseCase.objects.visible_to(user).values("pk"))


def _link(to, **kwargs) -> models.ForeignKey:
    # No database constraint: it would cost every row of every batch a look-up of its own, in a
    # table that only the ingest writes, which has just read the row that it names.
    return models.ForeignKey(
        to, models.PROTECT, db_constraint=False, db_index=False, related_name="+", **kwargs
    )


class RequestRecord(AppendedModel):
    """What one router says of one attempt to serve a request: the route, or what came of it.

    Names and digests are as the router gave them; the links beside are what they were found to
    be. `unverified` is the code of what does not agree with what was published. What kind of thing
    each column holds is said in `runtime.records.fields`; none holds text of prompts or answers.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    batch = _link(RecordBatch)
    router = _link(Router)
    #: None: it came in a trace, and its router does not number those.
    router_seq = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=10)
    status = models.CharField(max_length=10)
    reason = models.CharField(max_length=60)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    skewed = models.BooleanField()
    request = models.CharField(max_length=NAME)
    attempt = models.PositiveSmallIntegerField()
    trace = models.CharField(max_length=32)
    conversation = models.CharField(max_length=NAME)
    user_hash = models.CharField(max_length=80)
    environment = _link(Environment)
    route = models.CharField(max_length=50)
    use_case = _link(UseCase, null=True)
    engine = models.CharField(max_length=NAME)
    generation = models.PositiveIntegerField(null=True)
    snapshot_digest = models.CharField(max_length=DIGEST_LENGTH)
    deployment = models.CharField(max_length=NAME)
    release_digest = models.CharField(max_length=DIGEST_LENGTH)
    release = _link(Release, null=True)
    model_version = _link(ModelVersion, null=True)
    prompts = DocumentField()
    policy_digest = models.CharField(max_length=DIGEST_LENGTH)
    #: What `prompts` and `policy_digest` hold, to be found by one of them. Not in the leaf.
    prompt_bundle = _link("Bundle", null=True)
    policy_bundle = _link("Bundle", null=True)
    served_release = models.CharField(max_length=NAME)
    failure = models.CharField(max_length=NAME)
    facts = DocumentField()
    tokens_in = models.PositiveIntegerField(null=True)
    tokens_out = models.PositiveIntegerField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)
    erased = DocumentField()
    masked = DocumentField()
    unverified = models.CharField(max_length=40)
    #: Of what the router sent, so that the same record again is known as such.
    payload_sha256 = models.CharField(max_length=DIGEST_LENGTH)
    #: Hash over all other columns: its place in the tree of its batch.
    leaf = models.CharField(max_length=64)

    left_in = "runtime.PrunedRecord"

    objects = RecordQuerySet.as_manager()

    class Meta(AppendedModel.Meta):
        verbose_name = "request record"
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["batch", "id"], name="record_batch"),
            models.Index(fields=["environment", "id"], name="record_environment"),
            models.Index(fields=["router", "id"], name="record_router"),
            models.Index(fields=["use_case", "id"], name="record_use_case"),
            models.Index(fields=["release", "id"], name="record_release"),
            models.Index(fields=["status", "id"], name="record_status"),
            models.Index(fields=["model_version", "id"], name="record_model_version"),
            models.Index(fields=["prompt_bundle", "id"], name="record_prompts"),
            models.Index(fields=["policy_bundle", "id"], name="record_policy"),
            models.Index(fields=["deployment", "id"], name="record_deployment"),
            models.Index(fields=["request"], name="record_request"),
            models.Index(fields=["trace"], condition=~Q(trace=""), name="record_trace"),
            models.Index(
                fields=["conversation"], condition=~Q(conversation=""), name="record_conversation"
            ),
            models.Index(
                fields=["environment", "router", "id"],
                condition=~Q(unverified=""),
                name="record_unverified",
            ),
        ]
        constraints = [
            # Under another status a record would be in no list, and in no count.
            models.CheckConstraint(
                condition=Q(kind=ROUTE, status__in=STATUSES[ROUTE])
                | Q(kind=OUTCOME, status__in=STATUSES[OUTCOME]),
                name="record_status_of_its_kind",
            ),
            # What ran without saying where and from which state cannot be explained. A trace says
            # less: without release and generation it would be no record.
            models.CheckConstraint(
                condition=~Q(status__in=RAN)
                | Q(router_seq__isnull=True) & (~Q(release_digest="") | Q(generation__isnull=False))
                | Q(
                    ~Q(deployment=""),
                    ~Q(release_digest=""),
                    ~Q(snapshot_digest=""),
                    generation__isnull=False,
                ),
                name="record_of_what_ran_says_what",
            ),
        ]

    def __str__(self):
        return f"{self.kind} of {self.request}"


class Bundle(models.Model):
    """What many records have in common and name many things by: prompts, or an effective policy.

    It follows from the records and their snapshots. Not governed.
    """

    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True)

    class Meta:
        default_permissions = ()

    def __str__(self):
        return self.digest


class BundleMember(models.Model):
    """One thing in a bundle: the digest of a prompt version, or a pack and number of policy."""

    bundle = models.ForeignKey(Bundle, models.PROTECT, related_name="members", db_index=False)
    name = models.CharField(max_length=NAME)

    class Meta:
        default_permissions = ()
        constraints = [
            # Twice in one bundle, it would be in two lists at once.
            models.UniqueConstraint(fields=["name", "bundle"], name="bundlemember_once"),
        ]

    def __str__(self):
        return self.name


class RecordCount(models.Model):
    """How many records of one hour have all these in common, so that nobody counts millions.

    Counted with the records, in their transaction; what retention takes away stays counted. The
    hour is that of the ids. Not governed: `audit_verify` holds it against the batches.
    """

    #: Hash over all that they have in common, so that absent is equal to absent.
    cell = models.CharField(max_length=64, primary_key=True)
    hour = models.DateTimeField()
    environment = _link(Environment)
    router = _link(Router)
    use_case = _link(UseCase, null=True)
    release = _link(Release, null=True)
    model_version = _link(ModelVersion, null=True)
    prompt_bundle = _link(Bundle, null=True)
    policy_bundle = _link(Bundle, null=True)
    deployment = models.CharField(max_length=NAME)
    status = models.CharField(max_length=10)
    doubtful = models.BooleanField()
    count = models.BigIntegerField()

    objects = RecordQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["hour"], name="recordcount_hour"),
            models.Index(fields=["router", "hour"], name="recordcount_router"),
            models.Index(fields=["use_case", "hour"], name="recordcount_use_case"),
            models.Index(fields=["release", "hour"], name="recordcount_release"),
            models.Index(fields=["model_version", "hour"], name="recordcount_model_version"),
            models.Index(fields=["prompt_bundle", "hour"], name="recordcount_prompts"),
            models.Index(fields=["policy_bundle", "hour"], name="recordcount_policy"),
        ]
        constraints = [
            # A cell of nothing would be drawn as something.
            models.CheckConstraint(condition=Q(count__gte=1), name="recordcount_of_some"),
        ]

    def __str__(self):
        return f"{self.count} {self.status}"


class SequenceSpan(models.Model):
    """Numbers of one router that have all come; what lies between two spans is missing.

    It follows from the records. Not governed.
    """

    router = models.ForeignKey(Router, models.PROTECT, related_name="spans")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    #: When the router made those two; None: it was not noted yet.
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            # Two spans with one beginning would count the numbers between them twice.
            models.UniqueConstraint(fields=["router", "first"], name="sequencespan_once"),
        ]

    def __str__(self):
        return f"{self.router_id}: {self.first} to {self.last}"
