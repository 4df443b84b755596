"""A larger network takes over the weights of an earlier one; what that one lacks keeps its first weights."""

import numpy as np
import pytest

from elman.rnn.networks.architecture import init
from elman.rnn.networks.ensemble import EnsembleConfig
from elman.rnn.networks.growth import EarlierNetwork, take_over
from elman.rnn.networks.tagger import NetworkConfig

ROWS = np.array([0, 1, 4, -1, 2, 3])  # of the earlier table, for six rows
CLASSES = np.array([0, -1, 2])


def network(rows, classes, **fields):
    return NetworkConfig(rows=rows, classes=classes, hidden=4, embedding=4, output="crf", **fields)


def test_shared_rows_and_classes_are_those_of_the_earlier_network():
    old, new = init(network(5, 3), 1), init(network(6, 3), 2)
    old["chain.transition"] += 7
    first = {name: value.copy() for name, value in new.items()}
    take_over(new, EarlierNetwork(params=old, rows=ROWS, classes=CLASSES))
    np.testing.assert_array_equal(new["table"][[0, 1, 2, 4, 5]], old["table"][[0, 1, 4, 2, 3]])
    np.testing.assert_array_equal(new["table"][3], first["table"][3])
    np.testing.assert_array_equal(new["head.Wy"][:, [0, 2]], old["head.Wy"][:, [0, 2]])
    np.testing.assert_array_equal(new["head.Wy"][:, 1], first["head.Wy"][:, 1])
    np.testing.assert_array_equal(new["chain.transition"], [[7, 0, 7], [0, 0, 0], [7, 0, 7]])
    np.testing.assert_array_equal(new["0.forward.Wh"], old["0.forward.Wh"])
    assert new["0.forward.Wh"] is not old["0.forward.Wh"]


def test_every_member_of_an_ensemble_takes_over_its_own():
    before = EnsembleConfig(member=network(5, 3, cell="lstm"), members=2)
    after = EnsembleConfig(member=network(6, 3, cell="lstm"), members=2)
    old, new = init(before, 1), init(after, 2)
    take_over(new, EarlierNetwork(params=old, rows=ROWS, classes=np.arange(3)))
    for k in "01":
        np.testing.assert_array_equal(new[f"{k}/table"][2], old[f"{k}/table"][4])
        np.testing.assert_array_equal(new[f"{k}/head.Wy"], old[f"{k}/head.Wy"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"layers": 2}, "1.backward.Wh differs"), ({"cell": "lstm"}, "expected the shape")],
)
def test_another_kind_of_network_is_refused(fields, message):
    old, new = init(network(5, 3), 1), init(network(6, 3, **fields), 2)
    with pytest.raises(ValueError, match=message):
        take_over(new, EarlierNetwork(params=old, rows=ROWS, classes=CLASSES))
