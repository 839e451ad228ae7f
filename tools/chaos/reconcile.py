"""Accounts for each accepted job, as pure functions of the stores' contents and the observed texts.

Lost: accepted, and neither indexed, waiting, open nor dead. Duplicate: more passages than expected, or a job in
two locations. Crossed: a tenant's word seen outside that tenant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

READY, DEAD = "ready", "dead"


@dataclass(frozen=True)
class Accepted:
    """A document that the API accepted and whose bytes are stored."""

    tenant: str
    document: str
    # Expected passages in the index; 0 if the document cannot be read.
    passages: int


@dataclass(frozen=True)
class Document:
    """A document's record."""

    status: str
    passages: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Tenancy:
    """The stores' contents of one tenant."""

    tenant: str
    documents: Mapping[str, Document]
    # One document id per `JOB#`, `WAITING#` and `DEAD#` item.
    open: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    # Document and reason.
    dead: tuple[tuple[str, str], ...] = ()
    # Keys of the vector index, `<document>.<revision of eight digits>.<number of five digits>`.
    vectors: tuple[str, ...] = ()
    # The passages' texts by key, decrypted in the tenant's session.
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Observation:
    """A text and the tenant that saw it. A log has no owner and must contain no tenant's word."""

    where: str
    owner: str | None
    text: str


@dataclass(frozen=True)
class Verdict:
    """The locations of the accepted jobs, and the problems, one text each."""

    accepted: int
    # By location, for each tenant: `indexed`, `waiting`, `open`, `dead`, `lost`.
    locations: Mapping[str, Counter[str]]
    lost: tuple[str, ...]
    duplicates: tuple[str, ...]
    crossed: tuple[str, ...]
    # Jobs still open, and checks that could not have failed.
    unsettled: tuple[str, ...]
    unproven: tuple[str, ...]
    # Jobs that were seen without a backlog entry. The scheduler finds jobs only through that entry.
    forgotten: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        wrong = self.lost, self.duplicates, self.crossed, self.unsettled, self.unproven, self.forgotten
        return not any(wrong)

    def total(self, location: str) -> int:
        return sum(counts[location] for counts in self.locations.values())


def document_of(key: str) -> str:
    return key.partition(".")[0]


def passages_of(document: str, count: int) -> set[str]:
    """Returns the keys of all passages of a document's first revision."""
    return {f"{document}.00000001.{number:05}" for number in range(count)}


class _Stores:
    """One tenant's stores, by document."""

    def __init__(self, found: Tenancy) -> None:
        self.found = found
        self.items = {
            "open": Counter(found.open),
            "waiting": Counter(found.waiting),
            "dead": Counter(document for document, _ in found.dead),
        }
        self.reasons = dict(found.dead)
        self.keys: dict[str, Counter[str]] = {}
        for key in found.vectors:
            self.keys.setdefault(document_of(key), Counter())[key] += 1

    def status(self, document: str) -> str:
        record = self.found.documents.get(document)
        return record.status if record else "gone"

    def whole(self, job: Accepted) -> bool:
        """Returns whether all passages of a job are in the index."""
        return job.passages > 0 and passages_of(job.document, job.passages) <= set(self.keys.get(job.document, ()))

    def locations(self, job: Accepted) -> list[str]:
        """Returns every location of the job. Exactly one is correct."""
        status, whole = self.status(job.document), self.whole(job)
        dead = self.items["dead"][job.document] > 0
        # A waiting job may have passages already, because it writes them again. A dead job may not, because
        # its owner is told that the document is not indexed. A ready document with an open job counts as open.
        done = status == READY and not self.items["open"][job.document]
        found = ["indexed"] if whole and (done or dead) else []
        found += [location for location in ("open", "waiting") if self.items[location][job.document]]
        if dead and status == DEAD and self.reasons[job.document]:
            found.append("dead")
        elif dead:
            found.append(f"dead, while its document says {status} and {self.reasons[job.document] or 'no reason'}")
        return found

    def describe(self, job: Accepted) -> str:
        count = sum(self.keys.get(job.document, Counter()).values())
        return f"{job.tenant} {job.document}: {self.status(job.document)}, no item, {count} of {job.passages} passages"

    def find_surplus(self, expected: Mapping[str, int]) -> list[str]:
        """Returns unexpected passages, and jobs with two items of one kind."""
        tenant, wrong = self.found.tenant, []
        for document, keys in self.keys.items():
            record = self.found.documents.get(document)
            # If the answer to the upload was lost, the document's record gives the expected number.
            count = expected.get(document, record.passages if record else 0)
            more = sorted((keys - Counter(passages_of(document, count))).elements())
            if record is None:
                wrong.append(f"{tenant} {document}: {len(more)} passages of an unknown document")
            elif more and (document in expected or record.status == READY):
                wrong.append(f"{tenant} {document}: passages beyond the {count} expected: {', '.join(more)}")
        for location, items in self.items.items():
            wrong += [
                f"{tenant} {document} is {location} {count} times" for document, count in items.items() if count > 1
            ]
        return wrong


