"""Acoustic networks prepared for inference: logits of many sounds, by kernels, weights packed once."""

from collections.abc import Sequence

import numpy as np

from elman.rnn.compute.arrays import Floats, Params
from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.inference.prepared import PreparedTagger
from elman.rnn.networks.acoustic import AcousticConfig, normalised


class PreparedAcoustic:
    """An acoustic network; the logits of a sound have the same bits whatever sounds are beside it."""

    def __init__(self, config: AcousticConfig, params: Params) -> None:
        self.config, self.params = config, params
        self._network = PreparedTagger(config.network, params)

    def logits(self, sounds: Sequence[Floats]) -> list[Floats]:
        """Logits (T, V) of each sound, from its frames (T, I) float32, at least one."""
        offsets = offsets_of([len(frames) for frames in sounds])
        batch = pack(
            Sequences(np.arange(offsets[-1], dtype=np.int32), offsets), np.arange(len(sounds), dtype=np.int64)
        )
        inputs = self._network.dense_inputs(normalised(self.params, np.concatenate(sounds)))
        packed = self._network.logits(inputs, batch.places.astype(np.int32), batch)
        out = np.empty_like(packed)
        out[batch.places] = packed
        return np.split(out, offsets[1:-1])
