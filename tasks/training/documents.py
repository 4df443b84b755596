"""The documents of a corpus that is trained on: their units, their words, the document features."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from elman.data import ragged
from elman.data.corpus.silver import SilverCorpus
from elman.data.encoding.document_features import DocumentFeatures
from elman.data.encoding.encode import COLUMNS, SILVER, tokens_of
from elman.data.store.dataset import Dataset
from elman.data.text.strings import Strings
from elman.rnn.compute.arrays import Params
from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.compute.threads import single_threaded
from elman.rnn.inference.decode import Decoder, Prediction
from elman.rnn.inference.pooling import Occurrences
from elman.rnn.layers import crf
from elman.rnn.networks.architecture import Architecture
from elman.tasks.documents.neighbours import belong_together, marks_documents
from elman.tasks.documents.pooling import occurrences, unit_numbers
from elman.tasks.training.fitting import calibrate, known_sentences, scorer
from elman.tasks.training.training_data import TrainingData

OF_DOCUMENTS = 200  # sentences of a unit at most, where files mark documents
LONG = 10  # sentences of a document, in the mean, from which words come again often enough to be looked for
OF_NEIGHBOURS = (10, 25, 50)  # sentences of a unit that are tried where they mark none


def words_of(data: TrainingData, frames: Iterable[pl.DataFrame], split: str) -> Strings:
    """The words of a split as they are written, (N,), from all sentences of the corpus."""
    part, texts = data.encoded.splits[split], []
    for each in frames:
        frame = each.filter(pl.col("tags").list.len() > 0)
        frame = frame.join(part.keys, on=["document", "sentence"], how="semi", maintain_order="left")
        texts.append(tokens_of(frame)[0])
    return Strings.from_series(pl.concat(texts))


def _frames(corpus: Dataset) -> Iterator[pl.DataFrame]:
    for path in corpus.files("data"):
        yield pl.read_parquet(path, columns=list(COLUMNS), glob=False)


def occurrences_of(data: TrainingData, corpus: Dataset, split: str, window: int) -> Occurrences:
    """Occurrences of the words of a split in units of `window` sentences."""
    part = data.encoded.splits[split]
    words = words_of(data, _frames(corpus), split)
    return occurrences(part.tokens, words, part.offsets, units_of(part.keys, window))


def units_of(keys: pl.DataFrame, window: int) -> np.ndarray:
    """Unit of each sentence, (n,); `keys` are document and sentence of each."""
    return unit_numbers(keys["document"].rle_id().to_numpy(), keys["sentence"].to_numpy(), window)


def documents_marked(data: TrainingData) -> bool:
    """True if the files of the corpus say where documents begin."""
    of_corpus = (part for name, part in data.encoded.splits.items() if name != SILVER)
    return marks_documents(pl.concat([part.keys.select("document", "sentence") for part in of_corpus]))


def windows(data: TrainingData, corpus: Dataset) -> tuple[int, ...]:
    """Sentences of the units worth a trial; none if neighbouring sentences do not belong together."""
    if documents_marked(data):
        return (OF_DOCUMENTS,)
    train, kind = data.encoded.splits["train"], kinds_of(data)[data.gold("train")]
    word = occurrences_of(data, corpus, "train", 1).words
    some, sentence = word >= 0, ragged.rows_of(train.offsets)
    labelled = word[some], kind[some], sentence[some]
    return tuple(
        window
        for window in OF_NEIGHBOURS
        if belong_together(*labelled, units_of(train.keys, window)[sentence][some])
    )


def kinds_of(data: TrainingData) -> np.ndarray:
    """Number of the type of each tag of `data.tags`, -1 for O."""
    types = sorted({tag[2:] for tag in data.tags if tag != "O"})
    return np.array([-1 if tag == "O" else types.index(tag[2:]) for tag in data.tags])


def learn_features(data: TrainingData, corpus: Dataset, window: int | None = None) -> DocumentFeatures | None:
    """Learn the document features of a corpus from its training split.

    Args:
        data: the corpus.
        corpus: its dataset.
        window: sentences of a unit; None: OF_DOCUMENTS where files mark documents of LONG sentences or more.

    Returns:
        the features; None where tokens are characters, or there is no window.
    """
    train = data.encoded.splits["train"]
    long = len(train) >= LONG * train.keys["document"].n_unique() and documents_marked(data)
    if data.encoded.features.reach or (window is None and not long):
        return None
    names = [None if tag == "O" else tag[2:] for tag in data.tags]
    kinds = [names[tag] for tag in data.gold("train").tolist()]
    return DocumentFeatures.learn(
        words_of(data, _frames(corpus), "train"), train.tokens, train.offsets, kinds, window or OF_DOCUMENTS
    )


def with_features(
    data: TrainingData, corpus: Dataset, features: DocumentFeatures, silver: SilverCorpus | None = None
) -> TrainingData:
    """The same training data with the document features of all splits.

    Args:
        data: the corpus.
        corpus: its dataset.
        features: of the model.
        silver: labels that are trained on, too.
    """
    flags = {}
    for split, part in data.encoded.splits.items():
        frames = silver.frames() if split == SILVER and silver else _frames(corpus)
        unit = units_of(part.keys, features.window)
        flags[split] = features.of(words_of(data, frames, split), part.tokens, part.offsets, unit)
    return data.with_flags(flags)


def features_gain(data: TrainingData, network: Architecture, params: Params) -> tuple[bool, str]:
    """Whether a trained network tags dev better with document features than where no flag is set.

    Returns:
        True if likelihood and F1 of dev are higher with them, or dev cannot tell; and a line for the user.
    """
    if not data.dev_can_score:
        return True, "kept: dev cannot tell"
    told = data.sequences("dev")
    assert told.flags is not None
    loss, score = _judged(data, network, params, told)
    loss_alone, score_alone = _judged(data, network, params, replace(told, flags=np.zeros_like(told.flags)))
    scores = f"F1 on dev {score_alone:.4f} to {score:.4f}"
    if loss < loss_alone and score > score_alone:
        return True, f"kept: {scores}"
    return False, f"left out: no gain ({scores})"


def _judged(
    data: TrainingData, network: Architecture, params: Params, sequences: Sequences
) -> tuple[float, float]:
    """Negative log likelihood of the right tags of dev, at the best temperature, and F1."""
    decoder = Decoder(network, params, data.scheme)
    tags = np.empty(len(sequences.tokens), np.int32)
    emissions = np.empty((len(tags), len(decoder.weights.start)), np.float32)
    with single_threaded():
        for batch in decoder.emissions(data.bags, sequences):
            tags[batch.places], emissions[batch.places] = decoder.best_tags(batch), batch.weights
    score = scorer(data, "dev")(Prediction(tags, sequences.offsets))
    chosen = np.flatnonzero(known_sentences(data))
    if not len(chosen):
        return 0.0, score
    dev, temperature = data.with_targets("dev"), calibrate(data, network, params, emissions)
    assert dev.targets is not None
    packed = pack(dev, chosen)
    scaled = emissions[packed.places] / np.float32(temperature)
    cooled = crf.Weights(*(weights / temperature for weights in decoder.weights))
    loss = crf.negative_log_likelihood(scaled, packed.starts, dev.targets[packed.places], cooled)[0]
    return loss, score
