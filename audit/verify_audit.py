#!/usr/bin/env python3
"""Check what Gatehouse recorded without Gatehouse: one file, to be taken away.

    python verify_audit.py export FOLDER_OR_ZIP --keys gatehouse-keys.json [--checkpoint FILE …]
    python verify_audit.py receipt FILE.tlog-proof --keys gatehouse-keys.json [--record FILE.json]

It needs Python 3.11 and the package `cryptography`, no network and no database. `--keys` is the
public keys as the server publishes them, kept from an earlier day or got from somebody you trust:
keys that came with the export prove nothing about whoever made the export. `--checkpoint` is a
checkpoint that left the server earlier (a receipt, a line of the checkpoint file, an answer of the
API); the more of them come from elsewhere, the less the server could have rewritten.

Exit 0: everything holds. Exit 1: something does not, and is named. Exit 2: could not check all.
Exit 3: what is there holds, but the log once lost entries and went on; each such loss is named.

Formats are public: the tree of RFC 6962 and 9162, notes and checkpoints of C2SP (signed-note,
tlog-checkpoint, tlog-proof).
"""

import argparse
import base64
import hashlib
import json
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

# --- The tree of RFC 6962, section 2.1 ------------------------------------------------------------

HASH = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(body: bytes) -> bytes:
    """Return the hash of one leaf (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def push(peaks: list[bytes], size: int, leaf: bytes) -> None:
    """Add one leaf hash to the peaks of a tree of `size` leaves, in place."""
    peaks.append(leaf)
    while size & 1:
        right, left = peaks.pop(), peaks.pop()
        peaks.append(node_hash(left, right))
        size >>= 1


def root_of(peaks: list[bytes]) -> bytes:
    """Return the root hash of the tree that the peaks (its perfect subtrees) stand for."""
    if not peaks:
        return EMPTY_ROOT
    *rest, result = peaks
    for peak in reversed(rest):
        result = node_hash(peak, result)
    return result


def inclusion_holds(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> bool:
    """Whether `path` proves that `leaf` is entry `index` of the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not all(len(one) == HASH for one in (leaf, root, *path)):
        return False
    place, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            result = node_hash(sibling, result)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and result == root


def consistency_holds(
    first: int, second: int, path: list[bytes], first_root: bytes, second_root: bytes
) -> bool:
    """Whether `path` proves that the first tree is how the second began (RFC 9162, 2.1.4.2)."""
    if not 0 <= first <= second:
        return False
    if not all(len(one) == HASH for one in (first_root, second_root, *path)):
        return False
    if first == second:
        return not path and first_root == second_root and (first > 0 or first_root == EMPTY_ROOT)
    if first == 0:
        return not path and first_root == EMPTY_ROOT
    if not path:
        return False
    if first & (first - 1) == 0:
        path = [first_root, *path]
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


# --- Signed notes, checkpoints and receipts (C2SP) ------------------------------------------------

ED25519 = b"\x01"
SIGNATURE = "\u2014 "
MOST_SIGNATURES = 16
RECEIPT = "c2sp.org/tlog-proof@v1"


class Malformed(ValueError):
    """A file is not of the form it should have; the text says how."""


@dataclass(frozen=True)
class Key:
    """A public key: its name for people, and its 32 bytes."""

    kid: str
    public: bytes

    def id_for(self, name: str) -> bytes:
        """Return the four bytes by which a note signed under `name` tells this key."""
        return hashlib.sha256(name.encode() + b"\n" + ED25519 + self.public).digest()[:4]


