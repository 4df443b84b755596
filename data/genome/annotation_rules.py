"""Annotation rules: which features become labels, namely coding sequences and the families of `--label`.

A family is named by an attribute of its features, as `[NAME=][TYPE:]KEY[~PATTERN]`:

    product~"ABC transporter"        features whose product matches a regular expression, case ignored
    aars=product~"tRNA ligase"       the same, labelled aars
    pfam                             every value of the attribute pfam becomes a label
    mine=protein_match:pfam~PF00005  only features of this type

or by a file with one of these a line (# begins a comment), or JSON like
{"by_product": {"families": {"aars": "tRNA ligase"}}, "by_pfam": {"families": {"PF00005": "description"}}},
where by_product maps names to patterns, and any other by_KEY lists values of that attribute.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from elman.data.errors import BadInput, UsageError
from elman.data.genome.contigs import NEITHER, PSEUDOGENE, is_pseudo

CDS = "CDS"
PROTEIN_TYPES = (CDS, "protein_match", "protein_hmm_match", "polypeptide_domain")
_SPEC = re.compile(r"(?:(?P<name>[^=~:]+)=)?(?:(?P<type>[\w-]+):)?(?P<key>[\w.-]+)(?:~(?P<pattern>.+))?")
_ADVICE = (
    'Write --label [NAME=][TYPE:]KEY[~PATTERN], such as product~"ABC transporter", or name a file of these.'
)


@dataclass(frozen=True, kw_only=True)
class AnnotationRule:
    """Features that become a label.

    label: the label; None for the value of the attribute. types: of features. key, pattern: when given, an
    attribute and a regular expression that one of its values must match, case ignored.
    """

    label: str | None = CDS
    types: tuple[str, ...] = (CDS,)
    key: str | None = None
    pattern: str = ""

    def match(self, type_: str, attributes: Mapping[str, Sequence[str]]) -> str | None:
        """Label of a feature of this type with these attributes, or None."""
        if type_ not in self.types:
            return None
        if self.key is None:
            return self.label
        values = (v for v in attributes.get(self.key, ()) if re.search(self.pattern, v, re.IGNORECASE))
        value = next(values, None)
        return None if value is None else self.label or value

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "types": list(self.types)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "AnnotationRule":
        """Undo `to_json`."""
        return cls(**{**fields, "types": tuple(fields["types"])})


CODING = (AnnotationRule(),)


def labels_for(
    rules: Sequence[AnnotationRule], type_: str, attributes: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """Labels of a feature, without duplicates; a pseudogene has the label PSEUDOGENE only."""
    labels = tuple(dict.fromkeys(label for rule in rules if (label := rule.match(type_, attributes))))
    return (PSEUDOGENE,) if labels and is_pseudo(attributes) else labels


def parse_rules(specs: Sequence[str]) -> tuple[AnnotationRule, ...]:
    """Rules for coding features and for the families of `--label`, each written as above.

    Raises:
        UsageError: a rule that cannot be parsed.
        BadInput: a file that cannot be parsed; names its line.
    """
    rules = list(CODING)
    for spec in specs:
        rules += _from_file(Path(spec)) if Path(spec).is_file() else [_rule(spec)]
    return tuple(dict.fromkeys(rules))


def _rule(spec: str) -> AnnotationRule:
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise UsageError(f"expected a family to label. Got {spec!r}. {_ADVICE}")
    pattern = match["pattern"] or ""
    try:
        re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f"expected a regular expression after ~ in {spec!r}. Got {error}. {_ADVICE}"
        ) from None
    name = match["name"] or pattern or None
    if name in (CDS, *NEITHER):
        raise UsageError(f"expected another name than {name} for a family. Got {spec!r}. {_ADVICE}")
    types = (match["type"],) if match["type"] else PROTEIN_TYPES
    return AnnotationRule(label=name, types=types, key=match["key"], pattern=pattern)


def _from_file(path: Path) -> list[AnnotationRule]:
    text = path.read_text(encoding="utf-8", errors="replace")
    if text.lstrip().startswith("{"):
        return _from_json(path, text)
    rules = []
    for number, line in enumerate(text.splitlines(), 1):
        spec = line.partition("#")[0].strip()
        if spec:
            try:
                rules.append(_rule(spec))
            except UsageError as error:
                raise BadInput(
                    "a family a line", got=str(error), todo=_ADVICE, source=path, line=number
                ) from None
    return rules


def _from_json(path: Path, text: str) -> list[AnnotationRule]:
    try:
        groups = {
            name.removeprefix("by_"): dict(group["families"])
            for name, group in json.loads(text).items()
            if name.startswith("by_")
        }
        rules = [
            AnnotationRule(
                label=name,
                types=PROTEIN_TYPES,
                key=key,
                pattern=str(value) if key == "product" else f"^{re.escape(name)}$",
            )
            for key, families in groups.items()
            for name, value in families.items()
        ]
        for rule in rules:
            re.compile(rule.pattern)
    except (ValueError, KeyError, TypeError, AttributeError, re.error) as error:
        todo = 'Write {"by_product": {"families": {NAME: PATTERN}}}, or one family a line.'
        raise BadInput("families as JSON", got=repr(error), todo=todo, source=path) from None
    return rules
