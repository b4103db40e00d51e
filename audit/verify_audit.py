#!/usr/bin/env python3
"""Check what Gatehouse recorded without Gatehouse: one file, to be taken away.

    python verify_audit.py export FOLDER_OR_ZIP --keys gatehouse-keys.json [--checkpoint FILE …]
    python verify_audit.py pack FOLDER_OR_ZIP --keys gatehouse-keys.json [--receipt FILE.tlog-proof]
        [--checkpoint FILE …] [--consistency FILE …]
    python verify_audit.py receipt FILE.tlog-proof --keys gatehouse-keys.json [--record FILE.json]

It needs Python 3.11 and the package `cryptography`, no network and no database. `--keys` is the
public keys as the server publishes them, kept from an earlier day or got from somebody you trust:
keys that came with the export prove nothing about whoever made the export. `--checkpoint` is a
checkpoint that left the server earlier (a receipt, a line of the checkpoint file, an answer of the
API); the more of them come from elsewhere, the less the server could have rewritten. `--receipt` is
the receipt of the entry by which the log records that an evidence pack was built: it names the
digest of the pack's manifest, and so every byte of it. `--consistency` is an answer of the API that
joins a checkpoint of yours with the one in the pack, where the pack has no such proof itself.

Exit 0: everything holds. Exit 1: something does not, and is named. Exit 2: could not check all.
Exit 3: all holds, but the log once lost entries and went on. Each such loss is named, also beside
what ends with 1 or 2.

Formats are public: the tree of RFC 6962 and 9162, notes and checkpoints of C2SP (signed-note,
tlog-checkpoint, tlog-proof).
"""

import argparse
import base64
import hashlib
import json
import sys
import zipfile
import zlib
from collections import Counter
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
    few = len(text) < 20  # of more digits than any log has entries, none is read
    return few and text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")


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
        return [_note(text)]
    except ValueError:
        pass  # several lines, each a document
    try:
        return [_note(line) for line in text.split("\n") if line.strip()]
    except ValueError:
        raise Malformed("A line of this file is no checkpoint.") from None


def _note(text: str) -> str:
    try:
        note = json.loads(text)["note"]
    except (KeyError, TypeError, RecursionError):
        raise Malformed("This is no file of checkpoints.") from None
    if not isinstance(note, str):
        raise Malformed("This is no file of checkpoints.")
    return note


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
        return 1 if self.counts else 2 if self.not_checked else 3 if self.lost else 0

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


#: What reading a damaged archive or file raises.
DAMAGED = (OSError, EOFError, zipfile.BadZipFile, zlib.error)
#: The log's part of an evidence pack.
PACK_ENTRIES, PACK_PROOFS, PACK_ROWS, PACK_CONSISTENCY, PACK_CHECKPOINT = (
    "log/entries.ndjson",
    "log/proofs.ndjson",
    "log/rows.ndjson",
    "log/consistency.ndjson",
    "log/checkpoint.txt",
)
PACK_SCHEMA = "gatehouse.pack/1"
#: The event by which the log records a pack.
PACK_BUILT = "evidencepack.built"


class Source:
    """The files of an export or a pack, in a folder or in a ZIP archive."""

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

    def twice(self) -> list[str]:
        """Return the names under which an archive has several files: a reader may take any."""
        counted = Counter([] if self._folder else self._archive.namelist())
        return sorted(name for name, count in counted.items() if count > 1)


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
        _judge_notes(found, loss, keys, names)


def _judge_notes(found: Findings, loss: Loss, keys: list[Key], names: set[str]) -> None:
    """See that what a loss says was signed is of this log, and was signed."""
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
    what: str = "export",
) -> None:
    for name in source.twice():
        found.wrong("FILE_TWICE", f"{name} is in the {what} several times: readers may differ.")
    for name, (sha256, _) in sorted(listed.items()):
        if name not in names:
            found.wrong("FILE_MISSING", f"{name} is in the manifest and missing from the {what}.")
            continue
        if (known.get(name) or _sha256(source, name)) != sha256:
            found.wrong("FILE_ALTERED", f"{name} is not the file that the manifest names.")
    for name in sorted(names - set(listed) - {MANIFEST}):
        found.wrong("FILE_EXTRA", f"{name} is in the {what}, but not in its manifest.")
    found.held.append(f"{len(listed)} files were compared with the manifest.")