@dataclass(frozen=True)
class Checkpoint:
    """How long a log is and what its root is, as its server signed it."""

    origin: str
    size: int
    root: bytes
    text: str
    #: (name, key id, signature) for each line
    signatures: tuple[tuple[str, bytes, bytes], ...]


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """Return the text of a checkpoint that is signed (C2SP tlog-checkpoint)."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def read_checkpoint(note: str) -> Checkpoint:
    """Return what a signed note says; its signatures are not judged. Raises `Malformed`."""
    text, blank, lines = note.rpartition("\n\n")
    text += "\n"
    signatures = []
    if not blank or not lines.endswith("\n") or any(ord(one) < 32 and one != "\n" for one in note):
        raise Malformed("This is no signed note.")
    for line in lines[:-1].split("\n"):
        name, _, coded = line.removeprefix(SIGNATURE).partition(" ")
        raw = _base64(coded)
        if not line.startswith(SIGNATURE) or not name or len(raw) < 5:
            raise Malformed("A signature of the note cannot be read.")
        signatures.append((name, raw[:4], raw[4:]))
    if len(signatures) > MOST_SIGNATURES:
        raise Malformed(f"The note has more than {MOST_SIGNATURES} signatures.")
    said = text.split("\n")
    if len(said) < 4 or not all(said[:3]):
        raise Malformed("The note is no checkpoint: it has no origin, size and root.")
    origin, size, coded = said[:3]
    root = _base64(coded)
    if not _is_number(size) or len(root) != HASH:
        raise Malformed("The note is no checkpoint: its size or its root cannot be read.")
    return Checkpoint(origin, int(size), root, text, tuple(signatures))


def signers(checkpoint: Checkpoint, keys: Iterable[Key]) -> list[str]:
    """Return the names of the keys that signed; none of them, or one that fails, is no signature.

    Signatures of unknown keys count for nothing and against nothing.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    known = {key.id_for(checkpoint.origin): key for key in keys}
    found = []
    for name, number, signature in checkpoint.signatures:
        key = known.get(number)
        if name != checkpoint.origin or key is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(
                signature, checkpoint.text.encode()
            )
        except (InvalidSignature, ValueError):
            return []
        found.append(key.kid)
    return found


@dataclass(frozen=True)
class Receipt:
    """One entry of the log with the proof that a checkpoint holds it."""

    body: bytes
    index: int
    path: list[bytes]
    note: str


def receipt_text(receipt: Receipt) -> str:
    """Return a receipt as a file (C2SP tlog-proof); the entry's text stands in `extra`."""
    lines = [RECEIPT, f"extra {base64.b64encode(receipt.body).decode()}", f"index {receipt.index}"]
    lines += [base64.b64encode(one).decode() for one in receipt.path]
    return "\n".join(lines) + "\n\n" + receipt.note


def read_receipt(text: str) -> Receipt:
    """Return what a receipt says, unjudged. Raises `Malformed`."""
    head, blank, note = text.replace("\r\n", "\n").partition("\n\n")
    lines = head.split("\n")
    if not blank or lines[0] != RECEIPT or len(lines) < 3:
        raise Malformed(f"This is no receipt: it does not begin with {RECEIPT}.")
    extra, index = lines[1].removeprefix("extra "), lines[2].removeprefix("index ")
    if extra == lines[1] or index == lines[2] or not _is_number(index):
        raise Malformed("The receipt does not say which entry it is about.")
    return Receipt(_base64(extra), int(index), [_base64(one) for one in lines[3:]], note)


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Malformed(f"“{text[:40]}” is no base64.") from None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")


def read_keys(text: str) -> list[Key]:
    """Return the Ed25519 keys of a JWK Set, such as the server publishes. Raises `Malformed`."""
    try:
        found = []
        for key in json.loads(text)["keys"]:
            if key.get("crv") != "Ed25519":
                continue
            raw = base64.urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4))
            if len(raw) != HASH:
                raise ValueError
            found.append(Key(key["kid"], raw))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Malformed("The keys are no JWK Set as Gatehouse publishes it.") from None
    return found


def read_notes(text: str) -> list[str]:
    """Return the checkpoints in a file: one note, a receipt, a JSON answer, or a file of lines."""
    text = text.replace("\r\n", "\n")
    if text.startswith(RECEIPT):
        return [read_receipt(text).note]
    if not text.lstrip().startswith("{"):
        return [text]
    try:
        return [json.loads(text)["note"]]
    except ValueError:
        pass
    except (KeyError, TypeError):
        raise Malformed("This is no file of checkpoints.") from None
    *lines, last = text.split("\n")
    try:
        return [json.loads(line)["note"] for line in lines if line.strip()] + (
            [json.loads(last)["note"]] if last.strip() else []
        )
    except (ValueError, KeyError, TypeError):
        raise Malformed("A line of this file is no checkpoint.") from None


# --- What two people declared lost ----------------------------------------------------------------

#: A log that lost entries goes on under another origin: its own, and which part of its life it is.
EPOCH = "/epoch-"
LOSS_DECLARED, LOSS_CONFIRMED = "loss.declared", "loss.confirmed"


