"""Recall of `elman tag --redact`: entities of labelled corpora by type, and generated contact data.

    python -m bench.redaction_recall MODEL CORPUS_FOLDER ... [--split all] [--contacts]

An entity counts as taken out if no character of it is left, under whatever type. Contact data stand in
sentences of three kinds; they are written by rules of their own, with the checksums of the standards.
"""

import argparse
import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import phonenumbers
import polars as pl
from stdnum import iban, luhn

from elman.data.store.dataset import Dataset
from elman.data.text.tags import spans as spans_of
from elman.flows.tag import TagConfig, tag

CASES = 1000  # of each pattern
FRAMES = ("Write to {} today.", "({})", "It was {}, she said, and left.")
CARDS = (("4", 16), ("51", 16), ("55", 16), ("34", 15), ("37", 15), ("6011", 16), ("36", 14), ("4", 13))
BBANS = {
    "DE": "370400440532013000",
    "GB": "WEST12345698765432",
    "NL": "ABNA0417164300",
    "AT": "1904300234573201",
}


def contact(kind: str, rng: random.Random) -> str:
    """Make up an address or number that is valid by its standard."""

    def digits(count: int) -> str:
        return "".join(rng.choices("0123456789", k=count))

    def word(letters: str = "abcdefghijklmnopqrstuvwxyzäöé") -> str:
        return "".join(rng.choices(letters, k=rng.randint(2, 9)))

    ending = rng.choice(["org", "co.uk", "de", "museum"])
    host = f"{word('abcdefghij')}{rng.choice(['', '-' + word('klmno')])}.{ending}"
    if kind == "mail":
        return f"{word()}{rng.choice(['.' + word(), '+' + digits(2), '_' + word(), ''])}@{host}"
    if kind == "url":
        start = rng.choice(["https://", "http://", "ftp://", "www."])
        return f"{start}{host}/{word()}{rng.choice(['', '?q=' + digits(3), '#' + word(), '/a_(b)'])}"
    if kind == "card":
        prefix, length = rng.choice(CARDS)
        number = prefix + digits(length - len(prefix) - 1)
        number += luhn.calc_check_digit(number)
        gap = rng.choice(["", " ", "-"])
        return gap.join(number[at : at + 4] for at in range(0, length, 4))
    if kind == "iban":
        country = rng.choice(list(BBANS))
        bban = BBANS[country]
        if country in ("DE", "AT", "GB"):  # no check digits of the country's own
            bban = bban[:-8] + digits(8)
        number = country + iban.calc_check_digits(f"{country}00{bban}") + bban
        return number if rng.random() < 0.5 else iban.format(number)
    return ""


def telephones(rng: random.Random, how: int, regions: list[str]) -> Iterator[tuple[str, str]]:
    """Yield countries and example numbers of theirs, last digits changed, in a form of phonenumbers."""
    while True:
        region = rng.choice(regions)
        number = phonenumbers.example_number_for_type(region, rng.choice([0, 1]))
        if number is not None:
            number.national_number += rng.randint(-40, 40)
            if phonenumbers.is_valid_number(number):
                yield region, phonenumbers.format_number(number, how)


def generated(seed: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the pattern, or phone with how it is written, and contact data of it."""
    rng = random.Random(seed)  # noqa: S311
    for kind in ("mail", "url", "card", "iban"):
        for _ in range(CASES):
            yield kind, contact(kind, rng)
    every = telephones(
        rng, phonenumbers.PhoneNumberFormat.INTERNATIONAL, sorted(phonenumbers.SUPPORTED_REGIONS)
    )
    home = telephones(rng, phonenumbers.PhoneNumberFormat.NATIONAL, ["DE", "GB", "US"])
    for _ in range(CASES):
        yield "phone, with +", next(every)[1]
        yield "phone, as in its country", next(home)[1]


def redactions(model: str, source: Path, folder: Path, **options: str) -> dict[str, list[tuple[int, int]]]:
    """Return the spans that were taken out, by document."""
    config = TagConfig(model=model, sources=(source,), out=folder, redact="replace", workers=0, **options)
    tag.fn(config)
    spans: dict[str, list[tuple[int, int]]] = {}
    rows = Dataset.open(folder).scan("redactions").select("document", "start", "end").collect()
    for document, start, end in rows.iter_rows():
        spans.setdefault(document, []).append((start, end))
    return spans


def left(start: int, end: int, taken: list[tuple[int, int]]) -> int:
    """Count the characters that are left of start to end."""
    return end - start - sum(max(min(end, b) - max(start, a), 0) for a, b in taken)


@dataclass
class Recall:
    """Counts of entities by their name in the table: all, taken out whole, taken out in part."""

    all: Counter[str] = field(default_factory=Counter)
    out: Counter[str] = field(default_factory=Counter)
    part: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, start: int, end: int, taken: list[tuple[int, int]]) -> None:
        """Count an entity."""
        rest = left(start, end, taken)
        self.all[name] += 1
        self.out[name] += rest == 0
        self.part[name] += 0 < rest < end - start

    def print_rows(self) -> None:
        """Print rows of the table, the most frequent first."""
        for name, count in self.all.most_common():
            out, part = 100 * self.out[name] / count, 100 * self.part[name] / count
            print(f"| {name} | {count:,} | {out:.1f} | {part:.1f} |")


def recall_of_corpus(model: str, corpus: Path, split: str, scratch: Path) -> Recall:
    """Recall of the labelled entities of a split, or of all."""
    recall, taken = Recall(), redactions(model, corpus, scratch / corpus.name)
    labelled = pl.col("tags").is_not_null() & (pl.col("split").eq(split) | (split == "all"))
    for row in Dataset.open(corpus).scan().filter(labelled).collect().iter_rows(named=True):
        for first, last, kind in spans_of(row["tags"]):
            start, end = row["token_start"][first], row["token_end"][last - 1]
            recall.add(f"{corpus.name}: {kind}", start, end, taken.get(row["document"], []))
    return recall


def recall_of_contacts(model: str, scratch: Path) -> Recall:
    """Recall of generated contact data by their patterns alone."""
    cases, path, recall = list(generated()), scratch / "cases.jsonl", Recall()
    lines = [{"id": str(n), "text": FRAMES[n % 3].format(text)} for n, (_, text) in enumerate(cases)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    more = {"patterns": "mail,phone,card,iban,url", "redact_types": "MAIL,PHONE,CARD,IBAN,URL"}
    taken = redactions(model, path, scratch / "cases", phone_region="DE,GB,US", **more)
    for n, (kind, text) in enumerate(cases):
        start = FRAMES[n % 3].index("{}")
        recall.add(f"generated {kind}", start, start + len(text), taken.get(str(n), []))
    return recall


def main() -> None:
    """Measure and print the rows of the table in docs/redaction.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("corpora", type=Path, nargs="*", help="folders of ingested corpora")
    parser.add_argument("--split", default="test", help="of the corpora, or all")
    parser.add_argument("--contacts", action="store_true", help="generated contact data, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for corpus in options.corpora:
            recall_of_corpus(options.model, corpus, options.split, Path(scratch)).print_rows()
        if options.contacts:
            recall_of_contacts(options.model, Path(scratch)).print_rows()


if __name__ == "__main__":
    main()
