"""What became of each accepted job: pure, over what was read from the stores and overheard.

Lost: accepted, and neither done nor waiting nor given up. Duplicate: a passage too many, or a job in two
places. Crossed: a tenant's word anywhere but with its owner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

READY, FAILED = "ready", "failed"


@dataclass(frozen=True)
class Accepted:
    """A document that the API took, and whose bytes were stored."""

    tenant: str
    document: str
    # Passages that belong into the index; none: it cannot be read.
    passages: int


@dataclass(frozen=True)
class Document:
    """A document's record."""

    status: str
    passages: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Tenancy:
    """All that the stores hold of one tenant."""

    tenant: str
    documents: Mapping[str, Document]
    # The documents of `JOB#`, `PARKED#` and `DEAD#` items, as often as there are such items.
    open: tuple[str, ...] = ()
    parked: tuple[str, ...] = ()
    # Document and reason.
    dead: tuple[tuple[str, str], ...] = ()
    # Keys of the vector index, `<document>.<revision of eight digits>.<number of five digits>`.
    vectors: tuple[str, ...] = ()
    # What the passages say, by key, opened in the tenant's own session.
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Overheard:
    """Text that somebody got to see. Nobody owns a log, so no tenant's word belongs there."""

    where: str
    owner: str | None
    text: str


@dataclass(frozen=True)
class Verdict:
    """What became of the accepted jobs, and what is wrong; each wrong in a line."""

    accepted: int
    # By place, for each tenant: `indexed`, `parked`, `open`, `dead`, `lost`.
    places: Mapping[str, Counter[str]]
    lost: tuple[str, ...]
    duplicates: tuple[str, ...]
    crossed: tuple[str, ...]
    # Jobs still open, and checks that could not have failed.
    unsettled: tuple[str, ...]
    unproven: tuple[str, ...]
    # Jobs that were seen without an entry in the backlog: whatever became of them, nobody would have looked.
    forgotten: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        wrong = self.lost, self.duplicates, self.crossed, self.unsettled, self.unproven, self.forgotten
        return not any(wrong)

    def total(self, place: str) -> int:
        return sum(counts[place] for counts in self.places.values())


def document_of(key: str) -> str:
    return key.partition(".")[0]


def passages_of(document: str, count: int) -> set[str]:
    """The keys of all passages of a document, whose content is its first."""
    return {f"{document}.00000001.{number:05}" for number in range(count)}


