"""Next-symbol models beside PyTorch, and generated tunes judged by abc2midi.

    PYTHONPATH=. .venv-bench/bin/python -m bench.generation text NOVELS        # characters, a GRU of each
    PYTHONPATH=. .venv-bench/bin/python -m bench.generation tunes CORPUS MODEL # ABC, an LSTM of equal size
    PYTHONPATH=. .venv/bin/python -m bench.generation judge CORPUS OUT         # tunes of `elman generate`

NOVELS is a folder of texts (.txt.gz), of which every tenth by file name is held out; CORPUS the folder of a
corpus of tunes; MODEL that of a model trained on it.

`text`: both networks begin with the same weights and see the same batches, cut off at the same steps; Adam,
clipped gradients, one thread. Scores are bits per character of the held-out novels, the state carried over a
stretch. CPU seconds are of training alone.

`tunes`: PyTorch's LSTM has about as many weights as the model of the preset `default`, and is trained on the
same tunes in the same keys for as many epochs, with its batch size, dropout, rates and truncation.

`judge` asks abc2midi (Debian's abcmidi) about each tune alone; a tune is wrong if it finds a bar of another
length than the metre's. Copied runs are counted in symbols, those of held-out tunes beside.
"""

import argparse
import gzip
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from elman.data.music.abc import text_of
from elman.data.store.dataset import Dataset
from elman.rnn.compute.arrays import Params
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.networks.next_symbol import NextSymbolConfig, Symbols
from elman.rnn.training.next_symbol import NextSymbolTrainer, Pieces, score
from elman.rnn.training.state import FitConfig
from elman.tasks.generation.copying import TrainingRuns
from elman.tasks.generation.generator import Generator
from elman.tasks.generation.pieces import CorpusPieces, in_usual_keys, read_pieces

STRETCH, TRUNCATION = 4096, 128  # characters of a sequence, steps
HELD_OUT, EVERY = 40_000, 10  # characters of each held-out novel; every tenth is held out
WRONG = "time units while the time signature"  # what abc2midi says of a bar of another length


def novels(folder: Path, characters: int) -> tuple[list[str], list[str]]:
    """Beginnings of the novels: for training so many characters in all, and of those held out."""
    paths = sorted(folder.glob("*.txt.gz"))
    held = paths[EVERY - 1 :: EVERY]
    each = -(-characters // (len(paths) - len(held)) // STRETCH) * STRETCH
    texts: dict[bool, list[str]] = {True: [], False: []}
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            texts[path in held].append(file.read(HELD_OUT if path in held else each))
    return texts[False], texts[True]


def encoded(texts: Sequence[str], numbers: dict[str, int]) -> Pieces:
    """Texts cut into stretches; a character that is not known is number 0."""
    parts = [text[at : at + STRETCH] for text in texts for at in range(0, len(text), STRETCH)]
    flat = np.array([numbers.get(character, 0) for part in parts for character in part], np.int32)
    return Pieces(flat, offsets_of([len(part) for part in parts]))


class Peer:
    """Embedding, one recurrent layer and a linear layer in PyTorch.

    Args:
        cell: `gru` or `lstm`.
        classes: that can follow; number 0 of the inputs is nothing.
        embedding, hidden: widths.
        dropout: share of units zeroed, before and after the recurrent layer.
    """

    def __init__(self, cell: str, classes: int, embedding: int, hidden: int, dropout: float = 0.0) -> None:
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(0)
        self.torch, self.classes = torch, classes
        kind = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell]
        self.table = torch.nn.Embedding(classes + 1, embedding, padding_idx=0)
        self.cell, self.head = kind(embedding, hidden), torch.nn.Linear(hidden, classes)
        self.dropout = torch.nn.Dropout(dropout)
        self.parts = torch.nn.ModuleList([self.table, self.cell, self.head, self.dropout])
        self.size = sum(weight.numel() for weight in self.parts.parameters()) - embedding
        self.adam = torch.optim.Adam(self.parts.parameters(), fused=True)

    def take(self, params: Params) -> None:
        """Take over the weights of our GRU."""
        t, cell = self.torch.from_numpy, self.cell
        hidden = len(params["0.forward.Wh"])
        with self.torch.no_grad():
            self.table.weight[1:] = t(params["table"])
            cell.weight_ih_l0[:] = t(np.ascontiguousarray(params["0.forward.Wx"].T))
            cell.weight_hh_l0[:] = t(np.ascontiguousarray(params["0.forward.Wh"].T))
            cell.bias_ih_l0[:] = t(params["0.forward.b"])
            cell.bias_hh_l0[:] = 0
            cell.bias_hh_l0[2 * hidden :] = t(params["0.forward.bh"])
            self.head.weight[:] = t(np.ascontiguousarray(params["head.Wy"].T))
            self.head.bias[:] = t(params["head.by"])

    def logits(self, fed: Any, state: Any) -> tuple[Any, Any]:
        """Logits (T, B, classes) of inputs (T, B), and the state after them."""
        h, state = self.cell(self.dropout(self.table(fed)), state)
        return self.head(self.dropout(h)), state

    def train(self, batch: "Padded", rate: float, truncation: int) -> float:
        """Train on a batch, an update every `truncation` steps; return the sum of its losses."""
        torch, state, total = self.torch, None, 0.0
        self.parts.train()
        for group in self.adam.param_groups:
            group["lr"] = rate
        for at in range(0, len(batch.fed), truncation):
            fed, asked = (torch.from_numpy(a[at : at + truncation]) for a in (batch.fed, batch.asked))
            logits, state = self.logits(fed, state)
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
            count = int((asked >= 0).sum())
            loss = torch.nn.functional.cross_entropy(
                logits.reshape(-1, self.classes), asked.reshape(-1), ignore_index=-1, reduction="sum"
            )
            self.adam.zero_grad()
            (loss / count).backward()
            torch.nn.utils.clip_grad_norm_(self.parts.parameters(), 5.0)
            self.adam.step()
            total += float(loss.detach())
        return total

    def bits(self, batches: Sequence["Padded"]) -> float:
        """Bits per symbol."""
        torch, total, count = self.torch, 0.0, 0
        self.parts.eval()
        with torch.no_grad():
            for batch in batches:
                logits, _ = self.logits(torch.from_numpy(batch.fed), None)
                asked = torch.from_numpy(batch.asked).reshape(-1)
                total += float(
                    torch.nn.functional.cross_entropy(
                        logits.reshape(-1, self.classes), asked, ignore_index=-1, reduction="sum"
                    )
                )
                count += int((asked >= 0).sum())
        return total / count / np.log(2)


