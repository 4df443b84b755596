"""Classes of text and DNA by `elman train --task classify` beside rules that know no order.

    python bench/classification.py authors GUTENBERG OUT   # author of 200 words, whole novels held out
    python bench/classification.py logistic OUT            # the peer; needs scikit-learn alone
    python bench/classification.py genera GENOMES OUT      # genus of 5,000 bases, blocks of 100 kb held out
    elman ingest OUT/authors --name authors ; elman train authors --task classify
    elman ingest OUT/genera --name genera --label-from folder ; elman train genera --task classify

`authors` writes 200 stretches of each novel as JSON lines, of authors with three novels or more, the last by
file name as test. `genera` writes FASTA, and prints the accuracy of naive Bayes over tetranucleotides.
"""

import argparse
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

AUTHORS = {  # of corpora/text/gutenberg100, by number in Project Gutenberg
    "Austen": (105, 1342, 158),
    "Dickens": (1023, 1400, 730, 766),
    "James": (208, 209, 432),
    "Joyce": (2814, 4217, 4300),
}
WORDS, DOCUMENTS = 200, 200
GENERA = {
    "Arabidopsis": "arabidopsis_chloroplast",
    "Bacteroides": "btheta_jmh43",
    "Escherichia": "ecoli_k12_mg1655",
    "Mycobacterium": "mtuberculosis_h37rv",
    "Mycoplasma": "mmycoides_gm12",
    "Saccharomyces": "yeast_chr1",
    "Staphylococcus": "saureus_o11",
    "Streptococcus": "spyogenes_m1gas",
}
BLOCK, PIECE, MOST, EVERY = 100_000, 5_000, 1_500_000, 5  # bases; of a genome; every fifth block is held out


def stretches(path: Path) -> list[str]:
    """Stretches of 200 words of a novel, evenly spaced."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        text = file.read()
    words = [match.span() for match in re.finditer(r"\S+", text)]
    starts = np.linspace(0, len(words) - WORDS, min(DOCUMENTS, len(words) // WORDS)).astype(int)
    return [text[words[at][0] : words[at + WORDS - 1][1]] for at in starts]


def write_authors(novels: Path, out: Path) -> None:
    """Write train.jsonl and test.jsonl; a tenth of the stretches of training is dev, by hash of their id."""
    folder = out / "authors"
    folder.mkdir(parents=True, exist_ok=True)
    lines: dict[str, list[str]] = {"train": [], "dev": [], "test": []}
    for author, numbers in AUTHORS.items():
        paths = sorted(path for number in numbers for path in novels.glob(f"{number}_*.txt.gz"))
        for path in paths:
            for number, text in enumerate(stretches(path)):
                split = "test" if path == paths[-1] else "dev" if number % 10 == 0 else "train"
                name = f"{path.name.split('.')[0]}:{number}"
                lines[split].append(json.dumps({"id": name, "text": text, "label": author}))
    for split, some in lines.items():
        (folder / f"{split}.jsonl").write_text("\n".join(some) + "\n")
        print(f"{split}: {len(some)} documents")


def logistic(out: Path) -> None:
    """Print macro F1 of a logistic regression over n-grams of 2 to 5 characters, tf-idf."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, f1_score

    read = {
        split: [json.loads(line) for line in (out / "authors" / f"{split}.jsonl").read_text().splitlines()]
        for split in ("train", "dev", "test")
    }
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(2, 5), min_df=2, sublinear_tf=True)
    x = vectors.fit_transform([line["text"] for line in read["train"]])
    fitted = {
        C: LogisticRegression(C=C, max_iter=300).fit(x, [line["label"] for line in read["train"]])
        for C in (1, 10, 100)
    }
    for split in ("dev", "test"):
        gold, z = [line["label"] for line in read[split]], vectors.transform([d["text"] for d in read[split]])
        for C, model in fitted.items():
            said = model.predict(z)
            print(
                f"{split} C={C}: accuracy {accuracy_score(gold, said):.4f}, "
                f"macro F1 {f1_score(gold, said, average='macro'):.4f}"
            )


def blocks(path: Path) -> Iterator[tuple[int, str]]:
    """Blocks of 100 kb of a genome with their numbers; of contigs that are shorter, whole contigs."""
    with gzip.open(path, "rt") as file:
        contigs = ["".join(entry.split("\n")[1:]) for entry in file.read().split(">")[1:]]
    parts = [contig[at : at + BLOCK] for contig in contigs for at in range(0, len(contig), BLOCK)]
    yield from enumerate(part for part in parts[: MOST // BLOCK] if len(part) >= PIECE)


def tetranucleotides(bases: str) -> np.ndarray:
    """Counts of the 136 tetranucleotides, both strands as one."""
    codes = np.frombuffer(
        bases.upper().translate(str.maketrans("ACGT", "\0\1\2\3")).encode("latin-1"), np.uint8
    )
    words = sum(codes[k : len(codes) - 3 + k].astype(np.int64) * 4 ** (3 - k) for k in range(4))
    known = np.all([codes[k : len(codes) - 3 + k] < 4 for k in range(4)], axis=0)
    every = np.arange(256)
    other = sum((3 - (every >> (2 * k) & 3)) << (2 * (3 - k)) for k in range(4))
    _, row = np.unique(np.minimum(every, other), return_inverse=True)
    return np.bincount(row[words[known]], minlength=136)


def write_genera(genomes: Path, out: Path) -> None:
    """Write SPLIT/GENUS/blocks.fna, and print the accuracy of the rule on the pieces of the test blocks."""
    counts: dict[str, dict[str, list[np.ndarray]]] = {"train": {}, "test": {}}
    for genus, name in GENERA.items():
        for number, bases in blocks(genomes / name / f"{name}.fna.gz"):
            split = "test" if number % EVERY == 1 else "train"
            folder = out / "genera" / split / genus
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number:03}.fna").write_text(f">{genus}-{number}\n{bases}\n")
            pieces = [bases[at : at + PIECE] for at in range(0, len(bases), PIECE)]
            counts[split].setdefault(genus, []).extend(map(tetranucleotides, pieces))
    names = sorted(counts["train"])
    rule = np.stack([np.log(sum(counts["train"][name]) + 1.0) for name in names])
    rule -= np.log(np.exp(rule).sum(axis=1, keepdims=True))
    said = [[int((rule @ piece).argmax()) for piece in counts["test"].get(name, [])] for name in names]
    right = sum(of.count(n) for n, of in enumerate(said))
    total = sum(map(len, said))
    print(f"tetranucleotide rule: {right} of {total} pieces of 5 kb, accuracy {right / total:.4f}")


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["authors", "logistic", "genera"])
    parser.add_argument("folders", type=Path, nargs="+")
    given = parser.parse_args()
    if given.what == "logistic":
        logistic(given.folders[0])
    else:
        (write_authors if given.what == "authors" else write_genera)(*given.folders[:2])


if __name__ == "__main__":
    main()
