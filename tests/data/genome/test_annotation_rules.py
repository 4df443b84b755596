import json

import pytest

from elman.data.errors import BadInput, UsageError
from elman.data.genome.annotation_rules import CODING, AnnotationRule, labels_for, parse_rules
from elman.data.genome.contigs import PSEUDOGENE

ABC = {"product": ["sugar abc transporter"], "pfam": ["PF00005"]}


def families(*asked):
    return parse_rules(asked)[len(CODING) :]


@pytest.mark.parametrize(
    ("asked", "type_", "label"),
    [
        ("product~ABC transporter", "CDS", "ABC transporter"),
        ("abc=product~ABC trans", "CDS", "abc"),
        ("pfam", "protein_match", "PF00005"),
        ("pfam~^PF00006$", "protein_match", None),
        ("mine=CDS:pfam~PF00005", "protein_match", None),
        ("mine=protein_match:pfam~PF00005", "protein_match", "mine"),
        ("product~ABC", "tRNA", None),
    ],
)
def test_a_family_is_asked_for_by_an_attribute(asked, type_, label):
    (rule,) = families(asked)
    assert rule.match(type_, ABC) == label


def test_a_feature_codes_and_is_of_a_family():
    assert labels_for(parse_rules(["abc=product~abc"]), "CDS", ABC) == ("CDS", "abc")


def test_a_pseudogene_is_of_no_family():
    assert labels_for(parse_rules(["product~abc"]), "CDS", {**ABC, "pseudo": ["true"]}) == (PSEUDOGENE,)


def test_families_stand_in_a_file_one_a_line(tmp_path):
    path = tmp_path / "families.txt"
    path.write_text("# two\nabc=product~ABC  # by name\n\npfam\n")
    assert families(str(path)) == families("abc=product~ABC", "pfam")


def test_families_stand_in_a_file_of_json_by_attribute(tmp_path):
    path = tmp_path / "families.json"
    by = {"by_product": {"families": {"abc": "ABC"}}, "by_pfam": {"families": {"PF00005": "a domain"}}}
    path.write_text(json.dumps(by))
    assert families(str(path)) == families("abc=product~ABC", "PF00005=pfam~^PF00005$")


@pytest.mark.parametrize("asked", ["", "~x", "a=b=c", "product~(", "CDS=product~x"])
def test_what_is_no_family_is_refused(asked):
    with pytest.raises(UsageError, match="--label"):
        parse_rules([asked])


def test_a_bad_line_of_a_file_is_named(tmp_path):
    path = tmp_path / "families.txt"
    path.write_text("pfam\nproduct~(\n")
    with pytest.raises(BadInput) as caught:
        parse_rules([str(path)])
    assert caught.value.line == 2


def test_rules_come_back_from_plain_values():
    (rule,) = families("abc=product~ABC")
    assert AnnotationRule.from_json(json.loads(json.dumps(rule.to_json()))) == rule