class Padded:
    """A batch as PyTorch takes it: `fed` (T, B), 0 for nothing, and `asked` (T, B), -1 beyond the end."""

    def __init__(self, pieces: Pieces, chosen: np.ndarray) -> None:
        lengths = np.diff(pieces.offsets)[chosen]
        self.fed = np.zeros((int(lengths.max()), len(chosen)), np.int64)
        self.asked = np.full(self.fed.shape, -1, np.int64)
        for column, number in enumerate(chosen):
            own = pieces.symbols[pieces.offsets[number] : pieces.offsets[number + 1]]
            self.asked[: len(own), column] = own
            self.fed[1 : len(own), column] = own[:-1] + 1


def in_order(pieces: Pieces, size: int) -> list[Padded]:
    """All pieces in batches of neighbours by length."""
    order = np.argsort(np.diff(pieces.offsets), kind="stable")
    return [Padded(pieces, order[at : at + size]) for at in range(0, len(order), size)]


def compare_text(folder: Path, characters: int, hidden: int, embedding: int, size: int) -> Iterator[str]:
    """Train both on the same characters; lines of the result."""
    train_texts, held_texts = novels(folder, characters)
    known = sorted(set("".join(train_texts)))
    numbers = {character: number for number, character in enumerate(known, 1)}
    train, held = encoded(train_texts, numbers), encoded(held_texts, numbers)
    config = NextSymbolConfig(rows=len(known) + 1, hidden=hidden, embedding=embedding)
    settings = FitConfig(
        epochs=1,
        batch=size,
        learning_rate=0.004,
        decay=0.1,
        dropout=0.0,
        blocks=0.0,
        unknown=0.0,
        patience=0,
    )
    symbols = Symbols.classes(config.rows)

    def trainer(of: Pieces) -> NextSymbolTrainer:
        return NextSymbolTrainer(config, settings, symbols, of, truncation=TRUNCATION)

    trainer(encoded([text[:STRETCH] for text in train_texts[:2]], numbers)).run()  # compiles the kernels
    fitted = trainer(train)
    first = fitted.first_state()
    peer = Peer("gru", config.rows, embedding, hidden)
    peer.take(first.params)
    begun = time.process_time()
    result = fitted.run(state=first)
    seconds = time.process_time() - begun
    bits = score(config, result.params, symbols, held).mean() / np.log(2)
    yield (
        f"{len(train.symbols):,} characters of {len(train_texts)} novels, {config.size():,} weights; "
        f"held out: {len(held.symbols):,} of {len(held_texts)}"
    )
    rate = len(train.symbols) / seconds
    yield f"ours: {bits:.4f} bits, {seconds:.1f} CPU s, {rate:,.0f} characters a CPU s"
    yield from _peer_text(peer, train, in_order(held, 64), settings, seconds)


