"""Shards of speech: a row a clip with its sound; splits by speaker; long streams are several shards."""

from dataclasses import replace

import pytest

from elman.data.audio.clips import SpokenClip
from elman.data.corpus.shards import SourceRecords, describe
from elman.data.corpus.speech_shards import digest, speech_shards
from elman.data.formats.common.records import Quarantined
from elman.data.store import schema

CLIP = SpokenClip("a.wav", "s", b"\1\0" * 8000, 8000, "one", "jo", "dev", 5, 3)
BAD = Quarantined("s", 1, 0, "truncated", "", "", b"RIFF")


def shards(*records, split=None, **options):
    return list(speech_shards([SourceRecords("s", "wav", split, records)], **options))


def test_a_row_is_a_clip_with_its_sound():
    (shard,) = shards(CLIP, CLIP, BAD)
    tables = shard.tables()
    assert tables["data"].schema == schema.SPEECH
    assert tables["data"]["clip"].to_list() == ["a.wav", "a.wav~3"]
    assert tables["data"]["samples"].to_list() == [8000, 8000]
    assert tables["quarantine"]["reason"].to_list() == ["truncated"]
    counts, types = describe(tables)
    assert (counts["dev_clips"], counts["dev_seconds"], counts["records"], types) == (2, 2, 2, [])
    assert shard.records == 3


def test_the_split_is_the_users_then_the_files_then_the_speakers():
    def splits(*clips, split=None):
        (shard,) = shards(*clips, split=split)
        return shard.tables()["data"]["split"].to_list()

    assert splits(CLIP, split="test") == ["test"]
    assert splits(CLIP) == ["dev"]
    others = [replace(CLIP, split=None, text=str(number)) for number in range(30)]
    assert len(set(splits(*others))) == 1
    assert len(set(splits(*(replace(clip, speaker=None) for clip in others)))) > 1


def test_the_digest_is_of_sound_rate_and_text():
    others = [replace(CLIP, audio=b"\0" * 4), replace(CLIP, sample_rate=9), replace(CLIP, text=None)]
    assert len({digest(clip) for clip in [CLIP, *others]}) == 4
    assert digest(replace(CLIP, id="b", speaker="al", split=None)) == digest(CLIP)


def test_many_clips_are_several_shards():
    assert [shard.records for shard in shards(*[CLIP] * 5, limit=30_000)] == [2, 2, 1]


def test_records_of_another_kind_are_an_error():
    with pytest.raises(TypeError, match="expected records of SpokenClip in s"):
        shards("a text")
