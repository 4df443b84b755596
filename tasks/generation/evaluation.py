"""Scores of next-symbol models: nats a step, bits a symbol, perplexity."""

import math
from pathlib import Path

from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.rnn.training.next_symbol import score
from elman.tasks.generation.generator import Generator
from elman.tasks.generation.pieces import encode, read_pieces
from elman.tasks.learning.registry import TaskScores
from elman.tasks.runtime.orchestration import task


@task(task_run_name="score {folder} on {split} of {corpus}", tags=("evaluation",))
def evaluate_generator(folder: str, corpus: str, split: str) -> TaskScores:
    """Negative log-likelihood of a split, from the zero state and no input, every step counted.

    A step of keys is all 88 of them, their losses summed. Of other symbols the end of a piece is a step, too.

    Raises:
        BadInput: no piece in the split, or its symbols are of another unit than the model's.
    """
    generator, dataset = Generator.read(Path(folder)), Dataset.open(Path(corpus))
    pieces = read_pieces(dataset, split)
    if pieces.unit != generator.vocabulary.unit:
        raise BadInput(
            f"a corpus of symbols of unit {generator.vocabulary.unit}, as the model was trained on",
            got=f"one of {pieces.unit}",
            todo="Name another corpus or model.",
            source=corpus,
        )
    encoded = encode(generator.vocabulary, {split: pieces})
    losses = score(generator.config, generator.params, encoded.symbols, encoded.splits[split])
    nats = float(losses.mean())
    bits = {} if generator.vocabulary.of_keys else {"bits_per_symbol": nats / math.log(2)}
    return TaskScores(
        values={"nats_per_step": nats, **bits, "perplexity": math.exp(min(nats, 700.0))},
        counts={"pieces": len(pieces), "steps": len(losses)},
    )