def name_and_epoch(origin: str) -> tuple[str, int]:
    """Return the name of a log, and in which part of its life it had this origin; 1 is the first.

    Each part ends where entries were lost that a checkpoint outside had been signed over.
    """
    name, _, number = origin.rpartition(EPOCH)
    if name and _is_number(number) and len(number) < 7 and int(number) > 1:
        return name, int(number)
    return origin, 1


def epoch_origin(name: str, epoch: int) -> str:
    """Return the origin of a log called `name` in one part of its life."""
    return name if epoch == 1 else f"{name}{EPOCH}{epoch}"


@dataclass(frozen=True)
class Loss:
    """What one person declared lost and another confirmed, as the log itself says it."""

    #: Number of the entry that confirms it, and the part of the log's life that began with it.
    seq: int
    epoch: int
    #: Entries that were not lost, and the root over them.
    kept: int
    kept_root: bytes
    #: What had been signed: by epoch, over how many entries at most; and those very notes.
    ended: tuple[tuple[int, int], ...]
    notes: tuple[str, ...]
    declared_by: str
    confirmed_by: str
    at: str

    def covers(self, epoch: int, size: int) -> bool:
        """Whether a checkpoint of that epoch over `size` entries reaches into what was lost."""
        return self.kept < size <= dict(self.ended).get(epoch, 0)

    def __str__(self) -> str:
        upto = max(size for _, size in self.ended) - 1
        which = f"Entry {self.kept}" if upto == self.kept else f"Entries {self.kept} to {upto}"
        return (
            f"{which}, which had been signed, were lost in a restore: declared by "
            f"{self.declared_by}, confirmed by {self.confirmed_by} at {self.at} (entry {self.seq})."
        )

    def about(self, where: str, size: int, more: int = 0) -> str:
        """Return what is to be said of a checkpoint that reaches into what was lost.

        `more` are smaller ones from the same place, of which the same holds.
        """
        others = f" ({more} smaller ones of it too)" if more else ""
        return (
            f"{where}, over {size} entries{others}, belongs to the part lost in the restore "
            f"declared by {self.declared_by} and {self.confirmed_by} at {self.at}: it cannot be "
            "verified any more. Ask both of them, and whoever else kept what was signed."
        )


class Losses:
    """Collects from the entries of a log, in their order, what was declared lost.

    What is not as the rules want it counts for nothing, and is told to `wrong`: a loss takes two
    people who say the same, and what was signed must be what they say it was.
    """

    def __init__(self, wrong: Callable[[str, str], object]):
        self.found: list[Loss] = []
        self._wrong = wrong
        self._declared: dict[str, dict] = {}

    @property
    def epoch(self) -> int:
        """The part of its life that the log is in."""
        return self.found[-1].epoch if self.found else 1

    def judge(self, number: int, body: dict) -> None:
        """Take in one entry of the log; those that speak of other things are passed over."""
        if body["event"] == LOSS_DECLARED:
            self._declared[body["row"]] = body
        elif body["event"] == LOSS_CONFIRMED:
            declared = self._declared.get(body["about"])
            try:
                self._confirm(number, declared, body)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                self._wrong("LOSS", f"Entry {number} declares a loss that does not hold: {error}")

    def _confirm(self, number: int, declared: dict | None, body: dict) -> None:
        if declared is None:
            raise ValueError("nobody declared it before it was confirmed.")
        one, other = declared["actor"], body["actor"]
        if one["id"] is None or other["id"] is None or one["id"] == other["id"]:
            raise ValueError("declaring and confirming it takes two people.")
        said = body["facts"]["loss"]
        if said != declared["facts"]["loss"]:
            raise ValueError("what was confirmed is not what was declared.")
        ended, notes = self._ended(said)
        if said["epoch"] <= max(self.epoch, *ended) or not 0 <= said["kept"]["size"] < number:
            raise ValueError("it does not end what was signed before it.")
        if not said["kept"]["size"] < min(ended.values()):
            raise ValueError("nothing that was signed is lost by it.")
        self.found.append(
            Loss(
                number,
                said["epoch"],
                said["kept"]["size"],
                bytes.fromhex(said["kept"]["root"].removeprefix("sha256:")),
                tuple(sorted(ended.items())),
                notes,
                one["name"],
                other["name"],
                body["at"],
            )
        )

    def _ended(self, said: dict) -> tuple[dict[int, int], tuple[str, ...]]:
        """Return what the notes inside a declaration say: they are what was signed."""
        notes = tuple(said["ended"])
        ended: dict[int, int] = {}
        for note in notes:
            checkpoint = read_checkpoint(note)
            _, epoch = name_and_epoch(checkpoint.origin)
            ended[epoch] = max(checkpoint.size, ended.get(epoch, 0))
        if not ended:
            raise ValueError("it names nothing that was signed.")
        return ended, notes

    def of(self, epoch: int, size: int) -> Loss | None:
        """Return the loss that a checkpoint reaches into, if there is one."""
        return next((one for one in self.found if one.covers(epoch, size)), None)


