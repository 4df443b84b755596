"""Discovery of sources: names, kinds, and the place of the output."""

import pytest

from elman.data.errors import BadInput, UsageError


def test_text_for_a_model_of_genes_is_an_error(run, tmp_path, gene_model, lines, write_jsonl):
    with pytest.raises(BadInput, match="expected DNA, as the model"):
        run(write_jsonl(tmp_path / "a.jsonl", lines), model=gene_model)


def test_files_with_the_same_name_get_different_names(run, committed, tmp_path, lines, write_jsonl):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_jsonl(tmp_path / folder / "a.jsonl", lines[: 2 if folder == "one" else 3])
    summary = run(tmp_path / "one", tmp_path / "two")
    assert summary["records"] == 5
    assert committed("documents").n_unique(["source", "document"]) == 5


def test_the_output_may_lie_neither_in_a_source_nor_in_a_folder_of_other_files(
    run, tmp_path, lines, write_jsonl
):
    (tmp_path / "in").mkdir()
    write_jsonl(tmp_path / "in" / "a.jsonl", lines)
    with pytest.raises(UsageError, match="outside of the sources"):
        run(tmp_path / "in", out="in/out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "tags.jsonl").write_text("precious")
    with pytest.raises(UsageError, match="empty or tagged output"):
        run(tmp_path / "in", out="mine", format="jsonl")
    assert (tmp_path / "mine" / "tags.jsonl").read_text() == "precious"
    with pytest.raises(UsageError, match="Got a file"):
        run(tmp_path / "in", out="mine/tags.jsonl")
