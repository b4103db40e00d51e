"""Checkpoints: how long the log was and what its root was, signed, and sent out of the machine.

Whoever owns the database can rewrite log and head together. What they cannot rewrite is what has
left: so before anything is signed, the log is compared with the last checkpoint as a sink has it,
and where the two disagree nothing is signed any more.
"""

import base64
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction

from audit import clock, keys, tree
from audit.models import Checkpoint, CheckpointSink, Entry
from audit.verify_audit import (
    ED25519,
    LOSS_CONFIRMED,
    LOSS_DECLARED,
    SIGNATURE,
    Key,
    Losses,
    Malformed,
    checkpoint_text,
    epoch_origin,
    name_and_epoch,
    read_checkpoint,
    signers,
)
from audit.verify_audit import Checkpoint as Said

log = logging.getLogger("gatehouse.checkpoints")

#: The row that says how signing itself goes.
SIGNING = "signing"
#: Something that happened is signed for at the latest after this long.
EVERY = timedelta(minutes=10)


class Inconsistent(Exception):
    """The log is not the continuation of a checkpoint that was signed; nothing may be signed."""


def name() -> str:
    """Return the name of this log, which never changes."""
    return settings.CHECKPOINT_ORIGIN or f"{urlsplit(settings.GATEHOUSE_URL).netloc}/log"


def losses() -> Losses:
    """Return what was declared lost and confirmed, as the log itself says it; one query."""
    found = Losses(lambda code, sentence: log.critical("%s: %s", code, sentence))
    for seq, body in loss_entries():
        found.judge(seq, body)
    return found


def loss_entries() -> Iterator[tuple[int, dict]]:
    """Yield (number, body) of the entries that speak of losses, in their order."""
    rows = Entry.objects.filter(event__in=(LOSS_DECLARED, LOSS_CONFIRMED)).order_by("seq")
    for seq, text in rows.values_list("seq", "body"):
        try:
            body = json.loads(text)
            _ = body["event"], body["row"], body["about"]
        except (ValueError, KeyError, TypeError):
            continue  # reported where the log itself is read
        yield seq, body


def origin() -> str:
    """Return what stands in every checkpoint: the name, and after a loss which life of it this is.

    To the tools of transparency logs a log that lost entries is another log, and rightly so.
    """
    return epoch_origin(name(), losses().epoch)


def known_keys() -> list[Key]:
    """Return the public keys that ever signed here, those that are retired too.

    Raises `keys.NoKey` if they cannot be read.
    """
    return [Key(one.kid, keys.raw(one)) for one in keys.every()]


def verifier_keys() -> list[str]:
    """Return the published keys as other tools of C2SP take them: name, number and key."""
    signed_as, found = origin(), []
    for one in keys.published():
        key = Key(one.kid, keys.raw(one))
        coded = base64.b64encode(ED25519 + key.public).decode()
        found.append(f"{signed_as}+{key.id_for(signed_as).hex()}+{coded}")
    return found


def sign_note(signed_as: str, size: int, root: bytes, now: datetime) -> str:
    """Return the checkpoint as a signed note, by every key whose time has come.

    During a rotation both keys sign, so that whoever knows one of them is served. Raises
    `keys.NoKey`.
    """
    keys.signing(now)  # says what is missing
    text = checkpoint_text(signed_as, size, root)
    lines = []
    for one in keys.published():
        if one.signs_from <= now:
            number = Key(one.kid, keys.raw(one)).id_for(signed_as)
            signature = base64.b64encode(number + one.private.sign(text.encode())).decode()
            lines.append(f"{SIGNATURE}{signed_as} {signature}\n")
    return f"{text}\n{''.join(lines)}"


def latest() -> Checkpoint | None:
    """Return the checkpoint over the most entries, the newest if there are several."""
    return Checkpoint.objects.order_by("-size", "-pk").first()


def covering(seq: int) -> Checkpoint | None:
    """Return the latest checkpoint, if it covers entry `seq`."""
    found = latest()
    return found if found is not None and found.size > seq else None


@dataclass(frozen=True)
class Taken:
    """What became of an attempt: the checkpoint there is now, and whether it was made by it."""

    checkpoint: Checkpoint | None
    new: bool