class _Stores:
    """One tenant's stores, by document."""

    def __init__(self, found: Tenancy) -> None:
        self.found = found
        self.items = {
            "open": Counter(found.open),
            "parked": Counter(found.parked),
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
        """Whether all passages of a job are in the index."""
        return job.passages > 0 and passages_of(job.document, job.passages) <= set(self.keys.get(job.document, ()))

    def places(self, job: Accepted) -> list[str]:
        """Everywhere that the job is. One is as it should be."""
        status, whole = self.status(job.document), self.whole(job)
        given_up = self.items["dead"][job.document] > 0
        # The passages of a job that waits may be there already: it is about to write them again. Those of
        # a job that was given up may not, its owner is told that it is not indexed.
        # One that is done and open is about to be told so: it is open, which is wrong enough.
        done = status == READY and not self.items["open"][job.document]
        found = ["indexed"] if whole and (done or given_up) else []
        found += [place for place in ("open", "parked") if self.items[place][job.document]]
        if given_up and status == FAILED and self.reasons[job.document]:
            found.append("dead")
        elif given_up:
            found.append(f"dead, while its document says {status} and {self.reasons[job.document] or 'no reason'}")
        return found

    def describe(self, job: Accepted) -> str:
        there = sum(self.keys.get(job.document, Counter()).values())
        return f"{job.tenant} {job.document}: {self.status(job.document)}, no item, {there} of {job.passages} passages"

    def surplus(self, expected: Mapping[str, int]) -> list[str]:
        """Passages too many, and jobs with two items of one kind."""
        tenant, wrong = self.found.tenant, []
        for document, keys in self.keys.items():
            record = self.found.documents.get(document)
            # Of a document whose answer was lost, its own record says how many belong there.
            count = expected.get(document, record.passages if record else 0)
            more = sorted((keys - Counter(passages_of(document, count))).elements())
            if record is None:
                wrong.append(f"{tenant} {document}: {len(more)} passages of a document that it does not have")
            elif more and (document in expected or record.status == READY):
                wrong.append(f"{tenant} {document}: passages beyond the {count} expected: {', '.join(more)}")
        for place, items in self.items.items():
            wrong += [f"{tenant} {document} is {place} {count} times" for document, count in items.items() if count > 1]
        return wrong


def judge(
    accepted: Iterable[Accepted],
    tenancies: Iterable[Tenancy],
    words: Mapping[str, str],
    overheard: Iterable[Overheard],
    heard_own: Iterable[str] = (),
    forgotten: Iterable[str] = (),
) -> Verdict:
    """`words` are the tenants' own; `heard_own` the tenants who found theirs by asking."""
    jobs, stores = list(accepted), {each.tenant: _Stores(each) for each in tenancies}
    lost: list[str] = []
    duplicates: list[str] = []
    places: dict[str, Counter[str]] = {tenant: Counter() for tenant in stores}
    for job in jobs:
        there = stores[job.tenant]
        where = there.places(job)
        if not where:
            lost.append(there.describe(job))
        elif len(where) > 1:
            duplicates.append(f"{job.tenant} {job.document} is {' and '.join(where)}")
        places[job.tenant][where[-1].partition(",")[0] if where else "lost"] += 1
    for tenant, there in stores.items():
        duplicates += there.surplus({job.document: job.passages for job in jobs if job.tenant == tenant})
    return Verdict(
        accepted=len(jobs),
        places=places,
        lost=tuple(lost),
        duplicates=tuple(duplicates),
        crossed=tuple(_crossed(stores, words, overheard)),
        unsettled=tuple(f"{tenant} {document}" for tenant, each in stores.items() for document in each.found.open),
        unproven=tuple(_unproven(stores, words, set(heard_own), places)),
        forgotten=tuple(forgotten),
    )


def crossings(words: Mapping[str, str], heard: Overheard) -> list[str]:
    """The words in a text that are not its owner's to see."""
    text = heard.text.lower()
    return [
        f"{heard.where} shows {'nobody' if heard.owner is None else heard.owner} the word of {tenant}"
        for tenant, word in words.items()
        if tenant != heard.owner and word.lower() in text
    ]


def _crossed(stores: Mapping[str, _Stores], words: Mapping[str, str], overheard: Iterable[Overheard]) -> Iterable[str]:
    owners = {document: tenant for tenant, each in stores.items() for document in each.found.documents}
    for tenant, each in stores.items():
        for document in each.keys:
            if owners.get(document, tenant) != tenant:
                yield f"the index of {tenant} holds {document} of {owners[document]}"
        for key, text in each.found.texts.items():
            yield from crossings(words, Overheard(f"passage {key}", tenant, text))
        for document, reason in each.found.dead:
            yield from crossings(words, Overheard(f"reason of {document}", None, reason))
        for document, record in each.found.documents.items():
            yield from crossings(words, Overheard(f"reason of {document}", None, record.reason))
    for heard in overheard:
        yield from crossings(words, heard)


def _unproven(
    stores: Mapping[str, _Stores], words: Mapping[str, str], heard_own: set[str], places: Mapping[str, Counter[str]]
) -> Iterable[str]:
    """Checks that would have passed whatever happened: nobody could have found anything."""
    for tenant, each in stores.items():
        if places[tenant]["indexed"] == 0:
            yield f"{tenant} has nothing in its index: nothing could have crossed from it"
            continue
        if tenant not in heard_own:
            yield f"{tenant} does not find its own word by asking"
        unread = set(each.found.vectors) - set(each.found.texts)
        if unread:
            yield f"{len(unread)} passages of {tenant} were not opened"
        elif not all(words[tenant].lower() in text.lower() for text in each.found.texts.values()):
            yield f"passages of {tenant} do not hold its own word"
