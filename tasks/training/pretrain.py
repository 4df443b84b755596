"""Learning words and cells from unlabelled text, once for each text, cutting and network."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.corpus.kinds import check_kind
from elman.data.corpus.shards import TEXT
from elman.data.encoding.encoded_corpus import VOCABULARY
from elman.data.encoding.features import Features
from elman.data.encoding.unlabelled import MIN_COUNT, Unlabelled, count_words, encode_unlabelled
from elman.data.errors import BadInput
from elman.data.store.code_hash import code_hash
from elman.data.store.dataset import Dataset
from elman.data.store.disk import atomic_write, key_of
from elman.data.store.writer import DatasetWriter
from elman.data.text.tokenizer import Tokenizer
from elman.rnn.compute.arrays import Params
from elman.rnn.compute.batches import Bags
from elman.rnn.networks.language_model import LanguageModelConfig, from_bytes, to_bytes
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import Callbacks, Data, Trainer
from elman.tasks.models.presets import preset, pretraining_config
from elman.tasks.runtime.console import print_status, progress
from elman.tasks.runtime.environment import home
from elman.tasks.runtime.orchestration import task
from elman.tasks.training.checkpoint import EVERY_S, Checkpoint
from elman.tasks.training.failures import training_failures

KIND = "pretrained"
WEIGHTS = "weights.safetensors"
SEED = 0  # of all pre-training, so that trainings with different seeds share it


def open_unlabelled(folder: Path) -> Dataset:
    """The corpus to learn from.

    Raises:
        BadInput: not a corpus of text.
    """
    dataset = Dataset.open(folder)
    check_kind(dataset, TEXT, todo="Ingest text: `elman ingest FOLDER --name CORPUS`, and name that.")
    return dataset


def _frames(dataset: Dataset) -> Iterator[pl.DataFrame]:
    for path in dataset.files("data"):
        yield pl.read_parquet(path, columns=["text"], glob=False)


def known_words(dataset: Dataset, tokenizer: Tokenizer) -> pl.DataFrame:
    """Words of unlabelled text that get rows of their own, with their counts."""
    return count_words(lambda: _frames(dataset), tokenizer).filter(pl.col("count") >= MIN_COUNT)


@task(task_run_name="learn from {unlabelled} for {corpus}", tags=("training",))
def pretrain(
    unlabelled: str, corpus: str, encoded: str, preset_name: str, checkpoint_s: float = EVERY_S
) -> str:
    """Learn from unlabelled text, or find it learnt; one that was killed goes on from its checkpoint.

    Args:
        unlabelled: folder of the corpus to learn from.
        corpus: folder of the labelled corpus, whose tokenizer cuts the text.
        encoded: folder of the labelled corpus, encoded with the words of both.
        preset_name: how the network is built.
        checkpoint_s: seconds between two checkpoints.

    Returns:
        The folder of the dataset that holds what was learnt, `pretrained/KEY` in the home folder.

    Raises:
        BadInput: not a corpus of text, or no two words in a row.
        Locked: the same pre-training is running.
    """
    source = open_unlabelled(Path(unlabelled))
    features = Features.from_json(json.loads(Dataset.open(Path(encoded)).export(VOCABULARY).read_bytes()))
    tokenizer = Tokenizer.from_json(Dataset.open(Path(corpus)).meta["tokenizer"])
    shape = preset(preset_name).network
    network = NetworkConfig(
        rows=features.rows, letters=features.characters, classes=1, **{**shape, "output": "softmax"}
    )
    config = {"network": network.to_dict(), "seed": SEED, "vocabulary": features.sha256}
    key = key_of(
        unlabelled=source.digest, tokenizer=tokenizer.to_json(), code=code_hash(training=True), **config
    )
    folder = home() / "pretrained" / key[:24]
    if (folder / "manifest.json").is_file():
        print_status(f"What was learnt from {Path(unlabelled).name} before is used again.")
        return str(folder)
    counted = count_words(lambda: _frames(source), tokenizer)
    text = encode_unlabelled(lambda: _frames(source), tokenizer, features, counted)
    how = pretraining_config(len(text.tokens))
    print_status(
        f"Learning from {len(text.tokens):,} unlabelled tokens of {Path(unlabelled).name}, "
        f"{len(counted):,} distinct words, {how.epochs} times over."
    )
    result, history = _fit(text, network, how, key, checkpoint_s, unlabelled)
    with DatasetWriter(folder, kind=KIND, config={**config, "fit": how.to_dict()}) as writer:
        shard = writer.stage("history", key, {"data": pl.DataFrame(history)})
        weights = writer.scratch(WEIGHTS)
        atomic_write(weights, result)
        writer.commit([shard], sources=[origin_of(source)], exports={WEIGHTS: weights})
    return str(folder)


def origin_of(source: Dataset) -> dict[str, Any]:
    """Entry of a passport for a corpus that was learnt from beside the labelled one."""
    sources = [{"name": entry["name"], "sha256": entry["sha256"]} for entry in source.sources]
    return {"corpus": source.digest, "name": source.folder.name, "sources": sources}


def _fit(
    text: Unlabelled, network: NetworkConfig, how: FitConfig, key: str, every_s: float, corpus: str
) -> tuple[bytes, list[dict[str, float]]]:
    config = LanguageModelConfig(network=network, counts=text.counts, word_of=text.word_of)
    train = config.sequences(text.tokens, text.offsets)
    if train.targets is None or not (train.targets == 0).any():
        raise BadInput(
            "text with two words in a row", got="none", todo="Name a larger corpus.", source=corpus
        )
    bags = Bags(text.bags.rows, text.bags.offsets, text.bags.unknown)
    steps = how.epochs * -(-len(train) // how.batch)
    with Checkpoint(key, every_s) as checkpoint, progress("pre-training", steps, "updates") as advance:
        state = checkpoint.load()
        advance(state.step if state else 0)
        callbacks = Callbacks(
            on_state=checkpoint.save, state_due=checkpoint.due, on_update=lambda _: advance(1)
        )
        trainer = Trainer(config, how, Data(bags, train), seed=SEED, workers=how.parts)
        with training_failures():
            result = trainer.run(callbacks, state)
        timeless = [{k: v for k, v in line.items() if k != "seconds"} for line in result.history]
        return to_bytes(result.params, config), timeless


def load_pretrained(dataset: Dataset) -> Params:
    """Pre-trained parameters, for `Trainer.first_state`; their file is checked against its hash."""
    return from_bytes(dataset.export(WEIGHTS).read_bytes())
