"""Writes reference_runs.tsv.gz: what pytrec_eval says of the reference runs, query by query.

    pip install pytrec_eval-terrier==0.5.11
    python reference_runs.py DATA      # the folder that R2R_DATA names

The file holds derived numbers only. A line "run NAME" opens a run, "level N" a relevance level of it;
then one line a query: its id and the values of MEASURES, tab-separated. Integers stand for themselves,
other values are given to eight digits without the leading zero.
"""

import gzip
import pathlib
import sys

import pytrec_eval

MEASURES = ["ndcg", "ndcg_cut_5", "ndcg_cut_10", "map", "map_cut_100", "recip_rank", "P_10", "recall_100",
            "success_5", "bpref"]


def read_qrels(path):
    qrels = {}
    for line in path.read_text().splitlines()[1:]:
        query, doc, grade = line.split("\t")
        qrels.setdefault(query, {})[doc] = int(grade)
    return qrels


def read_run(path):
    run = {}
    with gzip.open(path, "rt") as file:
        for line in file:
            query, _, doc, _, score, *_ = line.split()
            run.setdefault(query, {})[doc] = float(score)
    return run


def short(value):
    return f"{value:.8f}".rstrip("0").rstrip(".").removeprefix("0") or "0"


def main(data):
    lines = ["query\t" + "\t".join(MEASURES)]
    for path in sorted((data / "reference_runs").glob("*.trec.gz")):
        name = path.name.removesuffix(".trec.gz")
        qrels, run = read_qrels(data / name[:4] / "qrels" / "test.tsv"), read_run(path)
        lines.append(f"run {name}")
        for level in (1, 2):
            lines.append(f"level {level}")
            found = pytrec_eval.RelevanceEvaluator(qrels, set(MEASURES), relevance_level=level).evaluate(run)
            for query in sorted(found):
                lines.append("\t".join([query] + [short(found[query][measure]) for measure in MEASURES]))
    target = pathlib.Path(__file__).with_suffix(".tsv.gz")
    with open(target, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(("\n".join(lines) + "\n").encode())
    print(target.name, target.stat().st_size, "bytes,", len(lines), "lines")


main(pathlib.Path(sys.argv[1]))