# --- What was found -------------------------------------------------------------------------------

#: Findings of one code that are printed; all are counted.
NAMED = 20


@dataclass
class Findings:
    """What holds, what does not, what could not be checked, and what was declared lost."""

    held: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def wrong(self, code: str, sentence: str) -> None:
        self.counts[code] = self.counts.get(code, 0) + 1
        if self.counts[code] <= NAMED:
            self.broken.append((code, sentence))

    @property
    def exit_code(self) -> int:
        return 1 if self.counts else 3 if self.lost else 2 if self.not_checked else 0

    def say(self, out: IO[str]) -> None:
        for sentence in self.held:
            out.write(f"HOLDS        {sentence}\n")
        for sentence in self.lost:
            out.write(f"LOST         {sentence}\n")
        for code, sentence in self.broken:
            out.write(f"DOES NOT     {code}: {sentence}\n")
        for code, count in self.counts.items():
            if count > NAMED:
                out.write(f"DOES NOT     {code}: and {count - NAMED} more like this.\n")
        for sentence in self.not_checked:
            out.write(f"NOT CHECKED  {sentence}\n")


# --- A receipt ------------------------------------------------------------------------------------


def check_receipt(text: str, keys: list[Key], record: bytes | None = None) -> Findings:
    """Check one receipt, and with `record` that the signature it came with is the one logged."""
    found = Findings()
    try:
        receipt = read_receipt(text)
        checkpoint = read_checkpoint(receipt.note)
        body = json.loads(receipt.body)
        said = f"{body['event']} by {body['actor']['name']} at {body['at']}"
        reason = body["reason"]
    except (Malformed, ValueError, KeyError, TypeError) as error:
        found.wrong("RECEIPT_UNREADABLE", f"The receipt cannot be read: {error}")
        return found
    leaf = leaf_hash(receipt.body)
    if inclusion_holds(leaf, receipt.index, checkpoint.size, receipt.path, checkpoint.root):
        found.held.append(
            f"Entry {receipt.index} of {checkpoint.origin} is in the log of "
            f"{checkpoint.size} entries: {said}, reason “{reason}”."
        )
    else:
        found.wrong("NOT_INCLUDED", f"The proof does not lead from the entry ({said}) to the root.")
    if body.get("seq") != receipt.index:
        found.wrong("ENTRY_NUMBER", f"The entry says it is {body.get('seq')}, its place another.")
    _judge_signature(found, checkpoint, keys, "The receipt's checkpoint")
    if record is not None:
        _judge_record(found, record, receipt, body)
    return found


def _judge_signature(found: Findings, checkpoint: Checkpoint, keys: list[Key], what: str) -> None:
    names = signers(checkpoint, keys)
    if names:
        found.held.append(
            f"{what} ({checkpoint.size} entries) is signed by the key {names[0]}"
            + (f" and {len(names) - 1} more." if names[1:] else ".")
        )
    elif not keys:
        found.not_checked.append(f"{what} has signatures, but no keys were given to judge them.")
    else:
        found.wrong(
            "SIGNATURE", f"{what} ({checkpoint.size} entries) is not signed by any key given."
        )


