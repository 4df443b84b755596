"""Origins of shards as they stand in manifests."""

from dataclasses import replace

from elman.tasks.tagging.origin import ShardOrigin

SLICE = {"number": 2, "begin": 10, "end": 30, "state": {"line": 4}, "last": True}
WRITTEN = {"name": "a.jsonl", "sha256": "ab" * 32, **SLICE, "base": 0, "names": 0}  # by the first versions


def test_origins_are_written_with_the_keys_of_the_first_versions():
    for written in (WRITTEN, {**WRITTEN, "refused": True}, {**WRITTEN, "corpus": "names", "base": None}):
        assert ShardOrigin.from_json(written).to_json() == written


def test_keys_and_ids_stay_the_same_so_that_staged_shards_are_found():
    origin = ShardOrigin.from_json(WRITTEN)
    assert origin.key == "c781193da22b0c2fb11a226bd19800e1c7b09012a28653de6474cafc34a8d996"
    assert origin.id == "924407ed7819f569-000002"


def test_sentences_before_a_shard_do_not_change_its_key():
    origin = ShardOrigin.from_json(WRITTEN)
    assert replace(origin, base=7, names=3).key == origin.key
