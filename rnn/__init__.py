"""Recurrent taggers on plain arrays: NumPy layers with their own backward pass, fit, decode, weights.

Nothing here knows what a word, a base, a file or a tag name is, and nothing of ours is imported from outside.

    from rnn.batches import Bags, Sequences
        Bags(rows int32 (R,), offsets int64 (M+1,), unknown int32 (M,))
            bag m is the set of table rows summed for symbol m: the one-hot blocks of that symbol.
            unknown[m] is the bag used when m is dropped to <UNK> in training; m itself if never.
        Bags.single(rows, unknown=None)                one row a symbol, as in the article
        Sequences(tokens int32 (N,) -> bag, offsets int64 (n+1,), targets int32 (N*S,) or None)
            S = outputs per step; a target of -1 is not learned from.    .take(numbers), len(), .lengths

    from rnn.network import NetworkConfig, init
        NetworkConfig(rows=I, classes=G, hidden=100, cell="elman"|"relu"|"gru"|"lstm",
                      bidirectional=True, layers=1, output="softmax"|"sigmoid"|"crf",
                      outputs_per_step=S, embedding=E, direct=0)          frozen, keyword only
        .to_dict() / from_dict(dict)      JSON;     .parameters() -> {name: shape};   .size() -> int
        init(config, seed) -> params: dict[str, float32 array]

    from rnn.fit import FitConfig, FitResult, fit
        FitConfig(epochs, batch, learning_rate, decay, clip, dropout, blocks, states, unknown, patience,
                  average)
        FitConfig.suited(number of sequences, **fields)       batch and rate from the size of the data
        fit(config, how: FitConfig, bags, train, dev=None, *, seed=0,
            score: Callable[[Prediction], float] | None = None,   # higher is better; on dev, each epoch
            start_legal=None, transition_legal=None,              # bool (G,), (G, G): legal tag sequences
            class_weights=None,                                   # float (G,); (2,) for sigmoid
            on_epoch: Callable[[dict[str, float]], None] | None = None,
            on_state: Callable[[State], None] | None = None,      # checkpoints
            state: State | None = None,                           # resume
            workers=1,                                            # threads, over FitConfig(parts=2)
            ) -> FitResult(params, history: list[dict[str, float]], best_epoch, best_score)

    from rnn.decode import Prediction, Scheme, predict, span_f1, spans_of
        predict(params, config, bags, sequences, *, start_legal=None, transition_legal=None,
                probabilities=True, marginals=False, scheme: Scheme | None = None, batch_tokens=4096,
                workers=1, temperature=1.0)
            -> Prediction(tags int32 (N*S,), offsets int64 (n+1,) into tags,
                          tag_probability float32 (N*S,) | None, marginals float32 (N*S, G) | None,
                          spans: Spans | None)
        calibrate(params, config, bags, dev, *, start_legal, transition_legal) -> temperature
        Scheme(begin bool (G,), kind int32 (G,))       IOB2 as arrays: kind -1 is O, else the type's number
                                                       (sigmoid: begin [False, False], kind [-1, 0])
        Spans(sequence, start, end, kind, probability | None)     one row an entity; start counts from the
                                                       first symbol of its sequence
        spans_of(tags, offsets, scheme) -> Spans       conlleval's rule
        span_f1(gold_tags, offsets, scheme) -> Callable[[Prediction], float]      ready for fit(score=...)

    from rnn.weights import article, from_bytes, load, save, to_bytes
        to_bytes(params, config, extra: dict[str, str]) -> bytes      safetensors, equal bytes each time
        from_bytes(bytes) / load(path) -> (params, config, extra)     refuses shapes not the config's
        article(params, config) -> Article(Waa (H, H), Wax (H, I), Wa (H, H+I), Wya (G, H), ba, by)

    from rnn import checkpoints
        checkpoints.to_bytes(state, extra) -> bytes;  from_bytes(bytes) -> (state, extra)

    from rnn.baselines import PaddedConfig, WindowConfig, most_frequent
        PaddedConfig.of(bags, train, rows=, classes=, hidden=100), WindowConfig(rows=, classes=, width=5):
            give them to fit() and predict() in place of NetworkConfig; same optimiser, same early stopping.
        most_frequent(train, symbols=M, classes=G) -> tag int32 (M,); tag[sequences.tokens] tags sequences

    from rnn.errors import TrainingError       NaN, infinity: .step, .layer, .norm
"""
