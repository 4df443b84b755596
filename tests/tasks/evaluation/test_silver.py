"""Silver labels are scored where gold has the sentence, too; mistakes are listed with both answers."""

from elman.tasks.evaluation.silver import SilverAgreement


def test_silver_labels_are_scored_on_gold_training_and_dev_sentences_but_not_on_test(silver_of):
    silver = silver_of(
        [
            ("s1", "train", "Sam/B-PER Li/I-PER met/O Tom/O"),
            ("s2", "train", "Rome/B-PER is/O old/O"),
            ("s3", "train", "Eva/O stayed/O in/O Wien/O"),
            ("s4", "train", "Ada/B-PER slept/O"),
        ]
    )
    agreement = SilverAgreement.of(silver)
    assert agreement is not None
    assert agreement.sentences == 2
    assert (agreement.overall.support, agreement.overall.predicted, agreement.overall.correct) == (3, 2, 1)
    assert agreement.per_type["PER"].recall == 0.5
    assert agreement.per_type["LOC"].recall == 0
    rows = agreement.disagreements
    assert rows.select("outcome", "gold_text", "predicted_text").rows() == [
        ("type", "Rome", "Rome"),
        ("missed", "Tom", None),
    ]


def test_sentences_are_the_same_whatever_their_spaces(silver_of):
    silver = silver_of([("s1", "train", "SamLi/B-PER met/O Tom/B-PER"), ("s2", "train", "Ada/B-PER left/O")])
    agreement = SilverAgreement.of(silver)
    assert agreement is not None
    assert (agreement.sentences, agreement.overall.correct) == (1, 2)


def test_without_a_common_sentence_nothing_is_compared(silver_of):
    assert SilverAgreement.of(silver_of([("s1", "train", "Ada/B-PER slept/O")])) is None