def _sha256(source: Source, name: str) -> str:
    """Return the digest of a file; of one that cannot be read whole, none that any file has."""
    summed = hashlib.sha256()
    try:
        with source.open(name) as file:
            while block := file.read(1 << 20):
                summed.update(block)
    except DAMAGED:
        return "cannot be read"
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


# --- An evidence pack -----------------------------------------------------------------------------

#: Folders whose files are named by their digest in a row that the log holds.
BY_DIGEST = ("packages", "releases", "policies", "gates", "snapshots", "effective")
SUMS = "SHA256SUMS"
#: Verdicts that approve.
APPROVING = ("approve", "approve_with_conditions")


def check_pack(
    path: Path,
    keys: list[Key],
    receipt: str | None = None,
    earlier: Iterable[tuple[str, str]] = (),
    joined: Iterable[dict] = (),
) -> Findings:
    """Check an evidence pack: some entries of a log, what they wrote, and the files beside them.

    `receipt` is that of the entry which records the pack, `earlier` are (where it is from, note)
    of checkpoints kept outside, `joined` are consistency proofs as the API gives them.
    """
    found = Findings()
    try:
        source = Source(path)
        text = source.text(MANIFEST)
        manifest = json.loads(text)
        if manifest["schema"] != PACK_SCHEMA:
            raise ValueError(f"It is of the schema {manifest['schema']}.")
        listed = {name: (one["sha256"], one["bytes"]) for name, one in manifest["files"].items()}
        left_out = {one["sha256"] for one in manifest["left_out"] if one.get("sha256")}
        log = int(manifest["log"]["size"]), bytes.fromhex(manifest["log"]["root"][7:])
    except (*DAMAGED, ValueError, KeyError, TypeError, AttributeError) as error:
        found.wrong("MANIFEST", f"The pack's {MANIFEST} cannot be read: {error}")
        return found
    names = source.names()
    parts = {PACK_ENTRIES, PACK_PROOFS, PACK_ROWS, PACK_CONSISTENCY, PACK_CHECKPOINT, SUMS}
    for name in sorted(parts - names):
        found.wrong("FILE_MISSING", f"{name} is missing from the pack.")
    if found.counts:
        return found
    _judge_files(found, source, names, listed, {}, "pack")
    _judge_sums(found, source, listed)
    try:
        checkpoint = read_checkpoint(source.text(PACK_CHECKPOINT))
        proofs = _json_lines(source, PACK_PROOFS)
        rows = _json_lines(source, PACK_ROWS)
        joined = [*_json_lines(source, PACK_CONSISTENCY), *joined]
        bodies = source.text(PACK_ENTRIES).encode().splitlines()
    except (*DAMAGED, Malformed, ValueError) as error:
        found.wrong("LOG_UNREADABLE", f"The log's part of the pack cannot be read: {error}")
        return found
    if log != (checkpoint.size, checkpoint.root) or manifest.get("origin") != checkpoint.origin:
        found.wrong("MANIFEST", f"{MANIFEST} names another log than the checkpoint in the pack.")
    _judge_signature(found, checkpoint, keys, "The pack's checkpoint")
    entries = _judge_entries(found, bodies, proofs, checkpoint)
    losses = _losses_told(found, checkpoint, entries, keys)
    told = _judge_rows(found, rows, entries)
    _judge_anchors(found, listed, left_out, told)
    packages = _packages(found, source, listed, told)
    _judge_basis(found, packages, left_out, told)
    cut = any(one.get("entries") for one in manifest["left_out"])
    _judge_approvals(found, source, listed, entries, packages, told, cut=cut)
    _judge_earlier(found, checkpoint, keys, list(earlier), joined, losses)
    _judge_built(found, _digest(text.encode()), checkpoint, keys, receipt, joined, losses)
    for one in manifest["left_out"]:
        found.held.append(f"Left out, and said so: {one.get('what')}. {one.get('why')}")
    return found


