"""Shards of music: a row a note of a time step; pieces that sound alike have one split."""

import polars as pl
import pytest

from elman.data.corpus.music_shards import digest, music_shards
from elman.data.corpus.shards import SourceRecords, describe
from elman.data.formats.common.records import Quarantined
from elman.data.music.pieces import Piece
from elman.data.store import schema

ROLL = Piece("r", "s", voices=(((60, 64), ()), ((72,), ())), steps_per_quarter=4, split="dev")
TUNE = Piece("t", "s", symbols=("M:4/4", "K:C", "C", "4", "|"), line=3, byte_offset=40)
BAD = Quarantined("s", 1, 0, "no-key", "", "", b"X:1")


def shards(*records, split=None, **options):
    return list(music_shards([SourceRecords("s", "abc", split, records)], **options))


def test_a_row_is_a_symbol_or_a_note_of_a_voice():
    (shard,) = shards(ROLL, TUNE, BAD)
    tables = shard.tables()
    data = tables["data"]
    assert data.schema == schema.MUSIC
    roll = data.filter(pl.col("piece") == "r").select("voice", "step", "note", "steps_per_quarter").rows()
    assert roll == [(0, 0, 60, 4), (0, 0, 64, 4), (1, 0, 72, 4), (0, 1, None, 4)]
    tune = data.filter(pl.col("piece") == "t")
    assert tune["symbol"].to_list() == list(TUNE.symbols)
    assert set(tune["byte_offset"]) == {40}
    assert tables["documents"]["records"].to_list() == [1, 1]
    assert tables["quarantine"]["reason"].to_list() == ["no-key"]
    assert shard.records == 3
    counts, types = describe(tables)
    assert (counts["dev_pieces"], counts["dev_steps"], counts["records"], types) == (1, 2, 2, [])


def test_the_split_is_the_users_then_the_files_then_by_content():
    def splits(*pieces, split=None):
        (shard,) = shards(*pieces, split=split)
        return shard.tables()["documents"]["split"].to_list()

    assert splits(ROLL, split="test") == ["test"]
    assert splits(ROLL) == ["dev"]
    same = Piece("other title", "s", symbols=TUNE.symbols)
    assert digest(same) == digest(TUNE)
    assert len(set(splits(TUNE, same))) == 1


def test_pieces_of_one_id_get_their_line():
    (shard,) = shards(TUNE, Piece("t", "s", symbols=("C",), line=9))
    assert shard.tables()["documents"]["document"].to_list() == ["t", "t~9"]


def test_many_pieces_are_several_shards():
    assert [shard.records for shard in shards(*[TUNE] * 5, limit=10)] == [2, 2, 1]


def test_records_of_another_kind_are_an_error():
    with pytest.raises(TypeError, match="expected records of Piece in s"):
        shards("x")
