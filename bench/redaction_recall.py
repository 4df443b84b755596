"""What `elman tag --redact` takes out: entities of a labelled corpus by type, and generated contact data.

    python -m bench.redaction_recall MODEL CORPUS_FOLDER

An entity counts as taken out if no character of it is left, under whatever type. Contact data stand in
sentences of three kinds; they are written by rules of their own, with the checksums of the standards.
"""

import argparse
import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
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
    """A made-up address or number that is valid by its standard."""

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
    """Example numbers of countries, their last digits changed, in a form of phonenumbers."""
    while True:
        region = rng.choice(regions)
        number = phonenumbers.example_number_for_type(region, rng.choice([0, 1]))
        if number is not None:
            number.national_number += rng.randint(-40, 40)
            if phonenumbers.is_valid_number(number):
                yield region, phonenumbers.format_number(number, how)


def generated(seed: int = 0) -> Iterator[tuple[str, str]]:
    """Pattern, or phone with how it is written, and contact data."""
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
    """Spans that were taken out, by document."""
    config = TagConfig(model=model, sources=(source,), out=folder, redact="replace", workers=0, **options)
    tag.fn(config)
    spans: dict[str, list[tuple[int, int]]] = {}
    rows = Dataset.open(folder).scan("redactions").select("document", "start", "end").collect()
    for document, start, end in rows.iter_rows():
        spans.setdefault(document, []).append((start, end))
    return spans


def left(start: int, end: int, taken: list[tuple[int, int]]) -> int:
    """Characters that are left of start to end."""
    return end - start - sum(max(min(end, b) - max(start, a), 0) for a, b in taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path, help="folder of an ingested corpus")
    parser.add_argument("--split", default="test", help="of the corpus; all: whatever it is")
    options = parser.parse_args()
    all_, out, part = Counter[str](), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as scratch:
        taken = redactions(options.model, options.corpus, Path(scratch) / "corpus")
        labelled = pl.col("tags").is_not_null() & (
            pl.col("split").eq(options.split) | (options.split == "all")
        )
        rows = Dataset.open(options.corpus).scan().filter(labelled).collect()
        for row in rows.iter_rows(named=True):
            for first, last, kind in spans_of(row["tags"]):
                start, end = row["token_start"][first], row["token_end"][last - 1]
                rest = left(start, end, taken.get(row["document"], []))
                all_[kind] += 1
                out[kind] += rest == 0
                part[kind] += 0 < rest < end - start
        cases = list(generated())
        path = Path(scratch) / "cases.jsonl"
        lines = [{"id": str(n), "text": FRAMES[n % 3].format(text)} for n, (_, text) in enumerate(cases)]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        more = {"patterns": "mail,phone,card,iban,url", "redact_types": "MAIL,PHONE,CARD,IBAN,URL"}
        taken = redactions(options.model, path, Path(scratch) / "cases", phone_region="DE,GB,US", **more)
        for n, (kind, text) in enumerate(cases):
            start = FRAMES[n % 3].index("{}")
            rest = left(start, start + len(text), taken.get(str(n), []))
            all_[kind] += 1
            out[kind] += rest == 0
            part[kind] += 0 < rest < len(text)
    for kind, count in all_.items():
        print(f"| {kind} | {count:,} | {100 * out[kind] / count:.1f} | {100 * part[kind] / count:.1f} |")


if __name__ == "__main__":
    main()
