"""Entities of a checkable form: mail and web addresses, telephone and card numbers, IBANs.

    mail    LOCAL@HOST of RFC 5322 without quoted parts; letters of all scripts (RFC 6531)
    url     http://, https://, ftp:// or www. up to white space, quotes or brackets <>, without the
            punctuation of the sentence behind it
    iban    ISO 13616: check digits, and the form of the country's account numbers (python-stdnum)
    card    12 to 19 digits that begin with 2 to 6, blanks or hyphens between them, with the check digit of
            ISO/IEC 7812 (Luhn, python-stdnum)
    phone   numbers that are valid by the numbering plans of the world (phonenumbers); without a region only
            those written with + and the country's number

A pattern is looked for in one sentence at a time, as it stands in the text.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from elman.data.errors import UsageError
from elman.data.redaction.overlaps import Span, without_overlaps

Finder = Callable[[str, Sequence[str]], Iterator[tuple[int, int]]]  # text, regions -> start and end of each
MODEL = "pattern:"  # before the name of a pattern, in the place of a model's version

_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_MAIL = re.compile(
    rf"(?<![\w.!#$%&'*+/=?^`{{|}}~-]){_ATOM}(?:\.{_ATOM}){{0,15}}@{_LABEL}(?:\.{_LABEL}){{1,8}}(?![\w@])"
)
_URL = re.compile(
    r"(?<![^\W_])(?:https?://|ftp://|www\.)[^\s<>\"'\u00ab\u00bb\u201c\u201d\u3000-\u3003\u3008-\u3011]+",
    re.I,
)
_PUNCTUATION = ".,;:!?]}*\u2019\u2026"  # of the sentence rather than of the address it stands behind
_CARD = re.compile(r"(?<![\d.,+-])[2-6](?:[ -]?\d){11,18}(?![\d-])", re.ASCII)
_IBAN_HEAD = re.compile(r"(?<![^\W_])[A-Z]{2}\d{2}", re.ASCII | re.I)
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}(?![^\W_])", re.ASCII | re.I)
_SHORTEST_IBAN = 15
_DIGITS = re.compile(r"\d(?:\D{0,4}\d){5}")  # as a telephone number has at least


def _mail(text: str, regions: Sequence[str]) -> Iterator[tuple[int, int]]:
    if "@" in text:
        for match in _MAIL.finditer(text):
            yield match.span()


def _url(text: str, regions: Sequence[str]) -> Iterator[tuple[int, int]]:
    for match in _URL.finditer(text):
        url = match[0]
        while url and (url[-1] in _PUNCTUATION or (url[-1] == ")" and url.count("(") < url.count(")"))):
            url = url[:-1]
        if len(url) > len("https://") or (url[:4].lower() == "www." and len(url) > len("www.")):
            yield match.start(), match.start() + len(url)


def _iban(text: str, regions: Sequence[str]) -> Iterator[tuple[int, int]]:
    from stdnum import iban

    done = 0
    for head in _IBAN_HEAD.finditer(text):
        match = _IBAN.match(text, head.start()) if head.start() >= done else None
        candidate = match[0] if match else ""
        while len(candidate) >= _SHORTEST_IBAN:  # words behind the number look like a part of it
            if iban.is_valid(candidate):
                done = head.start() + len(candidate)
                yield head.start(), done
                break
            candidate = candidate[: max(candidate.rfind(" "), 0)]


def _card(text: str, regions: Sequence[str]) -> Iterator[tuple[int, int]]:
    from stdnum import luhn

    for match in _CARD.finditer(text):
        digits = match[0].replace(" ", "").replace("-", "")
        if digits.strip(digits[0]) and luhn.is_valid(digits):
            yield match.span()


def _phone(text: str, regions: Sequence[str]) -> Iterator[tuple[int, int]]:
    if not _DIGITS.search(text):
        return
    from phonenumbers import Leniency, PhoneNumberMatcher

    for region in regions or (None,):
        if region is not None or "+" in text or "\uff0b" in text:
            for match in PhoneNumberMatcher(text, region, leniency=Leniency.VALID):
                yield match.start, match.end


PATTERNS: dict[str, Finder] = {  # in the order that decides between two of the same length
    "url": _url,
    "mail": _mail,
    "iban": _iban,
    "card": _card,
    "phone": _phone,
}
_RANKS = {f"{MODEL}{name}": rank for rank, name in enumerate(PATTERNS, 1)}


def rank_of(model: str) -> int:
    """Rank of what a table names as the model of an entity: 0, or that of a pattern, from 1."""
    return _RANKS.get(model, 0)


@dataclass(frozen=True)
class Patterns:
    """Patterns to look for.

    Attributes:
        names: of PATTERNS.
        regions: countries (ISO 3166, such as GB) whose telephone numbers count as they are written there.

    Raises:
        UsageError: an unknown pattern or region, or regions without the pattern phone.
    """

    names: tuple[str, ...]
    regions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = [name for name in self.names if name not in PATTERNS]
        if unknown or not self.names:
            got = ", ".join(unknown) or "none"
            raise UsageError(f"expected --patterns of {', '.join(sorted(PATTERNS))}. Got {got}.")
        if self.regions:
            if "phone" not in self.names:
                raise UsageError("expected --phone-region beside --patterns phone. Got no phone.")
            from phonenumbers import SUPPORTED_REGIONS

            unknown = [region for region in self.regions if region not in SUPPORTED_REGIONS]
            if unknown:
                raise UsageError(f"expected --phone-region as GB or DE,AT. Got {', '.join(unknown)}.")

    @property
    def types(self) -> tuple[str, ...]:
        """Entity types: MAIL, PHONE ..."""
        return tuple(name.upper() for name in PATTERNS if name in self.names)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        names = [name for name in PATTERNS if name in self.names]
        return {"names": names, **({"phone_region": list(self.regions)} if self.regions else {})}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Undo `to_json`."""
        return cls(tuple(value["names"]), tuple(value.get("phone_region", ())))

    def find(self, text: str) -> list[Span]:
        """Entities of a text in order; none overlaps another."""
        return without_overlaps(
            Span(start, end, name.upper(), rank)
            for rank, (name, finder) in enumerate(PATTERNS.items(), 1)
            if name in self.names
            for start, end in finder(text, self.regions)
        )