def _json_lines(source: Source, name: str) -> list[dict]:
    # By line feeds alone: texts may hold other marks that end a line.
    found = [json.loads(line) for line in source.text(name).split("\n") if line]
    if not all(isinstance(one, dict) for one in found):
        raise ValueError(f"A line of {name} is no object.")
    return found


def _judge_sums(found: Findings, source: Source, listed: dict[str, tuple[str, int]]) -> None:
    """Compare what `sha256sum` reads with the manifest: two lists of files must not disagree."""
    wanted = {f"{one}  {name}" for name, (one, _) in listed.items() if name != SUMS}
    try:
        said = set(source.text(SUMS).split("\n")) - {""}
    except (*DAMAGED, UnicodeDecodeError):
        said = set()
    if said != wanted:
        found.wrong("SUMS", f"{SUMS} does not list the files that {MANIFEST} lists.")


def _judge_entries(
    found: Findings, bodies: list[bytes], proofs: list[dict], checkpoint: Checkpoint
) -> dict[int, dict]:
    """Follow each entry to the root; return what the entries say by their number."""
    entries: dict[int, dict] = {}
    if len(bodies) != len(proofs):
        found.wrong("NOT_INCLUDED", f"There are {len(bodies)} entries and {len(proofs)} proofs.")
    for body, proof in zip(bodies, proofs, strict=False):
        try:
            seq, path = proof["seq"], [bytes.fromhex(one) for one in proof["path"]]
            said = json.loads(body)
            event, number = said["event"], said["seq"]
        except (ValueError, KeyError, TypeError):
            found.wrong("ENTRY_UNREADABLE", "An entry of the pack or its proof cannot be read.")
            continue
        if not isinstance(seq, int) or not inclusion_holds(
            leaf_hash(body), seq, checkpoint.size, path, checkpoint.root
        ):
            found.wrong(
                "NOT_INCLUDED", f"The proof does not lead from entry {seq} ({event}) to the root."
            )
        elif number != seq:
            found.wrong("ENTRY_NUMBER", f"Entry {seq} says that it is entry {number}.")
        else:
            entries[seq] = said
    if len(entries) == len(bodies):
        found.held.append(
            f"{len(entries)} entries are in the log of {checkpoint.size} entries of "
            f"{checkpoint.origin}."
        )
    return entries


def _losses_told(
    found: Findings, checkpoint: Checkpoint, entries: dict[int, dict], keys: list[Key]
) -> Losses:
    """Return the losses that a pack tells of; it tells of all that came before its checkpoint."""
    losses = Losses(found.wrong)
    for seq, body in sorted(entries.items()):
        losses.judge(seq, body)
    for loss in losses.found:
        found.lost.append(str(loss))
        _judge_notes(found, loss, keys, {name_and_epoch(checkpoint.origin)[0]})
    if (epoch := name_and_epoch(checkpoint.origin)[1]) != losses.epoch:
        found.wrong(
            "LOSS",
            f"The pack's checkpoint is of part {epoch} of the log's life, and its entries tell of "
            f"part {losses.epoch}.",
        )
    return losses