def _judge_record(found: Findings, record: bytes, receipt: Receipt, body: dict) -> None:
    try:
        document = json.loads(record)
        text = document["record"]
        said = json.loads(text)
        package = said["package"]
        same = said["entry"]["body"].encode() == receipt.body
        digests = (
            document["digest"] == _digest(text.encode())
            and package["digest"] == _digest(package["content"].encode())
            and package["digest"] == body["facts"]["package"]
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        found.wrong("RECORD_UNREADABLE", "The signature record cannot be read.")
        return
    if same and digests:
        found.held.append(
            f"The signature record is of this entry, and the package that was signed has the "
            f"digest {package['digest']}."
        )
    else:
        found.wrong(
            "RECORD", "The signature record is not what the entry stands for: bytes were changed."
        )


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


# --- An export ------------------------------------------------------------------------------------

ENTRIES, CHECKPOINTS, KEYS, MANIFEST = (
    "entries.ndjson",
    "checkpoints.ndjson",
    "keys.json",
    "manifest.json",
)


class Source:
    """The files of an export, in a folder or in a ZIP archive."""

    def __init__(self, path: Path):
        self._folder = path if path.is_dir() else None
        self._archive = None if self._folder else zipfile.ZipFile(path)

    def names(self) -> set[str]:
        if self._folder:
            files = (one for one in self._folder.rglob("*") if one.is_file())
            return {one.relative_to(self._folder).as_posix() for one in files}
        return {one for one in self._archive.namelist() if not one.endswith("/")}

    def open(self, name: str) -> IO[bytes]:
        if self._folder:
            return (self._folder / name).open("rb")
        return self._archive.open(name)

    def text(self, name: str) -> str:
        with self.open(name) as file:
            return file.read().decode()


def check_export(path: Path, keys: list[Key], earlier: list[tuple[str, str]]) -> Findings:
    """Check a whole export; `earlier` are (where it is from, note) of checkpoints kept outside."""
    found = Findings()
    try:
        source = Source(path)
        manifest = json.loads(source.text(MANIFEST))
        size, root = manifest["size"], bytes.fromhex(manifest["root"].removeprefix("sha256:"))
        listed = {name: (one["sha256"], one["bytes"]) for name, one in manifest["files"].items()}
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError) as error:
        found.wrong("MANIFEST", f"The export's {MANIFEST} cannot be read: {error}")
        return found
    names = source.names()
    for name in sorted({ENTRIES, CHECKPOINTS} - names):
        found.wrong("FILE_MISSING", f"{name} is missing from the export.")
    if found.counts:
        return found
    claims, covered = _checkpoints(found, source, keys, earlier)
    log = _Log(found)
    roots = log.read(source, {claim.size for claim in claims})
    _judge_losses(found, source, log, keys, claims)
    _judge_origins(found, claims, log.losses)
    _judge_roots(found, claims, roots, log)
    if keys and covered < log.size:
        found.not_checked.append(
            f"Entries from {covered} on are covered by no checkpoint that a key given signed."
        )
    if (log.size, log.root) == (size, root):
        found.held.append(f"{size} entries, one behind the other, have the root {root.hex()}.")
    else:
        found.wrong(
            "ROOT",
            f"The manifest says {size} entries with root {root.hex()}; there are "
            f"{log.size} with root {log.root.hex()}.",
        )
    _judge_files(found, source, names, listed, {ENTRIES: log.sha256})
    return found


@dataclass(frozen=True)
class _Claim:
    """A checkpoint, and where it is from."""

    where: str
    origin: str
    size: int
    root: bytes

    @property
    def inside(self) -> bool:
        return self.where == INSIDE


INSIDE = "the export"


def _checkpoints(
    found: Findings, source: Source, keys: list[Key], earlier: list[tuple[str, str]]
) -> tuple[list[_Claim], int]:
    """Return what checkpoints say, and up to where a key given signed inside the export."""
    claims: list[_Claim] = []
    unknown, signed, covered = 0, 0, 0
    inside = [(INSIDE, note) for note in _lines(found, source)]
    for where, note in inside + earlier:
        try:
            checkpoint = read_checkpoint(note)
        except Malformed as error:
            found.wrong("CHECKPOINT_UNREADABLE", f"A checkpoint of {where} cannot be read: {error}")
            continue
        if signers(checkpoint, keys):
            signed += 1
            covered = max(covered, checkpoint.size)
        elif where == INSIDE:
            unknown += 1
        elif keys:
            found.wrong(
                "SIGNATURE",
                f"The checkpoint of {where} ({checkpoint.size} entries) is not signed by any "
                "key given.",
            )
        claims.append(_Claim(where, checkpoint.origin, checkpoint.size, checkpoint.root))
    _judge_signers(found, bool(keys), signed, unknown, bool(inside))
    if not inside:
        found.not_checked.append("The export holds no checkpoint: nobody signed this log.")
    if not earlier:
        found.not_checked.append(
            "No checkpoint from elsewhere was given (--checkpoint): a log that was rewritten whole "
            "and signed anew would look like this one."
        )
    return claims, covered


