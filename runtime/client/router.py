"""Following one environment: what is active there, verified, remembered, and fresh enough."""

import hashlib
import json
import logging
import random
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from runtime import routing
from runtime.client import heads
from runtime.client.calling import Server, Unreachable
from runtime.client.heads import Head, NotTrusted
from runtime.client.keeping import Folder
from runtime.client.serving import Serving
from runtime.client.spool import Spool

log = logging.getLogger("gatehouse.client")

#: How far the server's clock may be ahead of ours.
SKEW = timedelta(seconds=60)
#: A head with the same snapshot is written down when the one on disk is so much older.
WRITTEN_EVERY = timedelta(seconds=30)


class Clock:
    """The time of day, and seconds that nobody sets back."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def steady(self) -> float:
        # A machine that slept has not stopped the world: where there is such a clock, sleep counts.
        boot = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic() if boot is None else time.clock_gettime(boot)


@dataclass(frozen=True)
class Held:
    """A verified snapshot and the head that says it is active."""

    head: Head
    table: routing.Table
    #: How old the head was when it came, and when that was.
    age_then: float
    steady_then: float


class Router(Serving):
    """Decides where requests go in one environment, with or without the server.

    `keys` is the JWK Set that the server's keys are pinned to. Without it, they are taken from the
    server's well-known address at the first start and kept; later ones are taken from there only
    beside one that is known already. `refresh` asks once; `start` asks on and on, in a thread.
    """

    def __init__(
        self,
        url: str,
        environment: str,
        token: str,
        folder: Path | str,
        *,
        keys: Mapping[str, Any] | None = None,
        interval: float = 10.0,
        wait: float = 25.0,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        **spool: Any,
    ):
        self.environment = environment
        self._server = Server(url, token, tls)
        self._interval, self._wait = interval, wait
        self._clock = clock or Clock()
        #: What went wrong at the last look, or None.
        self.trouble: Exception | None = None
        self._held: Held | None = None
        #: Generation and digest of the last head that was taken, and every key that signed one.
        self._last, self._kids = (0, ""), set()
        self._etag = ""
        self._pinned = keys is not None
        self._keys = heads.keys_of(keys) if keys is not None else {}
        self._jwk_set: Mapping[str, Any] | None = keys
        self._written_at: datetime | None = None
        self._looking, self._stopped, self._thread = Lock(), Event(), None
        self._folder = Folder(Path(folder))
        try:
            self.records = Spool(Path(folder) / "records", **spool)
            self._recall()
        except BaseException:
            self._folder.close()
            raise

    # What is held

    @property
    def generation(self) -> int | None:
        """The generation that decisions are made from, if there is one."""
        held = self._held
        return held.head.generation if held else None

    def age(self) -> float | None:
        """Return how many seconds ago the server said that what is held is active."""
        held = self._held
        return self._age(held) if held else None

    def _age(self, held: Held) -> float:
        return held.age_then + self._clock.steady() - held.steady_then

    def decide(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return where a request with these facts goes, as `routing.decide` says it.

        It is refused as well when nothing is held (`NOT_READY`), when the head has expired
        (`HEAD_EXPIRED`) and when it is older than the data of the request allow
        (`SNAPSHOT_STALE`); those three are the server's absence, and may pass. Raises
        `routing.NotAQuestion` for facts that cannot be read.
        """
        facts = routing.read(given)
        held = self._held
        if held is None:
            return self._refusal(facts, "NOT_READY", None)
        age = self._age(held)
        # A clock that was set back must not bring back an approval that has ended.
        at = max(self._clock.now(), held.head.issued_at + timedelta(seconds=age))
        if at >= held.head.expires_at:
            return self._refusal(facts, "HEAD_EXPIRED", held, at)
        budget = _budget(held, facts)
        if budget is None or age > budget:
            return self._refusal(facts, "SNAPSHOT_STALE", held, at)
        return held.table.decide(
            facts, at, generation=held.head.generation, digest=held.head.digest
        )

    def _refusal(
        self, facts: routing.Facts, reason: str, held: Held | None, at: datetime | None = None
    ) -> dict[str, Any]:
        return {
            "engine": routing.ENGINE,
            "environment": self.environment,
            "use_case": facts.use_case,
            "at": routing.instant_text(at or self._clock.now()),
            "generation": held.head.generation if held else None,
            "digest": held.head.digest if held else None,
            "status": "refused",
            "reason": reason,
            "retryable": True,
            "selected": None,
            "fallbacks": [],
            "prompts": [],
            "candidates": {"total": 0, "eligible": 0, "refused": []},
        }

    # Reporting

    def report(self) -> int:
        """Send the oldest records to the server, and return how many it has now for good.

        Those that it refuses for what they say would be refused for ever: they are put aside in
        `refused.ndjson`, with its reasons. Raises `Unreachable`; then nothing is let go.
        """
        return self.records.hand_over(self._report)

    def _report(self, body: bytes) -> list[str]:
        said = self._server.post("/ingest/v1/records/", body, "application/x-ndjson")
        answers = [json.loads(line) for line in said.splitlines()]
        refused = [one for one in answers if one["outcome"] not in ("accepted", "duplicate")]
        if refused:
            place = self.records.put_aside(body, refused)
            for code, sentence in sorted(_why(refused).items()):
                log.error("%s refused records (%s): %s", self._server.url, code, sentence)
            log.error("%s refused records are put aside in %s.", len(refused), place)
        return [one["id"] for one in answers]

    # Following

    def start(self) -> None:
        """Follow the environment in a thread until `close`."""
        self._thread = Thread(target=self._follow, name="gatehouse-router", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following; what is on disk serves the next start."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        if self._thread is not None:
            # One that waits for the server takes nothing any more, and ends by itself.
            self._thread.join(1)
        self.records.close()
        self._folder.close()

    def _follow(self) -> None:
        failures, changed = 0, False
        while not self._stopped.is_set():
            begun = self._clock.steady()
            try:
                # What was just applied is told at once; only then is there something to wait for.
                changed = self.refresh(wait=0 if changed or failures else self._at_most(self._wait))
            except (Unreachable, NotTrusted) as trouble:
                failures, changed = failures + 1, False
                if str(trouble) != str(self.trouble) or failures == 1:
                    log.warning(
                        "%s keeps generation %s: %s", self._server.url, self.generation, trouble
                    )
                self.trouble = trouble
                pause = min(0.5 * 2 ** min(failures, 10), self._at_most(self._interval))
            except Exception as trouble:
                # A disk that is full: what is held is held on to, and grows stale.
                failures, changed, self.trouble = failures + 1, False, trouble
                log.exception("%s could not be followed.", self._server.url)
                pause = self._at_most(self._interval)
            else:
                failures = 0
                took = self._clock.steady() - begun
                pause = 0 if changed else max(0, self._at_most(self._interval) - took)
            self._stopped.wait(pause * random.uniform(0.9, 1.1))  # noqa: S311 - nobody guards it

    def _at_most(self, seconds: float) -> float:
        """Return `seconds`, or less where the shortest age that is allowed leaves no time."""
        held = self._held
        budgets = [age for age in held.head.max_age.values() if age > 0] if held else []
        return min([seconds, *(age / 3 for age in budgets)])

    def refresh(self, wait: float = 0) -> bool:
        """Ask what is active; return whether another generation is held now.

        Raises `Unreachable` or `NotTrusted`; what is held is held on to.
        """
        with self._looking:
            address = f"/api/v1/environments/{self.environment}/snapshot/"
            if wait >= 1:
                address += f"?wait={int(wait)}"
            held = self._held
            headers = {}
            if held is not None:
                headers["Applied-Generation"] = str(held.head.generation)
                if self._etag:
                    headers["If-None-Match"] = self._etag
            status, said, body = self._server.get(address, headers, wait)
            if self._stopped.is_set():
                return False
            changed = self._take(said.get("Routing-Head"), body if status == 200 else None)
            self._etag, self.trouble = said.get("ETag", ""), None
            return changed

    def _take(self, text: str | None, body: bytes | None) -> bool:
        """Take what the server said for what is active, once all of it was verified."""
        if not text:
            raise NotTrusted("HEAD_MISSING", "The answer has no header Routing-Head.")
        head, held, now = self._opened(text), self._held, self._clock.now()
        self._demand(head, now)
        last = (head.generation, head.digest)
        if held is not None and held.head.digest == head.digest:
            table, body = held.table, None
            if last == self._last and head.issued_at < held.head.issued_at:
                # Signed earlier, by another process of the server: it makes nothing younger.
                return False
        else:
            table = _table(head, body)
        changed = held is None or last != self._last
        if changed or head.kid not in self._kids or self._is_due(head):
            self._remember(head, body)
        self._last, self._kids = last, self._kids | {head.kid}
        self._held = Held(head, table, _seconds(now - head.issued_at), self._clock.steady())
        return changed

    def _opened(self, text: str) -> Head:
        try:
            return heads.opened(text, self._keys)
        except NotTrusted as refused:
            if refused.code != "KEY_UNKNOWN" or self._pinned:
                raise
        self._fetch_keys()
        return heads.opened(text, self._keys)

    def _fetch_keys(self) -> None:
        """Take the server's keys: at the first start all, later only beside one that is known."""
        _, _, body = self._server.get("/.well-known/gatehouse-keys.json")
        try:
            said = json.loads(body)
        except ValueError as error:
            raise NotTrusted("KEY_UNREADABLE", "The keys are no JSON.") from error
        keys = heads.keys_of(said)
        if self._keys and not self._keys.keys() & keys.keys():
            raise NotTrusted(
                "KEY_UNKNOWN",
                "None of the server's keys was trusted before. If they were all replaced, "
                "pin the new ones.",
            )
        self._keys, self._jwk_set = keys, said

    def _demand(self, head: Head, now: datetime) -> None:
        """Refuse a head of elsewhere, of another time, or of before what was seen already."""
        if head.environment != self.environment:
            raise NotTrusted("ENVIRONMENT", f"The head is of {head.environment}.")
        if head.expires_at <= now:
            raise NotTrusted("EXPIRED", f"The head expired at {head.expires_at}.")
        if head.issued_at > now + SKEW:
            raise NotTrusted(
                "FROM_THE_FUTURE",
                f"The head is of {head.issued_at}. Put this machine's clock right.",
            )
        # A key that was never seen begins anew: whoever stole the last one may have run ahead.
        if head.kid not in self._kids:
            return
        generation, digest = self._last
        if head.generation < generation:
            raise NotTrusted(
                "DOWNGRADE",
                f"The head is of generation {head.generation}; {generation} was seen already.",
            )
        if head.generation == generation and head.digest != digest:
            raise NotTrusted("DIGEST", f"There are two generations {generation}.")

    # Remembering

    def _is_due(self, head: Head) -> bool:
        return self._written_at is None or head.issued_at - self._written_at >= WRITTEN_EVERY

    def _remember(self, head: Head, body: bytes | None) -> None:
        state = {
            "environment": self.environment,
            "highest": head.generation,
            "kids": sorted({*self._kids, head.kid}),
            "digest": head.digest,
            "head": head.text,
            "keys": None if self._pinned else self._jwk_set,
        }
        self._folder.remember(state, body)
        self._written_at = head.issued_at

    def _recall(self) -> None:
        """Begin where the last start ended; a snapshot that does not hold any more is left."""
        state = self._folder.recall()
        if state is None:
            return
        if state["environment"] != self.environment:
            raise RuntimeError(
                f"{self._folder.path} is of a router of {state['environment']}. "
                "Give each router a folder of its own."
            )
        self._last, self._kids = (state["highest"], state["digest"]), set(state["kids"])
        if not self._pinned:
            self._jwk_set = state["keys"]
            self._keys = heads.keys_of(state["keys"])
        try:
            head = heads.opened(state["head"], self._keys)
            now = self._clock.now()
            self._demand(head, now)
            table = _table(head, self._folder.snapshot(head.digest))
        except NotTrusted as refused:
            log.warning("What is in %s is not used: %s", self._folder.path, refused)
            return
        self._held = Held(head, table, _seconds(now - head.issued_at), self._clock.steady())
        self._written_at = head.issued_at


def _why(refused: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return by code what the server said first of each kind of refusal."""
    found: dict[str, str] = {}
    for answer in refused:
        for one in answer.get("errors", ()):
            found.setdefault(one["code"], one["sentence"])
    return found


def _seconds(age: timedelta) -> float:
    return max(0.0, age.total_seconds())


def _table(head: Head, body: bytes | None) -> routing.Table:
    """Return the snapshot that a head names, ready to be asked. Raises `NotTrusted`."""
    if body is None:
        raise NotTrusted("DIGEST", f"The head names {head.digest}, which is not held.")
    if f"sha256:{hashlib.sha256(body).hexdigest()}" != head.digest:
        raise NotTrusted("DIGEST", "The snapshot is not the one that the head names.")
    try:
        snapshot = json.loads(body)
        if snapshot["schema"] != routing.SCHEMA:
            raise ValueError(f"it is of schema {snapshot['schema']!r}")
        if snapshot["environment"]["slug"] != head.environment:
            raise ValueError("it is of another environment")
        return routing.Table(snapshot)
    except (KeyError, TypeError, ValueError) as error:
        raise NotTrusted("SNAPSHOT_UNREADABLE", f"The snapshot cannot be read: {error}") from error


def _budget(held: Held, facts: routing.Facts) -> int | None:
    """Return how old the head may be for this request; None if nothing is fresh enough."""
    route = held.table.snapshot["routes"].get(facts.use_case)
    if route is None:
        return min(held.head.max_age.values(), default=None)
    return held.head.max_age.get(facts.data_classification or route["data_classification"])