@dataclass
class _Rows:
    """What the proved rows name: digests of sealed bytes, and evidence by its item."""

    digests: set[str] = field(default_factory=set)
    #: Keys of items -> the digest of each, and its files as rows have them.
    items: dict[str, str] = field(default_factory=dict)
    files: list[dict] = field(default_factory=list)
    #: Signatures, each with the number of its entry.
    signatures: list[tuple[int, dict]] = field(default_factory=list)

    @property
    def signed(self) -> set[str]:
        """Digests of packages that somebody signed."""
        return {_bare(one.get("package_digest")) for _, one in self.signatures}

    def take(self, key: str, document: dict) -> None:
        noun, _, pk = key.partition(":")
        named = {
            value.removeprefix("sha256:")
            for name in ("digest", "package_digest")
            if isinstance(value := document.get(name), str)
        }
        if noun == "evidence.evidenceitem":
            self.items[pk] = next(iter(named), "")
        elif noun == "evidence.evidencefile":
            self.files.append(document)
        else:
            self.digests |= named


def _judge_rows(found: Findings, rows: list[dict], entries: dict[int, dict]) -> _Rows:
    """Compare rows with their entries; return what they name."""
    told, good = _Rows(), 0
    for row in rows:
        try:
            seq, key, text = row["seq"], row["row"], row["document"]
            entry, document = entries.get(seq), json.loads(text)
            holds = entry is not None and entry["row"] == key
            holds = holds and entry["after"] == _digest(text.encode())
            if holds:
                told.take(key, document)
        except (ValueError, KeyError, TypeError, AttributeError):
            found.wrong("ROW", "A row of the pack cannot be read.")
            continue
        if not holds:
            found.wrong("ROW", f"The row {key} is not what entry {seq} says was written.")
            continue
        good += 1
        if key.startswith("gates.packageperson:") and document.get("kind") == "signer":
            told.signatures.append((seq, document))
    if good == len(rows):
        found.held.append(f"{good} rows are what the log says was written.")
    for seq, one in told.signatures:
        found.held.append(
            f"Entry {seq}: {one.get('printed_name')} signed {one.get('package_digest')} at "
            f"{one.get('signed_at')} as {one.get('role')}: {one.get('verdict')}."
        )
    return told


def _judge_anchors(
    found: Findings, listed: dict[str, tuple[str, int]], left_out: set[str], told: _Rows
) -> None:
    """See that each sealed file is what a row names for that very place, and that none is missing.

    What was signed and what evidence was given is there, or named as left out.
    """
    anchored = 0
    for name, (sha256, _) in sorted(listed.items()):
        folder, _, rest = name.partition("/")
        if folder == "evidence":
            holds = _is_evidence(rest, sha256, told)
        elif folder in BY_DIGEST:
            holds = rest == f"{sha256}.json" and (sha256 in told.digests or folder == "effective")
        else:
            continue
        if holds:
            anchored += 1
        else:
            found.wrong("NOT_ANCHORED", f"No row of the pack names the bytes of {name}.")
    there = {sha256 for sha256, _ in listed.values()} | left_out
    for one in told.files:
        if one.get("sha256") not in there:
            found.wrong(
                "EVIDENCE_MISSING",
                f"The evidence file “{one.get('name')}” is neither in the pack nor named as left "
                "out.",
            )
    for sha256 in sorted(told.signed):
        if f"packages/{sha256}.json" not in listed:
            found.wrong("PACKAGE_MISSING", f"The package sha256:{sha256} was signed and is gone.")
    found.held.append(f"{anchored} sealed files have the digests that the log's rows name.")


def _bare(digest: Any) -> str:
    return str(digest).removeprefix("sha256:")


def _packages(
    found: Findings, source: Source, listed: dict[str, tuple[str, int]], told: _Rows
) -> dict[str, dict]:
    """Return what was signed, by digest."""
    packages = {}
    for sha256 in sorted(told.signed):
        name = f"packages/{sha256}.json"
        if name not in listed:
            continue  # said already
        try:
            document = json.loads(source.text(name))
            _ = [one["digest"] for rest in document["rests_on"] for one in rest["evidence"]]
            _ = [one["id"] for one in document["involved"]]
            _ = [one["digest"] for one in document["gate"]["versions"]]
            _ = [str(one) for one in document["gate"]["slots"]]
        except (*DAMAGED, ValueError, KeyError, TypeError):
            found.wrong("PACKAGE_UNREADABLE", f"{name} is no package that can be read.")
            continue
        packages[sha256] = document
    return packages