def _judge_signers(
    found: Findings, keys_given: bool, signed: int, unknown: int, inside: bool
) -> None:
    if not keys_given:
        found.not_checked.append("No signature was judged: no keys were given (--keys).")
    else:
        if signed:
            found.held.append(f"{_many(signed)} signed by a key given.")
        elif inside:
            found.wrong("SIGNATURE", "No checkpoint of the export is signed by a key given.")
        if signed and unknown:
            found.held.append(
                f"{_many(unknown)} signed by keys that were not given; their roots were compared "
                "all the same."
            )


def _many(count: int) -> str:
    return "1 checkpoint is" if count == 1 else f"{count} checkpoints are"


def _lines(found: Findings, source: Source) -> list[str]:
    notes = []
    for number, line in enumerate(source.text(CHECKPOINTS).splitlines(), 1):
        try:
            notes.append(json.loads(line)["note"])
        except (ValueError, KeyError, TypeError):
            found.wrong("CHECKPOINT_UNREADABLE", f"{CHECKPOINTS}, line {number} cannot be read.")
    return notes


def _judge_losses(
    found: Findings, source: Source, log: "_Log", keys: list[Key], claims: list[_Claim]
) -> None:
    """Say what was declared lost, always, and whether it is what was signed that was lost."""
    if not log.losses.found:
        return
    roots = _roots_at(source, {loss.kept for loss in log.losses.found})
    names = {name_and_epoch(claim.origin)[0] for claim in claims}
    for loss in log.losses.found:
        found.lost.append(str(loss))
        if roots.get(loss.kept) != loss.kept_root:
            found.wrong("LOSS", f"The loss of entry {loss.seq} is said to have kept other entries.")
        for checkpoint in map(read_checkpoint, loss.notes):
            if names and name_and_epoch(checkpoint.origin)[0] not in names:
                found.wrong("LOSS", f"The loss of entry {loss.seq} is one of another log.")
            elif keys and not signers(checkpoint, keys):
                found.not_checked.append(
                    f"What is said to be lost in entry {loss.seq} was signed by no key given."
                )


def _judge_origins(found: Findings, claims: list[_Claim], losses: Losses) -> None:
    """Every checkpoint is one of this log, and of a part of its life that is told of."""
    origins = {name_and_epoch(claim.origin) for claim in claims}
    if len({name for name, _ in origins}) > 1:
        named = sorted({claim.origin for claim in claims})
        found.wrong("ORIGIN", f"Checkpoints are of several logs: {', '.join(named)}.")
    known = {1, *(loss.epoch for loss in losses.found)}
    # One that was lost again is known by what was signed in it.
    known.update(epoch for loss in losses.found for epoch, _ in loss.ended)
    for name, epoch in sorted(origins):
        if epoch not in known:
            found.wrong(
                "ORIGIN",
                f"A checkpoint is of {epoch_origin(name, epoch)}; nobody declared in this log that "
                "entries were lost before it.",
            )


def _judge_roots(
    found: Findings, claims: list[_Claim], roots: dict[int, bytes], log: "_Log"
) -> None:
    agreed = {INSIDE: 0, "elsewhere": 0}
    lost: dict[tuple[str, Loss], list[int]] = {}
    for claim in sorted(claims, key=lambda one: one.size):
        if roots.get(claim.size) == claim.root:
            agreed[INSIDE if claim.inside else "elsewhere"] += 1
            continue
        loss = log.losses.of(name_and_epoch(claim.origin)[1], claim.size)
        if loss is not None:
            lost.setdefault((claim.where, loss), []).append(claim.size)
        elif claim.size > log.size:
            found.wrong(
                "SHORTENED",
                f"A checkpoint of {claim.where} is over {claim.size} entries; this export has "
                f"{log.size}. It is older than the checkpoint, or its end was cut off: ask for a "
                "new one.",
            )
        else:
            found.wrong(
                "REWRITTEN",
                f"The first {claim.size} entries are not those that the checkpoint of "
                f"{claim.where} was signed over.",
            )
    for (where, loss), sizes in lost.items():
        about = loss.about(f"The checkpoint of {where}", max(sizes), len(set(sizes)) - 1)
        found.lost.append(about)
    for where, count in agreed.items():
        if count:
            found.held.append(
                f"The entries agree with {count} checkpoint{'s' * (count > 1)} of {where}."
            )


