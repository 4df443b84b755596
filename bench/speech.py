"""Transcription beside PyTorch: the same acoustic network over an hour of speech, CPU seconds of one thread.

    PYTHONPATH=. .venv-bench/bin/python -m bench.speech fsdd_0-29.zip MODEL [--seconds 3600]

The hour repeats the clips of an archive, in random order, with pauses; MODEL is the folder of a model of the
preset `default`. Both networks have its shape, with GRU cells its weights, with LSTM cells random ones. They
see the same features in the same windows, as `elman transcribe` cuts them, all of a length, so that nothing
is padded. Timed in turn: features (ours, for both), the network of each, and the decoding of the model's
logits: our beam of 8 texts with times and probabilities, and for the peer the likeliest class of each frame,
without repeats and blanks. Logits of both have to agree.
"""

import argparse
import os
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch

from elman.data.audio.clips import Samples
from elman.data.audio.features import FeatureSettings, log_mel_blocks
from elman.data.audio.reading import read_clip
from elman.rnn.compute.arrays import Floats, Params
from elman.rnn.compute.threads import single_threaded
from elman.rnn.inference import ctc_decoding
from elman.rnn.inference.acoustic import PreparedAcoustic
from elman.rnn.networks.acoustic import AcousticConfig, normalised, stacked
from elman.tasks.transcription.segments import Window, windows
from elman.tasks.transcription.transcriber import Transcriber

PASSES = 3
T = TypeVar("T")


class Timed(NamedTuple):
    """CPU seconds of a stage of ours and of the peer's, the lesser of PASSES passes in turn."""

    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        """Seconds of the peer for one of ours."""
        return self.theirs / self.ours


def speech(archive: Path, seconds: float, rate: int) -> Samples:
    """Clips of an archive again and again, with pauses of up to a second."""
    with zipfile.ZipFile(archive) as opened:
        names = sorted(name for name in opened.namelist() if name.endswith(".wav"))
        clips = [read_clip(BytesIO(opened.read(name)), rate).samples for name in names]
    rng, parts, total = np.random.default_rng(0), list[Samples](), 0
    while total < seconds * rate:
        parts += [clips[rng.integers(len(clips))], np.zeros(int(rng.uniform(0.05, 1) * rate), np.float32)]
        total += len(parts[-2]) + len(parts[-1])
    return np.concatenate(parts)[: round(seconds * rate)]


def frames(sound: Samples, settings: FeatureSettings, stack: int) -> Floats:
    """Frames of a sound."""
    blocks = (sound[at : at + (1 << 17)] for at in range(0, len(sound), 1 << 17))
    return stacked(np.concatenate(list(log_mel_blocks(blocks, settings.rate, settings))), stack)


class Peer(torch.nn.Module):
    """The same network in PyTorch.

    Args:
        config: of ours.
        params: of ours.
    """

    def __init__(self, config: AcousticConfig, params: Params) -> None:
        super().__init__()
        kind = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[config.cell]
        self.cell = kind(config.inputs, config.hidden, config.layers, bidirectional=config.bidirectional)
        self.head = torch.nn.Linear(config.hidden * (1 + config.bidirectional), config.classes)
        with torch.no_grad():
            for layer in range(config.layers):
                for direction, suffix in (("forward", ""), ("backward", "_reverse")):
                    self._take(params, f"{layer}.{direction}", f"l{layer}{suffix}", config.hidden)
            self.head.weight[:] = torch.from_numpy(np.ascontiguousarray(params["head.Wy"].T))
            self.head.bias[:] = torch.from_numpy(params["head.by"])

    def _take(self, params: Params, ours: str, theirs: str, hidden: int) -> None:
        weights = dict(self.cell.named_parameters())
        for of, name in (("weight_ih", "Wx"), ("weight_hh", "Wh")):
            weights[f"{of}_{theirs}"][:] = torch.from_numpy(np.ascontiguousarray(params[f"{ours}.{name}"].T))
        weights[f"bias_ih_{theirs}"][:] = torch.from_numpy(params[f"{ours}.b"])
        weights[f"bias_hh_{theirs}"][:] = 0
        if f"{ours}.bh" in params:
            weights[f"bias_hh_{theirs}"][2 * hidden :] = torch.from_numpy(params[f"{ours}.bh"])

    def logits(self, batch: torch.Tensor) -> torch.Tensor:
        """Logits (T, B, V) of frames (T, B, I)."""
        with torch.inference_mode():
            logits: torch.Tensor = self.head(self.cell(batch)[0])
            return logits


