"""Choice of documents to label: by expected errors, at most K of one string, spread over sources.

Uncertainty sampling (Lewis and Gale, 1994, "A Sequential Algorithm for Training Text Classifiers") by the
errors that a model expects of itself. Without the limit of a string a choice is many documents of the same
doubtful name (https://github.com/inception-project/inception/issues/3426).
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

OUTSIDE = "O"
MAIN_SHARE = 0.1  # of a document's expected errors, from which a string is a reason to choose it
LEAST_SHARE = 0.01  # below which a string is not looked at
SPARE = 20  # candidates that are kept for each document wanted
_KEY = ("source", "document")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A document and what is doubtful in it.

    Attributes:
        source, document: its place.
        tokens: number of them.
        doubts: expected errors by string, in lower case; those of strings below LEAST_SHARE are left out.
    """

    source: str
    document: str
    tokens: int
    doubts: Mapping[str, float]

    @property
    def errors(self) -> float:
        """Expected errors of all its strings."""
        return sum(self.doubts.values())

    def joined(self, more: "Candidate") -> "Candidate":
        """With what follows of the same document."""
        doubts = dict(Counter(self.doubts) + Counter(more.doubts))
        return replace(self, tokens=self.tokens + more.tokens, doubts=doubts)

    def gain(self, used: Mapping[str, int], per_string: int) -> float:
        """Expected errors, a token, of the strings that fewer than `per_string` documents were chosen for."""
        left = sum(errors for string, errors in self.doubts.items() if used.get(string, 0) < per_string)
        return left / self.tokens

    def reasons(self, used: Mapping[str, int], per_string: int) -> list[str]:
        """Strings that the document is chosen for, most expected errors first."""
        left = {string: errors for string, errors in self.doubts.items() if used.get(string, 0) < per_string}
        least = MAIN_SHARE * sum(left.values())
        return sorted(
            (s for s, errors in left.items() if errors >= least), key=lambda string: (-left[string], string)
        )


@dataclass(frozen=True)
class Choice:
    """A chosen document, and the strings that it was chosen for."""

    candidate: Candidate
    reasons: tuple[str, ...]


@dataclass
class Candidates:
    """Documents to choose from, as shards bring them; what could not be chosen anyway is dropped.

    Attributes:
        most: documents kept; up to twice as many are held.
        per_string: as for `choose`.
        documents: with a doubt, that were looked at.
    """

    most: int
    per_string: int
    documents: int = 0
    _held: dict[tuple[str, str], Candidate] = field(default_factory=dict)
    _last: tuple[str, str] | None = None  # may continue in the next shard

    def add(self, doubts: pl.DataFrame) -> None:
        """Add the doubts of a shard.

        Args:
            doubts: as `doubts_of` gives them.
        """
        for source, document, tokens, strings, errors in doubts.rows():
            found = dict(zip(strings, errors, strict=True))
            candidate = Candidate(source=source, document=document, tokens=tokens, doubts=found)
            key = (source, document)
            before = self._held.get(key)
            self._held[key] = candidate if before is None else before.joined(candidate)
            self.documents += key != self._last
            self._last = key
        if len(self._held) > 2 * self.most and self._last is not None:
            kept = [choice.candidate for choice in choose(self._held.values(), self.most, self.per_string)]
            last = self._held[self._last]
            self._held = {(of.source, of.document): of for of in (*kept, last)}

    def all(self) -> list[Candidate]:
        """All that are kept."""
        return list(self._held.values())


def doubts_of(tokens: pl.DataFrame, entities: pl.DataFrame) -> pl.DataFrame:
    """Expected errors of the documents of a shard by string.

    An entity found is expected to be wrong 1 - p times, p its calibrated probability; a token left out is
    expected to belong to an entity 1 - p times, p the probability of its tag O. A string is the text of the
    entity or token.

    Args:
        tokens: schema.TOKENS of a shard.
        entities: schema.ENTITIES of a shard.

    Returns:
        a row a document with a doubt, in order: source, document, tokens, strings and their errors (lists).
    """
    error = 1 - pl.col("probability").cast(pl.Float64).fill_nan(None)
    parts = (tokens.filter(tag=OUTSIDE), entities)
    rows = [part.select(*_KEY, string=pl.col("text").str.to_lowercase(), errors=error) for part in parts]
    by_string = (
        pl.concat(rows)
        .filter(pl.col("errors") > 0)
        .group_by(*_KEY, "string", maintain_order=True)
        .agg(pl.col("errors").sum())
        .filter(pl.col("errors") >= LEAST_SHARE * pl.col("errors").sum().over(_KEY))
        .group_by(_KEY, maintain_order=True)
        .agg("string", "errors")
    )
    counts = tokens.group_by(_KEY, maintain_order=True).agg(tokens=pl.len())
    return counts.join(by_string, on=_KEY, maintain_order="left").select(*_KEY, "tokens", "string", "errors")


def choose(candidates: Iterable[Candidate], count: int, per_string: int) -> list[Choice]:
    """Choose documents greedily by `Candidate.gain`, each after those before it.

    No source gives more than its share while others have documents to give.

    Args:
        candidates: documents, in any order.
        count: to choose at most.
        per_string: documents at most that are chosen for one string.

    Returns:
        the chosen, the best first; a document without a doubt that still counts is not among them.
    """
    pool = sorted(candidates, key=lambda of: (-of.gain({}, 1), of.source, of.document))
    share = -(-count // max(len({of.source for of in pool}), 1))
    chosen: list[Choice] = []
    used, taken = Counter[str](), Counter[str]()
    for limit in (share, count):
        heap = [(-of.gain(used, per_string), n) for n, of in enumerate(pool)]
        heapq.heapify(heap)
        later: list[Candidate] = []
        while heap and len(chosen) < count:
            before, n = heapq.heappop(heap)
            of, gain = pool[n], pool[n].gain(used, per_string)
            if gain <= 0:
                continue
            if gain < -before:  # a string of it was used up since: its place is further down
                heapq.heappush(heap, (-gain, n))
            elif taken[of.source] >= limit:
                later.append(of)
            else:
                reasons = of.reasons(used, per_string)
                chosen.append(Choice(of, tuple(reasons)))
                taken[of.source] += 1
                used.update(reasons)
        pool = later
    return chosen
