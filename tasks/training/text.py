"""Training a tagger of text: encode the corpus, fit the network, write the model folder."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.corpus.silver import SilverCorpus
from elman.data.encoding import encoded_corpus
from elman.data.encoding.document_features import DocumentFeatures
from elman.data.encoding.encode import COLUMNS, EncodeConfig, encode
from elman.data.errors import BadInput, UsageError
from elman.data.metrics.entities import EntityScores
from elman.data.store.code_hash import code_hash
from elman.data.store.dataset import Dataset
from elman.data.store.disk import key_of
from elman.data.text.tokenizer import Tokenizer
from elman.rnn.compute.arrays import Params
from elman.rnn.networks.architecture import Architecture
from elman.rnn.networks.ensemble import EnsembleConfig
from elman.rnn.networks.growth import EarlierNetwork
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.networks.weights import to_bytes
from elman.rnn.training.state import FitConfig, FitResult, State
from elman.tasks.models import model_folder, precision
from elman.tasks.models.passport import CorpusOrigin, TextPassport
from elman.tasks.models.presets import LARGE_CORPUS, RARE_SHARE, preset, settings_by_size, warm_settings
from elman.tasks.models.scoring import score_tags
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import home
from elman.tasks.runtime.orchestration import task
from elman.tasks.training.checkpoint import EVERY_S, Checkpoint
from elman.tasks.training.confidence import Confidence, measure_confidence
from elman.tasks.training.documents import features_gain, learn_features, with_features
from elman.tasks.training.fitted import FittedTagger
from elman.tasks.training.fitting import fit, predict, tune_outside_bias
from elman.tasks.training.pooling import PooledTagger, learn_pooling
from elman.tasks.training.pretrain import known_words, load_pretrained, open_unlabelled, origin_of
from elman.tasks.training.progress import OnEpoch, training_progress
from elman.tasks.training.training_data import TrainingData, warnings
from elman.tasks.training.warm_start import EarlierTagger


@task(task_run_name="encode {corpus} for {preset_name}", tags=("training",))
def encode_corpus(
    corpus: str,
    preset_name: str,
    unlabelled: str | None = None,
    earlier: str | None = None,
    silver: str | None = None,
) -> str:
    """Encode a corpus with the feature templates of a preset; reuse an encoding that exists.

    Args:
        corpus: its folder.
        preset_name: of the feature templates.
        unlabelled: folder of a corpus of unlabelled text whose words get rows, too.
        earlier: folder of a model whose symbols keep their rows.
        silver: folder of a corpus of silver labels, see `data.corpus.silver`.

    Returns:
        The folder of the encoded dataset, `encoded/KEY` in the home folder.

    Raises:
        BadInput: no labelled sentence to train on, no silver one.
        UsageError: the earlier model is not of this preset.
    """
    dataset, chosen = Dataset.open(Path(corpus)), preset(preset_name)
    unit = dataset.meta["unit"]
    config = EncodeConfig(templates=chosen.blocks[unit], rare=chosen.rare[unit], rare_share=RARE_SHARE)
    source = open_unlabelled(Path(unlabelled)) if unlabelled else None
    labels = SilverCorpus(dataset, Dataset.open(Path(silver))) if silver else None
    inputs = [{"corpus": each.digest} for each in (dataset, source) if each]
    inputs += [{"silver": labels.silver.digest}] if labels else []
    before = EarlierTagger.open(Path(earlier), preset_name, unit) if earlier else None
    more_inputs = [{"vocabulary": before.features.sha256}] if before else []
    key = key_of(inputs=[*inputs, *more_inputs], config=config.to_json(), code=code_hash())
    folder = home() / "encoded" / key[:24]
    if (folder / "manifest.json").is_file():
        return str(folder)

    silver_counts = labels.count() if labels else {}

    def frames() -> Iterator[pl.DataFrame]:
        for path in dataset.files("data"):
            yield pl.read_parquet(path, columns=list(COLUMNS), glob=False)
        yield from labels.frames() if labels else ()

    more = known_words(source, Tokenizer.from_json(dataset.meta["tokenizer"])) if source else None
    try:
        result = encode(frames, config, more, before.features if before else None)
    except BadInput as error:
        raise BadInput(error.expected, got=error.got, todo=error.todo, source=corpus) from None
    result = replace(result, notes=replace(result.notes, silver=silver_counts))
    encoded_corpus.write(folder, result, config.to_json(), inputs)
    return str(folder)


def fit_config(
    preset_name: str, overrides: Mapping[str, Any], sentences: int = LARGE_CORPUS, warm: bool = False
) -> FitConfig:
    """Settings of a training: the preset's for this number of sentences, with the user's overrides.

    One that begins with trained weights (`warm`) makes a third of the passes, at half of the learning rate.

    Raises:
        UsageError: a value out of bounds.
    """
    chosen = {name: value for name, value in overrides.items() if value is not None}
    settings = {**preset(preset_name).fit, **settings_by_size(sentences), **chosen}
    try:
        how = FitConfig.suited(sentences, **settings)
        return replace(how, **{**warm_settings(how), **chosen}) if warm else how
    except ValueError as error:
        raise UsageError(str(error)) from None


def network_config(
    training_data: TrainingData, shape: Mapping[str, Any], features: DocumentFeatures | None = None
) -> NetworkConfig:
    """The network of a preset for a corpus, which decides rows and classes; a sigmoid for a yes/no model."""
    fields = {**shape, "output": "sigmoid"} if training_data.binary else shape
    of_words = training_data.encoded.features
    return NetworkConfig(
        rows=of_words.rows,
        letters=of_words.characters,
        classes=training_data.classes,
        flags=features.flags if features else 0,
        **fields,
    )


def architecture(
    training_data: TrainingData, preset_name: str, features: DocumentFeatures | None = None
) -> Architecture:
    """The architecture of a preset for a corpus: its network, or an ensemble of such networks."""
    chosen = preset(preset_name)
    network = network_config(training_data, chosen.network, features)
    return network if chosen.members == 1 else EnsembleConfig(member=network, members=chosen.members)


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """A training of a tagger of text: on which corpus, and how.

    Attributes:
        corpus: folder of the corpus, whose name the model carries.
        encoded: folder of the encoded corpus.
        preset: by name.
        seed: of all random draws.
        binary: the one entity type of a yes/no model.
        overrides: fields of FitConfig chosen by the user; None leaves the preset's.
        class_weights: weight of the tokens of a type, or of `O`, in the loss; 1 if not named.
        pretrained: folder of a pre-training, see `tasks.training.pretrain`.
        warm_start: folder of a model whose weights the training begins with; `encoded` keeps its symbols.
        checkpoint_s: seconds between two checkpoints.
        workers: threads at most; all cores by default.
        silver: folder of a corpus of silver labels, which `encoded` holds, too.
        document_window: sentences of a unit of a document, see `tasks.training.documents`; 0: each sentence
            is seen by itself; None: found out.
    """

    corpus: Path
    encoded: Path
    preset: str
    seed: int = 0
    binary: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    class_weights: Mapping[str, float] = field(default_factory=dict)
    pretrained: Path | None = None
    warm_start: Path | None = None
    checkpoint_s: float = EVERY_S
    workers: int | None = None
    document_window: int | None = None
    silver: Path | None = None


class _Training:
    """Data, network and settings of a requested training."""

    def __init__(self, request: TrainRequest) -> None:
        self.request = request
        self.dataset, self.encoded = Dataset.open(request.corpus), encoded_corpus.read(request.encoded)
        self.weights = dict(sorted(request.class_weights.items()))
        self.data = TrainingData.of(self.encoded, request.binary, self.weights)
        warm = request.warm_start
        sentences = len(self.encoded.splits["train"])
        self.how = fit_config(request.preset, request.overrides, sentences, warm is not None)
        self.earlier = EarlierTagger.open(warm, request.preset, self.dataset.meta["unit"]) if warm else None
        self.silver = Dataset.open(request.silver) if request.silver else None
        self.features = self._document_features()
        if self.features:
            labels = SilverCorpus(self.dataset, self.silver) if self.silver else None
            self.data = with_features(self.data, self.dataset, self.features, labels)
        self.network = architecture(self.data, request.preset, self.features)
        self.pretrained = Dataset.open(request.pretrained) if request.pretrained else None

    def _document_features(self) -> DocumentFeatures | None:
        """Those of the model that training begins with, else what the training split teaches."""
        if self.earlier:
            return DocumentFeatures.from_json(self.earlier.model.of_text.document_features)
        window = self.request.document_window
        if window == 0 or not preset(self.request.preset).document_features:
            return None
        return learn_features(self.data, self.dataset, window)

    @property
    def key(self) -> str:
        """Hash of everything the weights depend on."""
        warm = {"warm_start": self.earlier.model.version} if self.earlier else {}
        silver = {"silver": self.silver.digest} if self.silver else {}
        document = {"document_features": self.features.to_json()} if self.features else {}
        return key_of(
            **warm,
            **silver,
            **document,
            corpus=self.dataset.digest,
            features=self.encoded.features.sha256,
            binary=self.request.binary,
            network=self.network.to_dict(),
            fit=self.how.to_dict(),
            class_weights=self.weights,
            seed=self.request.seed,
            pretrained=self.pretrained.digest if self.pretrained else None,
            code=code_hash(training=True),
        )

    def run(self, checkpoint: Checkpoint, on_epoch: OnEpoch) -> tuple[FitResult, float]:
        """Train from the checkpoint on; return the result and by how much the bias of `O` was reduced."""
        state = checkpoint.load()
        start: State | Params | EarlierNetwork | None = state
        if state is None and self.earlier:
            start = self.earlier.network(self.data, self.network)
        elif state is None and self.pretrained:
            start = load_pretrained(self.pretrained)
        request, how = self.request, self.how
        members = self.network.members if isinstance(self.network, EnsembleConfig) else 1
        with training_progress(
            checkpoint,
            state,
            on_epoch,
            epochs=how.epochs,
            per_epoch=members * len(self.data.train),
            unit="sentences",
            best=lambda score: f"dev F1 {score:.4f}",
        ) as callbacks:
            result = fit(self.data, self.network, how, request.seed, callbacks, start, request.workers)
        if self.features:
            result = self._with_features_that_gain(result)
        if preset(request.preset).tune_outside_bias:
            return tune_outside_bias(self.data, self.network, result)
        return result, 0.0

    def _with_features_that_gain(self, result: FitResult) -> FitResult:
        """The result without document features, if dev is tagged no better with them."""
        kept, told = features_gain(self.data, self.network, result.params)
        print_status(f"document features: {told}")
        if kept:
            return result
        self.features, self.data = None, self.data.without_flags()
        self.network = architecture(self.data, self.request.preset)
        return replace(result, params={name: result.params[name] for name in self.network.parameters()})

    def _pretrained(self) -> Sequence[Mapping[str, Any]]:
        """Corpora that the weights were pre-trained on, those of the earlier model among them."""
        if self.earlier:
            return self.earlier.model.of_text.pretrained
        return self.pretrained.sources if self.pretrained else []

    def _silver_origin(self) -> Mapping[str, Any]:
        """The corpus of silver labels, if there is one."""
        return origin_of(self.silver) if self.silver else {}

    def learn_pooling(self, params: Params) -> PooledTagger | None:
        """Learn on dev how words are pooled within documents, and print what came of it."""
        window = self.request.document_window
        if window == 0 or (window is None and not preset(self.request.preset).pool_documents):
            return None
        if self.features:
            window = self.features.window  # a model has one unit
        pooled, told = learn_pooling(self.data, self.dataset, self.network, params, window)
        print_status(f"document window: {told}")
        return pooled

    def score_dev(self, params: Params, pooled: PooledTagger | None) -> EntityScores | None:
        """Score on dev with the evaluator of other splits; None without a dev split."""
        if not self.data.has("dev"):
            return None
        prediction = pooled.predict("dev") if pooled else predict(self.data, self.network, params, "dev")
        gold = self.data.by_sentence("dev", self.data.gold("dev"))
        predicted = self.data.by_sentence("dev", self.data.predicted_tags(prediction))
        return score_tags(gold, predicted, self.data.tags, self.data.binary is not None)

    def passport(
        self,
        result: FitResult,
        bias_reduction: float,
        dev: EntityScores | None,
        confidence: Confidence,
        pooled: PooledTagger | None,
    ) -> TextPassport:
        """The passport of the trained model."""
        request, features = self.request, self.encoded.features
        return TextPassport(
            corpus=CorpusOrigin(
                name=request.corpus.name, digest=self.dataset.digest, sources=self.dataset.sources
            ),
            preset=request.preset,
            seed=request.seed,
            unit=self.dataset.meta["unit"],
            tokenizer=self.dataset.meta["tokenizer"],
            types=self.data.types,
            binary=request.binary,
            templates=[template.name for template in features.templates],
            vocabulary=features.sha256,
            network=self.network.to_dict(),
            pretrained=self._pretrained(),
            warm_start=self.earlier.model.version if self.earlier else None,
            fit=self.how.to_dict(),
            class_weights=self.weights,
            best_epoch=result.best_epoch,
            bias_reduction=bias_reduction,
            temperature=confidence.temperature,
            exact_start=request.binary is not None,
            entity_scaling=confidence.scaling.to_json(),
            pooling=pooled.pooling.to_json() if pooled else {},
            silver=self._silver_origin(),
            document_features=self.features.to_json() if self.features else {},
            dev=dev.to_json() if dev else None,
            notes=self.encoded.notes.to_json(),
        )


@task(task_run_name="fit {request.preset} to {request.corpus.name}, seed {request.seed}", tags=("training",))
def fit_tagger(request: TrainRequest, on_epoch: OnEpoch = lambda line: None) -> FittedTagger:
    """Fit a tagger and write its model folder; a killed training continues from its checkpoint.

    Args:
        request: corpus and settings.
        on_epoch: called with the numbers of each epoch, also of those before an interruption.

    Raises:
        BadInput: a loss or gradient is not finite; no model is written.
        Locked: the same training is running.
    """
    training = _Training(request)
    sizes = {split: (len(part), len(part.tokens)) for split, part in training.encoded.splits.items()}
    print_status(
        "; ".join(f"{split}: {n:,} sentences, {tokens:,} tokens" for split, (n, tokens) in sizes.items())
    )
    for line in (
        *warnings(training.data),
        *(training.earlier.notes(training.data) if training.earlier else ()),
    ):
        print_status(line)
    with Checkpoint(training.key, request.checkpoint_s) as checkpoint:
        result, bias_reduction = training.run(checkpoint, on_epoch)
        pooled = training.learn_pooling(result.params)
        dev = training.score_dev(result.params, pooled)
        confidence = measure_confidence(training.data, training.network, result.params, pooled)
        files = {
            model_folder.WEIGHTS: to_bytes(result.params, training.network),
            model_folder.VOCABULARY: training.encoded.features.to_bytes(),
            **({precision.FILE: confidence.curves} if confidence.curves else {}),
        }
        passport = training.passport(result, bias_reduction, dev, confidence, pooled)
        folder = model_folder.write(passport, files)
    return FittedTagger(
        model=str(folder),
        parameters=training.network.size(),
        best_epoch=result.best_epoch,
        history=result.history,
        dev=dev,
        notes=training.encoded.notes,
        sizes=sizes,
    )
