"""Scaling and curves of precision are measured on the entities that the model predicts, by its tags."""

from pathlib import Path

import numpy as np
import pytest

from elman.data.store.dataset import Dataset
from elman.tasks.evaluation.answers import Answers, LabelledParts
from elman.tasks.models import model_folder, precision
from elman.tasks.models.text_tagger import Tagger


@pytest.mark.parametrize("binary", [None, "PER"])
def test_the_curves_are_those_of_tagging_dev_and_test(names, train_in, trained, tmp_path, binary):
    fitted = trained if binary is None else train_in(tmp_path, names, binary=binary)
    model = model_folder.read(Path(fitted["model"]))
    tagger, curves = Tagger.of(model), precision.read_curves(model)
    assert list(curves) == ["dev", "test"]
    for split, of in curves.items():
        parts = LabelledParts(tagger, Dataset.open(names), split, ())
        answers = Answers.join([Answers.of(tagger, part) for part in parts])
        right = answers.predicted.join(answers.gold, on=["sequence", "start", "end", "type"], how="semi")
        for name, curve in of.items():
            predicted = answers.predicted.filter(type=name)
            last = curve.row(-1, named=True)
            assert (last["kept"], last["correct"]) == (predicted.height, right.filter(type=name).height)
            assert last["recall"] == pytest.approx(last["correct"] / answers.gold.filter(type=name).height)
            np.testing.assert_allclose(last["threshold"], predicted["surety"].min(), atol=1e-5)


def test_probabilities_are_scaled_by_what_the_passport_holds(trained):
    model = model_folder.read(Path(trained["model"]))
    tagger = Tagger.of(model)
    assert set(model.of_text.entity_scaling) == {"LOC", "PER"}
    text = "Badeson met Gorubson in Tinakburg ."
    scaled, plain = tagger.tag_text(text), tagger.unscaled().tag_text(text)
    assert [entity[:3] for entity in scaled] == [entity[:3] for entity in plain]
    assert [entity.probability for entity in scaled] != [entity.probability for entity in plain]
    assert tagger.scaled
    assert not tagger.unscaled().scaled