def _judge_basis(
    found: Findings, packages: dict[str, dict], left_out: set[str], told: _Rows
) -> None:
    """See that each item of evidence that was signed for is there, or named as left out."""
    there = {*told.items.values(), *left_out}
    for sha256, document in packages.items():
        for rest in document["rests_on"]:
            for one in rest["evidence"]:
                if _bare(one["digest"]) not in there:
                    found.wrong(
                        "EVIDENCE_MISSING",
                        f"The package sha256:{sha256} rests on the evidence item {one.get('id')}, "
                        "which is neither in the pack nor named as left out.",
                    )


def _judge_approvals(
    found: Findings,
    source: Source,
    listed: dict[str, tuple[str, int]],
    entries: dict[int, dict],
    packages: dict[str, dict],
    told: _Rows,
    *,
    cut: bool,
) -> None:
    """See that each approval has every signature that its package and its gates ask for.

    `cut` is whether older entries were left out, so that a signature may be among them.
    """
    approving = [pair for pair in told.signatures if str(pair[1].get("verdict")) in APPROVING]
    for seq, body in sorted(entries.items()):
        if body["event"] != "promotion.approved":
            continue
        with_it = [one for at, one in approving if entries[at].get("change") == body.get("change")]
        sha256 = _bare(with_it[0].get("package_digest")) if with_it else ""
        if with_it and sha256 not in packages:
            continue  # said already
        lacking = ["one that decided it"]
        if with_it:
            wanted = _slots(found, source, listed, packages[sha256])
            given = [one for _, one in approving if _bare(one.get("package_digest")) == sha256]
            lacking = sorted(wanted - {str(one.get("slot")) for one in given})
            _judge_duties(found, seq, body, given, packages[sha256])
        what = f"Entry {seq}: {body.get('about')} was approved"
        if not lacking:
            found.held.append(f"{what} with every signature wanted: {', '.join(sorted(wanted))}.")
        elif cut:
            found.not_checked.append(
                f"{what}; of its signatures the pack, which lacks older entries, does not hold: "
                f"{', '.join(lacking)}."
            )
        else:
            found.wrong("QUORUM", f"{what} without the signatures: {', '.join(lacking)}.")


def _judge_duties(found: Findings, seq: int, body: dict, given: list[dict], package: dict) -> None:
    """See that signatures are by as many people, none of whom had a hand in it."""
    people = Counter(one.get("person_id") for one in given)
    involved = {one["id"] for one in package["involved"]}
    if max(people.values()) > 1:
        found.wrong("SIGNED_TWICE", f"Entry {seq}: one person fills two slots of {body['about']}.")
    if involved & people.keys():
        found.wrong(
            "SIGNED_OWN", f"Entry {seq}: {body['about']} is signed by who had a hand in it."
        )


def _slots(
    found: Findings, source: Source, listed: dict[str, tuple[str, int]], package: dict
) -> set[str]:
    """Return the slots that a package asks for, and the gate versions that it names."""
    wanted = {str(one) for one in package["gate"]["slots"]}
    places: Counter[str] = Counter()
    for version in package["gate"]["versions"]:
        name = f"gates/{_bare(version['digest'])}.json"
        if name not in listed:
            found.wrong("GATE_MISSING", f"The gate version {name} was signed for and is gone.")
            continue
        try:
            for role, count in json.loads(source.text(name))["slots"].items():
                for _ in range(count):
                    places[role] += 1
                    wanted.add(f"{role}:{places[role]}")
        except (*DAMAGED, ValueError, KeyError, TypeError, AttributeError):
            found.wrong("GATE_UNREADABLE", f"{name} is no gate version that can be read.")
    return wanted


