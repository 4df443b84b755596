"""Units count the sentences of a document from its beginning; a passport keeps the pooling of a model."""

import numpy as np

from elman.rnn.inference.pooling import PoolingWeights
from elman.tasks.documents.pooling import DocumentPooling, unit_numbers


def test_a_unit_is_so_many_sentences_of_a_document_counted_from_its_beginning():
    document = np.array([0, 0, 0, 0, 0, 1, 1, 2])
    number = np.array([0, 1, 2, 3, 4, 0, 1, 0])
    assert unit_numbers(document, number, 2).tolist() == [0, 0, 1, 1, 2, 3, 3, 4]
    assert unit_numbers(document[1:], number[1:], 2).tolist() == [0, 1, 1, 2, 3, 3, 4]
    assert unit_numbers(document[:0], number[:0], 2).tolist() == []


def test_a_passport_keeps_it_and_one_without_has_none():
    pooling = DocumentPooling(window=25, weights=PoolingWeights(0.25, 0.5, 1.5))
    assert DocumentPooling.from_json(pooling.to_json()) == pooling
    assert DocumentPooling.from_json({}) is None