def judge(
    accepted: Iterable[Accepted],
    tenancies: Iterable[Tenancy],
    words: Mapping[str, str],
    observations: Iterable[Observation],
    found_own: Iterable[str] = (),
    forgotten: Iterable[str] = (),
) -> Verdict:
    """Judges a run. `words` maps tenants to their words; `found_own` are the tenants that found their word."""
    jobs, stores = list(accepted), {each.tenant: _Stores(each) for each in tenancies}
    lost: list[str] = []
    duplicates: list[str] = []
    locations: dict[str, Counter[str]] = {tenant: Counter() for tenant in stores}
    for job in jobs:
        store = stores[job.tenant]
        found = store.locations(job)
        if not found:
            lost.append(store.describe(job))
        elif len(found) > 1:
            duplicates.append(f"{job.tenant} {job.document} is {' and '.join(found)}")
        locations[job.tenant][found[-1].partition(",")[0] if found else "lost"] += 1
    for tenant, store in stores.items():
        duplicates += store.find_surplus({job.document: job.passages for job in jobs if job.tenant == tenant})
    return Verdict(
        accepted=len(jobs),
        locations=locations,
        lost=tuple(lost),
        duplicates=tuple(duplicates),
        crossed=tuple(_find_leaks(stores, words, observations)),
        unsettled=tuple(f"{tenant} {document}" for tenant, each in stores.items() for document in each.found.open),
        unproven=tuple(_find_unproven(stores, words, set(found_own), locations)),
        forgotten=tuple(forgotten),
    )


def leaks(words: Mapping[str, str], observed: Observation) -> list[str]:
    """Returns the words of other tenants in an observed text."""
    text = observed.text.lower()
    return [
        f"{observed.where} shows {observed.owner or 'no tenant'} the word of {tenant}"
        for tenant, word in words.items()
        if tenant != observed.owner and word.lower() in text
    ]


def _find_leaks(
    stores: Mapping[str, _Stores], words: Mapping[str, str], observations: Iterable[Observation]
) -> Iterable[str]:
    owners = {document: tenant for tenant, each in stores.items() for document in each.found.documents}
    for tenant, each in stores.items():
        for document in each.keys:
            if owners.get(document, tenant) != tenant:
                yield f"the index of {tenant} holds {document} of {owners[document]}"
        for key, text in each.found.texts.items():
            yield from leaks(words, Observation(f"passage {key}", tenant, text))
        for document, reason in each.found.dead:
            yield from leaks(words, Observation(f"reason of {document}", None, reason))
        for document, record in each.found.documents.items():
            yield from leaks(words, Observation(f"reason of {document}", None, record.reason))
    for observed in observations:
        yield from leaks(words, observed)


def _find_unproven(
    stores: Mapping[str, _Stores], words: Mapping[str, str], found_own: set[str], locations: Mapping[str, Counter[str]]
) -> Iterable[str]:
    """Returns the checks that could not have failed."""
    for tenant, each in stores.items():
        if locations[tenant]["indexed"] == 0:
            yield f"{tenant} has no passage in its index, so no passage could cross"
            continue
        if tenant not in found_own:
            yield f"{tenant} does not find its own word by asking"
        unread = set(each.found.vectors) - set(each.found.texts)
        if unread:
            yield f"{len(unread)} passages of {tenant} were not opened"
        elif not all(words[tenant].lower() in text.lower() for text in each.found.texts.values()):
            yield f"passages of {tenant} do not contain its word"