def _is_evidence(place: str, sha256: str, told: _Rows) -> bool:
    """Whether bytes at `<item>/<name>` are that item, or a file that was given with it."""
    item, _, name = place.partition("/")
    if name == "item.json":
        return told.items.get(item.replace("-", ""), told.items.get(item)) == sha256
    return any(
        one.get("sha256") == sha256 and str(one.get("item_id", one.get("item"))) == item
        for one in told.files
    )


def _judge_earlier(
    found: Findings,
    checkpoint: Checkpoint,
    keys: list[Key],
    earlier: list[tuple[str, str]],
    joined: list[dict],
    losses: Losses,
) -> None:
    """Compare the pack's checkpoint with those that left the server before."""
    if not earlier:
        found.not_checked.append(
            "No checkpoint from elsewhere was given (--checkpoint): a log that was rewritten whole "
            "and signed anew would look like this one."
        )
    for where, note in earlier:
        try:
            other = read_checkpoint(note)
        except Malformed as error:
            found.wrong("CHECKPOINT_UNREADABLE", f"The checkpoint of {where}: {error}")
            continue
        if not _of_one_log(other, checkpoint):
            found.wrong("ORIGIN", f"The checkpoint of {where} is of the log {other.origin}.")
        elif keys and not signers(other, keys):
            found.wrong("SIGNATURE", f"The checkpoint of {where} is not signed by any key given.")
        elif loss := losses.of(name_and_epoch(other.origin)[1], other.size):
            found.lost.append(loss.about(f"The checkpoint of {where}", other.size))
        else:
            _judge_joined(found, checkpoint, where, other, joined)


def _of_one_log(one: Checkpoint, other: Checkpoint) -> bool:
    return name_and_epoch(one.origin)[0] == name_and_epoch(other.origin)[0]


def _judge_joined(
    found: Findings, ours: Checkpoint, where: str, other: Checkpoint, joined: list[dict]
) -> bool:
    """Return whether one of the two checkpoints is known to go on from the other."""
    small, large = sorted((ours, other), key=lambda one: one.size)
    known = [[]] if small.size == large.size else _paths(joined, small.size, large.size, ours.size)
    if not known:
        found.not_checked.append(
            f"Nothing joins the checkpoint of {where} ({other.size} entries) with the pack's "
            f"({ours.size}): keep /api/v1/audit/consistency/?first={small.size}"
            f"&second={large.size} as a file, and give it with --consistency."
        )
        return False
    if not any(
        consistency_holds(small.size, large.size, path, small.root, large.root) for path in known
    ):
        found.wrong(
            "REWRITTEN",
            f"The log of the pack is not the one that the checkpoint of {where} was signed over.",
        )
        return False
    found.held.append(
        f"The pack's log goes on from the checkpoint of {where} ({other.size} entries)."
        if other.size < ours.size
        else f"The checkpoint of {where} ({other.size} entries) goes on from the pack's."
        if other.size > ours.size
        else f"The checkpoint of {where} is over the same entries with the same root."
    )
    return True


def _paths(joined: list[dict], first: int, second: int, ours: int) -> list[list[bytes]]:
    found = []
    for one in joined:
        try:
            if (one["first"], one.get("second", ours)) == (first, second):
                found.append([bytes.fromhex(step) for step in one["path"]])
        except (KeyError, TypeError, ValueError):
            continue
    return found