def batches(cut: list[Window], size: int) -> Iterator[list[Floats]]:
    """Frames of windows of one length, so many windows at a time."""
    whole = [window.frames for window in cut if len(window.frames) == len(cut[1].frames)]
    for at in range(0, len(whole), size):
        yield whole[at : at + size]


def likeliest(logits: torch.Tensor) -> list[list[int]]:
    """Labels of each sequence of logits (T, B, V), without repeats and blanks."""
    return [
        [label for label in torch.unique_consecutive(one).tolist() if label] for one in logits.argmax(-1).T
    ]


def timed(run: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds of a call, and what it returns."""
    began = time.process_time()
    result = run()
    return time.process_time() - began, result


def least(ours: Callable[[], object], theirs: Callable[[], object]) -> Timed:
    """Time both in turn."""
    pairs = [(timed(ours)[0], timed(theirs)[0]) for _ in range(PASSES)]
    return Timed(min(a for a, _ in pairs), min(b for _, b in pairs))


def compare(config: AcousticConfig, params: Params, own: Sequence[list[Floats]]) -> Timed:
    """Time both networks.

    Raises:
        SystemExit: the logits differ.
    """
    prepared, peer = PreparedAcoustic(config, params), Peer(config, params).eval()
    tensors = [torch.from_numpy(normalised(params, np.stack(batch, axis=1))) for batch in own]
    first = np.stack(prepared.logits(own[0]), axis=1)
    apart = float(np.abs(first - peer.logits(tensors[0]).numpy()).max())
    if not apart < 1e-3:
        raise SystemExit(f"{config.cell}: expected equal logits. Got a difference of {apart:g}.")
    return least(
        lambda: [prepared.logits(batch) for batch in own], lambda: [peer.logits(batch) for batch in tensors]
    )


def decoding(prepared: PreparedAcoustic, own: Sequence[list[Floats]]) -> Timed:
    """Time the decoding of the logits of a trained model."""
    logits = [prepared.logits(batch) for batch in own]
    tensors = [torch.from_numpy(np.stack(batch, axis=1)) for batch in logits]
    return least(
        lambda: [ctc_decoding.transcript(one, ctc_decoding.WIDTH) for batch in logits for one in batch],
        lambda: [likeliest(batch) for batch in tensors],
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--batches", type=int, nargs="+", default=[10, 60], help="windows side by side")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = Transcriber.read(arguments.model).network
    settings, lstm = FeatureSettings(), replace(model.config, cell="lstm")
    nets = {"gru": (model.config, model.params), "lstm": (lstm, lstm.build().init(np.random.default_rng(0)))}
    sound = speech(arguments.archive, arguments.seconds, settings.rate)
    with single_threaded():
        frames(sound[: settings.rate], settings, lstm.stack)
        of_features, rows = timed(lambda: frames(sound, settings, lstm.stack))
        cut = list(windows([rows]))
        decoded = decoding(model, list(batches(cut, arguments.batches[0])))
        print(f"torch {torch.__version__}, load {os.getloadavg()[0]:.1f}, CPU s for {arguments.seconds:g} s:")
        print(f"features {of_features:.2f}; decoding {decoded.ours:.2f}, PyTorch {decoded.theirs:.2f}")
        for size in arguments.batches:
            for cell, (config, params) in nets.items():
                network = compare(config, params, list(batches(cut, size)))
                rates = f"network {network.ours:.2f}, PyTorch {network.theirs:.2f}, {network.ratio:.2f}x"
                whole = Timed(*(of_features + a + b for a, b in zip(network, decoded, strict=True)))
                of_all = f"{whole.ours:.2f}, PyTorch {whole.theirs:.2f}, {whole.ratio:.2f}x"
                print(f"{cell}, {size} windows: {rates}; all {of_all}")


if __name__ == "__main__":
    main()