def take() -> Taken:
    """Sign the log as it stands, unless that is done, and offer it to every sink.

    Raises `Inconsistent` after having kept the alarm, `keys.NoKey`, and `OSError` for a sink that
    cannot be read back: what cannot be compared is not signed over.
    """
    from audit import sinks

    now, last, lost = clock.now(), latest(), losses()
    try:
        signed = _signed(last)
        # Read after what was signed: whoever else signs meanwhile signs over what is read here.
        current = tree.state()
        _judge(current, signed, lost)
    except (Inconsistent, tree.TreeBroken) as error:
        _note(now, str(error), alarm=True)
        log.critical("No checkpoint is signed: %s", error)
        raise Inconsistent(str(error)) from error
    if current.size == 0:
        return Taken(last, new=False)
    try:
        note = sign_note(epoch_origin(name(), lost.epoch), current.size, current.root, now)
    except keys.NoKey as error:
        _note(now, str(error), alarm=False)
        raise
    if last is not None and last.size == current.size and last.note == note:
        _note(now, "", alarm=False)
        return Taken(last, new=False)
    made = Checkpoint(size=current.size, root=current.root, note=note, signed_at=now)
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError:
        # Another process signed the same at the same moment.
        return Taken(latest(), new=False)
    _note(now, "", alarm=False, size=made.size)
    sinks.deliver_all()
    return Taken(made, new=True)


def attempt() -> Checkpoint | None:
    """Take a checkpoint where a failure must not undo what was done; what failed is kept and shown.

    For `transaction.on_commit`: the signature stands, and `tick` tries again.
    """
    try:
        return take().checkpoint
    except Exception as error:
        if not isinstance(error, Inconsistent | keys.NoKey):
            log.exception("No checkpoint was taken")
        return None


def due() -> str:
    """Take a checkpoint if anything happened since the last one; a job of `tick`."""
    taken = take()
    if taken.checkpoint is None:
        return "the log is empty"
    return f"{'signed' if taken.new else 'nothing new since'} {taken.checkpoint.size} entries"


def alarm() -> str:
    """Return why nothing is signed any more, if the log disagrees with a checkpoint of its own."""
    found = CheckpointSink.objects.filter(alarm=True).order_by("name").first()
    return found.error if found else ""


def read_ours(note: str) -> Said:
    """Return what a checkpoint of this log says, its signature unjudged. Raises `Malformed`."""
    said = read_checkpoint(note)
    if name_and_epoch(said.origin)[0] != name():
        raise Malformed(f"It is of the log {said.origin}, not of {name()}.")
    return said


def judge_note(note: str, known: list[Key]) -> Said:
    """Return what a checkpoint of this log says. Raises `Malformed` if it is none of ours."""
    said = read_ours(note)
    if not signers(said, known):
        raise Malformed("It is not signed by a key of this server.")
    return said


def _signed(last: Checkpoint | None) -> list[tuple[Said, str]]:
    """Return (checkpoint, where) of what was signed before, as a sink and as we have it."""
    from audit import sinks

    found = sinks.read_back()
    if last is not None:
        found.append((read_checkpoint(last.note), "The last checkpoint in the database"))
    return found


def _judge(current: tree.State, signed: list[tuple[Said, str]], lost: Losses) -> None:
    """Raise `Inconsistent` unless the log continues what was signed, or two declared its loss."""
    for said, where in signed:
        wrong = disagreement(said, where, current)
        if wrong and lost.of(name_and_epoch(said.origin)[1], said.size) is None:
            raise Inconsistent(wrong)


def disagreement(said: Said, where: str, current: tree.State) -> str:
    """Return how the log differs from a checkpoint, or nothing. Raises `Inconsistent`."""
    if said.size > current.size:
        return f"{where} is over {said.size} entries; the log has {current.size}. Entries are gone."
    proof = tree.consistency(said.size, current.size)
    if proof.second_root != current.root:
        raise Inconsistent("The head of the log has another root than its entries.")
    if proof.first_root != said.root:
        return (
            f"{where} was signed over {said.size} entries that are not the first {said.size} of "
            "the log now. Entries were rewritten."
        )
    return ""


def _note(now: datetime, error: str, *, alarm: bool, size: int | None = None) -> None:
    """Keep how signing went."""
    values = {"tried_at": now, "error": error, "alarm": alarm}
    if not error:
        values["at"] = now
    if size is not None:
        values["size"] = size
    CheckpointSink.objects.update_or_create(name=SIGNING, defaults=values)