def _roots_at(source: Source, sizes: set[int]) -> dict[int, bytes]:
    """Return the roots over the first entries, read once more for it."""
    peaks: list[bytes] = []
    roots = {0: EMPTY_ROOT}
    with source.open(ENTRIES) as file:
        for number, line in enumerate(_whole_lines(file)):
            if number >= max(sizes):
                break
            push(peaks, number, leaf_hash(line[:-1]))
            if number + 1 in sizes:
                roots[number + 1] = root_of(peaks)
    return roots


def _judge_files(
    found: Findings,
    source: Source,
    names: set[str],
    listed: dict[str, tuple[str, int]],
    known: dict[str, str],
) -> None:
    for name, (sha256, _) in sorted(listed.items()):
        if name not in names:
            found.wrong("FILE_MISSING", f"{name} is in the manifest and missing from the export.")
            continue
        if (known.get(name) or _sha256(source, name)) != sha256:
            found.wrong("FILE_ALTERED", f"{name} is not the file that the manifest names.")
    for name in sorted(names - set(listed) - {MANIFEST}):
        found.wrong("FILE_EXTRA", f"{name} is in the export, but not in its manifest.")
    found.held.append(f"{len(listed)} files were compared with the manifest.")


def _sha256(source: Source, name: str) -> str:
    summed = hashlib.sha256()
    with source.open(name) as file:
        while block := file.read(1 << 20):
            summed.update(block)
    return summed.hexdigest()


class _Log:
    """Reads the entries once: their hashes, their order, and what the log alone tells of them."""

    def __init__(self, found: Findings):
        self.size, self.root, self.sha256 = 0, EMPTY_ROOT, ""
        self._found = found
        self._change: tuple[Any, ...] | None = None
        #: Row -> its digest after its last entry, both shortened: a million fit in memory.
        self._rows: dict[bytes, bytes | None] = {}
        self._duties = _Duties(found)
        self.losses = Losses(found.wrong)

    def read(self, source: Source, sizes: set[int]) -> dict[int, bytes]:
        """Read all entries; return the root at each of `sizes`."""
        peaks: list[bytes] = []
        roots = {0: EMPTY_ROOT}
        summed = hashlib.sha256()
        with source.open(ENTRIES) as file:
            for line in _whole_lines(file):
                summed.update(line)
                body = line[:-1]
                push(peaks, self.size, leaf_hash(body))
                self._judge(body)
                self.size += 1
                if self.size in sizes:
                    roots[self.size] = root_of(peaks)
        self.root, self.sha256 = root_of(peaks), summed.hexdigest()
        return roots

    def _judge(self, text: bytes) -> None:
        number = self.size
        try:
            body = json.loads(text)
            change = (
                body["number"],
                body["at"],
                body["change"],
                body["actor"]["id"],
                body["actor"]["name"],
                body["reason"],
            )
            seq, row, before, after = body["seq"], body["row"], body["before"], body["after"]
            _ = body["event"], body["about"]
        except (ValueError, KeyError, TypeError):
            self._found.wrong("ENTRY_UNREADABLE", f"Entry {number} cannot be read.")
            return
        if seq != number:
            self._found.wrong("ENTRY_NUMBER", f"Entry {number} says that it is entry {seq}.")
        last = self._change
        follows = last in (None, change) or (change[0] == last[0] + 1 and change[1] > last[1])
        if not follows:
            self._found.wrong(
                "CHANGE_ORDER",
                f"Entry {number}, of change {change[0]}, does not follow change {last[0]}.",
            )
        self._change = change
        key = hashlib.blake2b(row.encode(), digest_size=12).digest()
        if self._rows.get(key) != _short(before):
            self._found.wrong(
                "DIGEST_CHAIN",
                f"Entry {number} begins where no entry before it ended ({row}).",
            )
        self._rows[key] = _short(after)
        self._duties.judge(number, body)
        self.losses.judge(number, body)


def _short(digest: str | None) -> bytes | None:
    if digest is None:
        return None
    return hashlib.blake2b(digest.encode(), digest_size=8).digest()