def _judge_built(
    found: Findings,
    manifest: str,
    checkpoint: Checkpoint,
    keys: list[Key],
    receipt: str | None,
    joined: list[dict],
    losses: Losses,
) -> None:
    """Compare the manifest with the entry of the log that records the pack.

    The receipt counts for nothing before its checkpoint goes on from the pack's: whoever holds the
    signing key could sign a small log of its own that records anything.
    """
    if receipt is None:
        found.not_checked.append(
            f"The receipt of the pack was not given (--receipt): report and documents were "
            f"compared with the manifest alone, whose digest is {manifest}, and entries, rows and "
            "sealed files may have been left out. The log has an entry that names it."
        )
        return
    try:
        said = read_receipt(receipt)
        signed = read_checkpoint(said.note)
        body = json.loads(said.body)
        event, named, who, at = (
            body["event"],
            body["facts"]["manifest"],
            body["actor"]["name"],
            body["at"],
        )
    except (Malformed, ValueError, KeyError, TypeError) as error:
        found.wrong("RECEIPT_UNREADABLE", f"The receipt of the pack cannot be read: {error}")
        return
    wrong_before = dict(found.counts)
    if not _of_one_log(signed, checkpoint):
        found.wrong("ORIGIN", f"The receipt is of the log {signed.origin}.")
    leaf = leaf_hash(said.body)
    if body.get("seq") != said.index or not inclusion_holds(
        leaf, said.index, signed.size, said.path, signed.root
    ):
        found.wrong("NOT_INCLUDED", "The proof does not lead from the pack's entry to the root.")
    _judge_signature(found, signed, keys, "The checkpoint of the pack's receipt")
    if event != PACK_BUILT or named != manifest:
        found.wrong("NOT_THIS_PACK", f"The receipt is not of the pack with manifest {manifest}.")
    elif loss := losses.of(name_and_epoch(signed.origin)[1], signed.size):
        found.lost.append(loss.about("The checkpoint of the pack's receipt", signed.size))
    elif (
        _judge_joined(found, checkpoint, "the pack's receipt", signed, joined)
        and found.counts == wrong_before
    ):
        found.held.append(
            f"Entry {said.index} records this very pack ({manifest}), built by {who} at {at}: "
            "every file of it is as it was then."
        )


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
    pack = verbs.add_parser("pack", help="an evidence pack: a folder, or its ZIP archive")
    pack.add_argument("path", type=Path)
    pack.add_argument("--receipt", type=Path, help="the receipt of the pack (.tlog-proof)")
    pack.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        help="a checkpoint kept elsewhere, as for an export; repeatable",
    )
    pack.add_argument(
        "--consistency",
        type=Path,
        action="append",
        default=[],
        help="an answer of the API that joins such a checkpoint with the pack's; repeatable",
    )
    receipt = verbs.add_parser("receipt", help="a signer's receipt (.tlog-proof)")
    receipt.add_argument("path", type=Path)
    receipt.add_argument("--record", type=Path, help="the signature record that it came with")
    for one in (export, pack, receipt):
        one.add_argument("--keys", type=Path, help="the server's public keys (a JWK Set)")
    given = parser.parse_args(arguments)
    try:
        found = _checked(given)
    except ImportError:
        out.write("Could not check: install the package `cryptography`.\n")
        return 2
    except (*DAMAGED, UnicodeDecodeError, Malformed) as error:
        out.write(f"Could not check: {error}\n")
        return 2
    found.say(out)
    out.write(
        {
            0: "\nEverything that was checked holds.\n",
            1: "\nSomething does not hold; see above.\n",
            2: "\nWhat was checked holds, but not all could be checked; see above.\n",
            3: "\nWhat is there holds.\n",
        }[found.exit_code]
    )
    if found.lost:
        out.write("ENTRIES THAT WERE SIGNED ARE LOST; see above.\n")
    for sentence in LIMITS:
        out.write(f"  {sentence}\n")
    return found.exit_code


def _checked(given: argparse.Namespace) -> Findings:
    keys = read_keys(_read(given.keys)) if given.keys else []
    if given.verb == "receipt":
        record = given.record.read_bytes() if given.record else None
        return check_receipt(_read(given.path), keys, record)
    earlier = [(str(path), note) for path in given.checkpoint for note in read_notes(_read(path))]
    if given.verb == "export":
        return check_export(given.path, keys, earlier)
    receipt = _read(given.receipt) if given.receipt else None
    return check_pack(given.path, keys, receipt, earlier, map(_read_proof, given.consistency))


def _read_proof(path: Path) -> dict:
    try:
        said = json.loads(_read(path))
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Malformed(f"{path} is no consistency proof as the API gives it.")
    return said


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
