"""Training a tagger of text: encode the corpus, fit the network, write the model folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.encoding import encoded_corpus
from elman.data.encoding.encode import COLUMNS, EncodeConfig, encode
from elman.data.errors import BadInput, UsageError
from elman.data.store.code_hash import code_hash
from elman.data.store.dataset import Dataset
from elman.data.store.disk import key_of
from elman.data.text.tokenizer import Tokenizer
from elman.rnn.networks.architecture import Architecture
from elman.rnn.networks.ensemble import EnsembleConfig
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.networks.weights import to_bytes
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import Callbacks
from elman.tasks.models import model_folder
from elman.tasks.models.presets import LARGE_CORPUS, RARE_SHARE, preset, settings_by_size
from elman.tasks.models.scoring import score_tags
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import home
from elman.tasks.runtime.orchestration import task
from elman.tasks.training.checkpoint import EVERY_S, Checkpoint
from elman.tasks.training.pretrain import known_words, load_pretrained, open_unlabelled
from elman.tasks.training.training_data import OnEpoch, TrainingData


@task
def encode_corpus(corpus: str, preset_name: str, unlabelled: str | None = None) -> str:
    """Encode a corpus as a preset sees it, or find it encoded already.

    Args:
        corpus: its folder.
        preset_name: says which blocks.
        unlabelled: folder of a corpus of text whose words are to be known too.

    Returns:
        The folder of the encoded dataset, `encoded/KEY` in the home folder.

    Raises:
        BadInput: nothing to learn from.
    """
    dataset, chosen = Dataset.open(Path(corpus)), preset(preset_name)
    unit = dataset.meta["unit"]
    config = EncodeConfig(templates=chosen.blocks[unit], rare=chosen.rare[unit], rare_share=RARE_SHARE)
    source = open_unlabelled(Path(unlabelled)) if unlabelled else None
    inputs = [{"corpus": each.digest} for each in (dataset, source) if each]
    key = key_of(inputs=inputs, config=config.to_json(), code=code_hash())
    folder = home() / "encoded" / key[:24]
    if (folder / "manifest.json").is_file():
        return str(folder)

    def frames() -> Iterator[pl.DataFrame]:
        for path in dataset.files("data"):
            yield pl.read_parquet(path, columns=list(COLUMNS), glob=False)

    more = known_words(source, Tokenizer.from_json(dataset.meta["tokenizer"])) if source else None
    try:
        result = encode(frames, config, more)
    except BadInput as error:
        raise BadInput(error.expected, got=error.got, todo=error.todo, source=corpus) from None
    encoded_corpus.write(folder, result, config.to_json(), inputs)
    return str(folder)


def fit_config(preset_name: str, overrides: Mapping[str, Any], sentences: int = LARGE_CORPUS) -> FitConfig:
    """How a preset trains on so many sentences, with what the user has chosen himself.

    Raises:
        UsageError: a value out of bounds.
    """
    chosen = {name: value for name, value in overrides.items() if value is not None}
    settings = {**preset(preset_name).fit, **settings_by_size(sentences), **chosen}
    try:
        return FitConfig.suited(sentences, **settings)
    except ValueError as error:
        raise UsageError(str(error)) from None


def network_config(training_data: TrainingData, shape: Mapping[str, Any]) -> NetworkConfig:
    """The network of a preset for a corpus: rows and classes follow from it; a sigmoid says yes or no."""
    fields = {**shape, "output": "sigmoid"} if training_data.binary else shape
    features = training_data.encoded.features
    return NetworkConfig(
        rows=features.rows, letters=features.characters, classes=training_data.classes, **fields
    )


def architecture(training_data: TrainingData, preset_name: str) -> Architecture:
    """What a preset trains for a corpus: its network, or a committee of such."""
    chosen = preset(preset_name)
    network = network_config(training_data, chosen.network)
    return network if chosen.members == 1 else EnsembleConfig(member=network, members=chosen.members)


@task
def fit_tagger(
    encoded: str,
    corpus: str,
    name: str,
    preset_name: str,
    seed: int,
    binary: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    class_weights: Mapping[str, float] | None = None,
    on_epoch: OnEpoch = lambda line: None,
    checkpoint_s: float = EVERY_S,
    pretrained: str | None = None,
) -> dict[str, Any]:
    """Fit a tagger and write its model folder; a training that was killed goes on from its checkpoint.

    Args:
        encoded: folder of the encoded corpus.
        corpus: folder of the corpus.
        name: what the corpus is called.
        preset_name: how the network is built and trained.
        seed: of everything left to chance.
        binary: the one type to ask about with yes or no.
        overrides: fields of FitConfig chosen by the user; None leaves the preset's.
        class_weights: how much tokens of a type, or of O, weigh in the loss; 1 if not named.
        on_epoch: is given each epoch's numbers, those of before an interruption too.
        checkpoint_s: seconds between two checkpoints.
        pretrained: folder of what was learnt from unlabelled text, see `tasks.training.pretrain`.

    Returns:
        model, the folder; parameters; epochs and best_epoch; seconds of training; dev, its scores or None;
        history, a line an epoch; notes, what was left or held out; sizes, sentences and tokens by split.

    Raises:
        rnn.errors.TrainingError: a loss or gradient that is no number; no model is written.
        Locked: the same training is running.
    """
    dataset, read = Dataset.open(Path(corpus)), encoded_corpus.read(Path(encoded))
    weights = dict(sorted((class_weights or {}).items()))
    training_data = TrainingData(read, binary, weights)
    how = fit_config(preset_name, overrides or {}, len(training_data.train))
    network = architecture(training_data, preset_name)
    before = Dataset.open(Path(pretrained)) if pretrained else None
    sizes = {split: [len(part), len(part.tokens)] for split, part in read.splits.items()}
    print_status(
        "; ".join(f"{split}: {n:,} sentences, {tokens:,} tokens" for split, (n, tokens) in sizes.items())
    )
    for line in warnings(training_data):
        print_status(line)
    key = key_of(
        corpus=dataset.digest,
        features=read.features.sha256,
        binary=binary,
        network=network.to_dict(),
        fit=how.to_dict(),
        class_weights=weights,
        seed=seed,
        pretrained=before.digest if before else None,
        code=code_hash(training=True),
    )
    with Checkpoint(key, checkpoint_s) as checkpoint:
        state = checkpoint.load()
        for past in state.history if state else ():
            on_epoch(past)
        start = load_pretrained(before) if before else None
        result, eagerness = (
            training_data.fit(network, how, seed, Callbacks(on_epoch, checkpoint.save), state, start),
            0.0,
        )
        if preset(preset_name).tune_outside_bias:
            result, eagerness = training_data.tune_outside_bias(result, network)
        dev = None
        if training_data.has("dev"):
            said = training_data.said(training_data.predict(result.params, network, "dev"))
            gold = training_data.by_sentence("dev", training_data.gold("dev"))
            predicted = training_data.by_sentence("dev", said)
            dev = score_tags(gold, predicted, training_data.tags, binary is not None)
        passport = {
            "kind": "text",
            "corpus": {"name": name, "digest": dataset.digest, "sources": dataset.sources},
            "preset": preset_name,
            "seed": seed,
            "unit": dataset.meta["unit"],
            "tokenizer": dataset.meta["tokenizer"],
            "types": list(training_data.types),
            "binary": binary,
            "blocks": [block.name for block in read.features.templates],
            "vocabulary": read.features.sha256,
            "network": network.to_dict(),
            "pretrained": before.sources if before else [],
            "fit": how.to_dict(),
            "class_weights": weights,
            "best_epoch": result.best_epoch,
            "eagerness": eagerness,
            "temperature": training_data.temperature(result.params, network),
            "dev": dev.to_json() if dev else None,
            "notes": read.notes,
        }
        folder = model_folder.write(
            passport,
            {
                model_folder.WEIGHTS: to_bytes(result.params, network),
                model_folder.VOCABULARY: read.features.to_bytes(),
            },
        )
    return {
        "model": str(folder),
        "parameters": network.size(),
        "epochs": len(result.history),
        "best_epoch": result.best_epoch,
        "seconds": sum(line["seconds"] for line in result.history),
        "dev": dev,
        "history": result.history,
        "notes": read.notes,
        "sizes": sizes,
    }


def warnings(training_data: TrainingData) -> list[str]:
    """What a user should know of a corpus before it is learned from."""
    notes, lines = training_data.encoded.notes, []
    if notes["unlabelled_sentences"]:
        lines.append(f"{notes['unlabelled_sentences']:,} sentences without labels are left out.")
    if notes["held_out_sentences"]:
        lines.append(
            f"No dev split: {notes['held_out_sentences']:,} training sentences are held out to judge by."
        )
    if not training_data.has("dev"):
        lines.append("A single sentence: nothing can be held out, so the last epoch is kept.")
    elif not training_data.judged:
        lines.append(
            "No entity in dev that training can teach: F1 says nothing there, so the last epoch is kept."
        )
    if notes["types_unseen_in_training"]:
        lines.append(f"Not in training, so never found: {', '.join(notes['types_unseen_in_training'])}.")
    return lines