def _whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    for line in file:
        yield line if line.endswith(b"\n") else line + b"\n"


#: Events by which somebody had a hand in what is asked.
ASKING = (
    "promotion.requested",
    "promotion.amended",
    "promotion.submitted",
    "promotion.evidence_taken_in",
)


class _Duties:
    """Who asked and who signed, as far as the log alone tells: packages are not in it."""

    def __init__(self, found: Findings):
        self._found = found
        self._asked: dict[str, set[int]] = {}
        self._signed: dict[tuple[str, str], tuple[set, set]] = {}
        self._approvals: dict[str, str] = {}

    def judge(self, number: int, body: dict) -> None:
        event, about, who = body["event"], body["about"], body["actor"]["id"]
        if not event.startswith("promotion."):
            return
        if event in ASKING:
            self._asked.setdefault(about, set()).add(who)
        elif event.startswith("promotion.signed_"):
            self._signature(number, body, event, about, who)
        elif event == "promotion.approved" and self._approvals.get(about) != body["change"]:
            self._found.wrong(
                "APPROVED_UNSIGNED",
                f"Entry {number}: {about} was approved without a signature that approves.",
            )

    def _signature(self, number: int, body: dict, event: str, about: str, who: int) -> None:
        facts = body.get("facts", {})
        package, slot = facts.get("package", ""), facts.get("slot", "")
        people, slots = self._signed.setdefault((about, package), (set(), set()))
        if who in self._asked.get(about, ()):
            self._found.wrong(
                "SIGNED_OWN", f"Entry {number}: {about} was signed by somebody who asked for it."
            )
        if who in people:
            self._found.wrong("SIGNED_TWICE", f"Entry {number}: one person signed {about} twice.")
        if slot in slots:
            self._found.wrong("SLOT_TWICE", f"Entry {number}: {slot} of {about} was filled twice.")
        people.add(who)
        slots.add(slot)
        if event.startswith("promotion.signed_approve"):
            self._approvals[about] = body["change"]


# --- On the command line --------------------------------------------------------------------------

LIMITS = (
    "What holds shows that these are the bytes that were signed, in the order they came in.",
    "It does not show that what people entered was true, nor anything after the last checkpoint.",
    "Whoever holds database, signing key and every checkpoint could have written another log.",
)


def main(arguments: list[str] | None = None, out: IO[str] | None = None) -> int:
    """Check what the arguments name, say what was found in words, and return the exit code."""
    out = out or sys.stdout
    parser = argparse.ArgumentParser(
        prog="verify_audit.py", description="Check a record of Gatehouse without Gatehouse."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    export = verbs.add_parser("export", help="an export: a folder, or its ZIP archive")
    export.add_argument("path", type=Path)
    export.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        help="a checkpoint kept elsewhere: a receipt, a note, or a file of checkpoints; repeatable",
    )
    receipt = verbs.add_parser("receipt", help="a signer's receipt (.tlog-proof)")
    receipt.add_argument("path", type=Path)
    receipt.add_argument("--record", type=Path, help="the signature record that it came with")
    for one in (export, receipt):
        one.add_argument("--keys", type=Path, help="the server's public keys (a JWK Set)")
    given = parser.parse_args(arguments)
    try:
        keys = read_keys(given.keys.read_text()) if given.keys else []
        if given.verb == "receipt":
            record = given.record.read_bytes() if given.record else None
            found = check_receipt(given.path.read_text(), keys, record)
        else:
            earlier = [
                (str(path), note) for path in given.checkpoint for note in read_notes(_read(path))
            ]
            found = check_export(given.path, keys, earlier)
    except ImportError:
        out.write("Could not check: install the package `cryptography`.\n")
        return 2
    except (OSError, UnicodeDecodeError, Malformed) as error:
        out.write(f"Could not check: {error}\n")
        return 2
    found.say(out)
    out.write(
        {
            0: "\nEverything that was checked holds.\n",
            1: "\nSomething does not hold; see above.\n",
            2: "\nWhat was checked holds, but not all could be checked; see above.\n",
            3: "\nWhat is there holds, but ENTRIES THAT WERE SIGNED ARE LOST; see above.\n",
        }[found.exit_code]
    )
    for sentence in LIMITS:
        out.write(f"  {sentence}\n")
    return found.exit_code


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
