"""Weights files: equal weights give equal bytes; a file that is not a network's is refused."""

import mmap

import numpy as np
import pytest
from safetensors.numpy import save as serialize

from elman.rnn.networks.architecture import init
from elman.rnn.networks.baselines import WindowConfig
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.networks.weights import VIEWED, article, from_bytes, to_bytes

CONFIG = NetworkConfig(rows=20, classes=3, hidden=5, layers=2)


def test_weights_come_back_from_their_bytes():
    for config in (CONFIG, WindowConfig(rows=20, classes=3)):
        params = init(config, 1)
        loaded, read, extra = from_bytes(to_bytes(params, config, {"vocabulary": "abc", "a": "b"}))
        assert (read, extra) == (config, {"vocabulary": "abc", "a": "b"})
        assert loaded.keys() == params.keys()
        for name, value in params.items():
            np.testing.assert_array_equal(loaded[name], value)
            loaded[name][:] = 0  # writable, so that training can go on


def test_equal_weights_give_equal_bytes_whatever_their_order_or_memory():
    params = init(CONFIG, 1)
    turned = {name: np.asfortranarray(params[name]) for name in reversed(params)}
    extra = {str(i): "x" for i in range(20)}
    assert to_bytes(params, CONFIG, extra) == to_bytes(turned, CONFIG, dict(reversed(extra.items())))


def test_other_shapes_types_and_files_are_refused():
    params = init(CONFIG, 1)
    with pytest.raises(ValueError, match=r"head.Wy must have shape \(10, 3\). Got \(10, 2\)"):
        to_bytes({**params, "head.Wy": params["head.Wy"][:, :2]}, CONFIG)
    other = NetworkConfig(rows=21, classes=3, hidden=5, layers=2)
    file = to_bytes(params, CONFIG).replace(b'\\\\\\"rows\\\\\\": 20', b'\\\\\\"rows\\\\\\": 21')
    assert file != to_bytes(params, CONFIG)
    with pytest.raises(ValueError, match=rf"table must have shape \({other.rows}, 10\). Got \(20, 10\)"):
        from_bytes(file)
    for bad in (b"", b"not weights at all", serialize(params), to_bytes(params, CONFIG)[:-4]):
        with pytest.raises(ValueError, match=r"expected safetensors"):
            from_bytes(bad)
    double = {**params, "head.by": params["head.by"].astype(np.float64)}
    with pytest.raises(ValueError, match=r"head.by must be float32. Got float64"):
        to_bytes(double, CONFIG)


def test_large_arrays_of_a_mapped_file_are_views_that_can_be_written_to_and_leave_the_file_alone(tmp_path):
    config = NetworkConfig(rows=VIEWED // 8, classes=3, hidden=5)
    params, path = init(config, 1), tmp_path / "weights"
    before = to_bytes(params, config)
    path.write_bytes(before)
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    got, _, _ = from_bytes(mapped)
    assert all(np.array_equal(got[name], params[name]) for name in params)
    got["table"][:] = 0
    assert path.read_bytes() == before
    assert [name for name, value in got.items() if not value.flags.owndata] == ["table"]


def test_the_articles_matrices_are_views_of_the_parameters():
    config = NetworkConfig(rows=10_000, classes=3, hidden=100, bidirectional=False)
    params = init(config, 0)
    before = {k: v.copy() for k, v in params.items()}
    Waa, Wax, Wa, Wya, _, _ = article(params, config)
    assert (Waa.shape, Wax.shape, Wa.shape) == ((100, 100), (100, 10_000), (100, 10_100))
    for name, value in before.items():
        np.testing.assert_array_equal(params[name], value)
    Wa[5, 107] = 42
    assert params["table"][7, 5] == 42
    assert Wax[5, 7] == 42
    assert np.shares_memory(Waa, params["0.forward.Wh"])
    assert np.shares_memory(Wya, params["head.Wy"])
    assert np.shares_memory(article(params, config).Wa, Wa)
    with pytest.raises(ValueError, match="one forward Elman cell"):
        article(params, NetworkConfig(rows=10_000, classes=3))