def _peer_text(
    peer: Peer, train: Pieces, held: Sequence[Padded], settings: FitConfig, ours_s: float
) -> Iterator[str]:
    """Train the peer on the batches of our trainer, in their order; scored as well after `ours_s` seconds."""
    from elman.rnn.compute.batches import shuffled

    lengths = np.diff(train.offsets)
    order = shuffled(lengths, settings.batch, np.random.default_rng([0, 1, 0]))
    batches, spent, seen, early = [Padded(train, chosen) for chosen in order], 0.0, 0, ""
    for number, batch in enumerate(batches):
        rate = settings.learning_rate * (1 - (1 - settings.decay) * number / len(batches))
        begun = time.process_time()
        peer.train(batch, rate, TRUNCATION)
        spent += time.process_time() - begun
        seen += int((batch.asked >= 0).sum())
        if not early and spent >= ours_s:
            early = f"PyTorch after {spent:.1f} CPU s: {peer.bits(held):.4f} bits, {seen:,} characters"
    yield early or f"PyTorch took less than {ours_s:.1f} CPU s"
    yield f"PyTorch: {peer.bits(held):.4f} bits, {spent:.1f} CPU s, {seen / spent:,.0f} characters a CPU s"


def compare_tunes(corpus: Path, model: Path) -> Iterator[str]:
    """Train PyTorch's LSTM as the model was trained; lines of the result."""
    generator, dataset = Generator.read(model), Dataset.open(corpus)
    fit, vocabulary = generator.passport.fit, generator.vocabulary
    splits = {split: read_pieces(dataset, split) for split in ("train", "dev", "test")}
    splits["train"] = in_usual_keys(vocabulary, splits["train"])
    plain = {split: _plain(generator, pieces) for split, pieces in splits.items()}
    classes, embedding = generator.config.classes, 64
    hidden = _equal_width(generator.config.size(), classes, embedding)
    peer = Peer("lstm", classes, embedding, hidden, fit["dropout"])
    yield f"ours: {generator.config.size():,} weights; PyTorch LSTM of {hidden}: {peer.size:,}"
    scored = {split: in_order(plain[split], 32) for split in ("dev", "test")}
    begun = time.process_time()
    rng, epochs = np.random.default_rng(0), int(fit["epochs"])
    order = np.argsort(np.diff(plain["train"].offsets), kind="stable")
    batches = [order[at : at + fit["batch"]] for at in range(0, len(order), fit["batch"])]
    for epoch in range(epochs):
        for done, number in enumerate(rng.permutation(len(batches))):
            progress = (epoch + done / len(batches)) / epochs
            rate = fit["learning_rate"] * (1 - (1 - fit["decay"]) * progress)
            peer.train(Padded(plain["train"], batches[number]), rate, generator.passport.truncation)
        dev, test = peer.bits(scored["dev"]), peer.bits(scored["test"])
        spent = time.process_time() - begun
        yield f"PyTorch, epoch {epoch + 1}: dev {dev:.4f}, test {test:.4f} bits, {spent:.0f} CPU s"


def _plain(generator: Generator, pieces: CorpusPieces) -> Pieces:
    parts = [generator.vocabulary.encode(piece) for piece in pieces.symbols]
    return Pieces(np.concatenate(parts), offsets_of([len(part) for part in parts]))


def _equal_width(size: int, classes: int, embedding: int) -> int:
    """Width at which an LSTM has as many weights."""
    sizes = [4 * h * (h + embedding + 2) + classes * (h + 1 + embedding) for h in range(1, 2000)]
    return int(np.argmin(np.abs(np.array(sizes) - size))) + 1


def judged(tunes: Sequence[Sequence[str]]) -> float:
    """Share of tunes in which abc2midi finds no bar of another length than the metre's."""
    right = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, symbols in enumerate(tunes, 1):
            (Path(folder) / "tune.abc").write_text(text_of(symbols, number, f"Piece {number}"))
            command = ["abc2midi", "tune.abc", "-o", "tune.mid"]
            said = subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout
            right += WRONG.encode() not in said
    return right / len(tunes)


def judge(corpus: Path, out: Path) -> Iterator[str]:
    """Judge generated tunes, and held-out ones beside; lines of the result."""
    dataset, generated = Dataset.open(corpus), Dataset.open(out).scan().collect()
    train, test = (read_pieces(dataset, split) for split in ("train", "test"))
    runs = TrainingRuns(train.ids, train.symbols)
    for name, tunes in (("generated", generated["symbols"].to_list()), ("held out", list(test.symbols))):
        copied = [runs.longest(tune).run for tune in tunes]
        yield (
            f"{name}: {len(tunes)} tunes, {judged(tunes):.1%} with bars that add up, longest run copied "
            f"{np.median(copied):.1f} symbols at the median, length {np.median([len(t) for t in tunes]):.0f}"
        )


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["text", "tunes", "judge"])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--characters", type=int, default=5_000_000)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--embedding", type=int, default=32)
    parser.add_argument("--batch", type=int, default=32)
    given = parser.parse_args()
    if given.what == "text":
        sizes = (given.characters, given.hidden, given.embedding, given.batch)
        lines = compare_text(given.folders[0], *sizes)
    else:
        lines = (compare_tunes if given.what == "tunes" else judge)(*given.folders[:2])
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
