"""Measures engines in turn on the same requests and writes the table and the plot of docs/performance.md."""

import argparse
import gzip
import json
import math
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OURS = ["f32", "bf16", "int8", "int8-early"]
# The best documents that stopping early must find.
TOP = 10
PEERS = ["onnx-f32", "onnx-int8", "torch-f32", "torch-bf16", "flashrank"]
RUST_PEERS = ["fastembed-f32", "candle-f32"]
RESULTS = HERE / "results.json"
BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"


class Engine:
    """A process that answers requests."""

    def __init__(self, name, threads, options):
        self.name, self.threads = name, threads
        if name.startswith("r2r"):
            is_early, own = name.endswith("-early"), name.removesuffix("-early")
            kind, precision = own.rsplit("-", 1)
            folder = options.student if kind == "r2r-student" else options.models / "rank-head"
            command = [str(options.server), str(folder), str(threads), precision] + [str(TOP)] * is_early
        elif name in RUST_PEERS:
            command = [str(options.rust_peers), name, str(options.models), str(threads)]
        else:
            command = [sys.executable, str(HERE / "worker.py"), name, str(options.models), str(threads)]
        env = os.environ | {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
                            "RAYON_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1",
                            "ORT_DYLIB_PATH": onnx_library()}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True, env=env)

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended; run its command by hand to see why: {self.process.args}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


def onnx_library():
    """ONNX Runtime's own library inside its Python package."""
    import onnxruntime

    return str(next((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.*")))


def read_lines(path):
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else open(path)
    with opened as file:
        yield from file


def dl19(data):
    """Requests of the 43 judged queries with BM25's first hundred, and their judgments."""
    folder = data / "dl19"
    qrels = {}
    for line in list(read_lines(folder / "qrels" / "test.tsv")):
        parts = line.split()
        if len(parts) >= 3 and parts[-1].lstrip("-").isdigit():
            qrels.setdefault(parts[0], {})[parts[-2]] = int(parts[-1])
    run = {}
    for line in read_lines(folder / "runs" / "bm25.trec.gz"):
        query, _, document, *_ = line.split()
        if query in qrels and len(run.setdefault(query, [])) < 100:
            run[query].append(document)
    wanted = {document for documents in run.values() for document in documents}
    corpus = {}
    for line in read_lines(folder / "corpus.jsonl.gz"):
        row = json.loads(line)
        if row["_id"] in wanted:
            corpus[row["_id"]] = f"{row.get('title', '')} {row['text']}".strip()
    queries = {row["_id"]: row["text"] for row in map(json.loads, read_lines(folder / "queries.jsonl"))}
    requests = [{"query": queries[query], "texts": [corpus[d] for d in documents]} for query, documents in run.items()]
    return requests, list(run.items()), qrels


def ndcg(run, qrels, scores):
    """Mean nDCG@10 with the grades as gains, as trec_eval computes it."""
    total = 0.0
    for (query, documents), of_query in zip(run, scores):
        order = sorted(range(len(documents)), key=lambda place: -of_query[place])
        gain = lambda grade, rank: max(grade, 0) / math.log2(rank + 2)
        found = sum(gain(qrels[query].get(documents[place], 0), rank) for rank, place in enumerate(order[:10]))
        ideal = sum(gain(grade, rank) for rank, grade in enumerate(sorted(qrels[query].values(), reverse=True)[:10]))
        total += found / ideal
    return total / len(run)


def of_length(request, length, tokenizer):
    """A hundred texts that make pairs of exactly `length` pieces."""
    words = " ".join(request["texts"]).split()
    texts, at = [], 0
    for _ in range(100):
        n = lambda count: len(tokenizer.encode(request["query"], " ".join(words[at:at + count])).ids)
        count = 1
        while n(count + 1) <= length:
            count += 1
        text = " ".join(words[at:at + count])
        # A short word is one piece.
        text += " the" * (length - n(count))
        texts.append(text)
        at = (at + 7) % (len(words) - length)
    return {"query": request["query"], "texts": texts}


def workloads(options):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(options.models / "cross-encoder" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    requests, run, qrels = dl19(options.data)
    if options.quick:
        requests, run = [r | {"texts": r["texts"][:8]} for r in requests[:2]], [(q, d[:8]) for q, d in run[:2]]
    pooled = {"query": requests[0]["query"], "texts": [text for r in requests for text in r["texts"]][:1000]}
    n = 4 if options.quick else None
    fixed = lambda length: [(lambda r: r | {"texts": r["texts"][:n]})(of_length(requests[0], length, tokenizer))]
    rounds = 2 if options.quick else 3
    return [
        # Its 43 requests are the repetitions.
        ("DL19, real lengths", requests, 1),
        ("100 pairs of 128", fixed(128), rounds),
        ("100 pairs of 256", fixed(256), rounds),
        ("10 documents", [r | {"texts": r["texts"][:10]} for r in requests], 1 if options.quick else 2),
        ("1,000 documents", [pooled], 1),
    ], run, qrels


def measure(options):
    loads, run, qrels = workloads(options)
    loads = [load for load in loads if not options.only or load[0] in options.only]
    names = [f"r2r-{precision}" for precision in OURS] + [p for p in PEERS + RUST_PEERS if p not in options.without]
    results = [row for row in read_results() if options.merge and not is_measured_anew(row, options)]
    for threads in options.threads:
        for name, requests, rounds in loads:
            # The whole student adds a second pass, which no peer can run: only on DL19, for its quality, and once.
            is_new = not any(row["engine"].startswith("r2r-student") for row in results)
            quality = name.startswith("DL19") and threads == options.threads[-1] and is_new
            here = names + ([f"r2r-student-{precision}" for precision in OURS] if quality else [])
            engines = [Engine(engine, threads, options) for engine in here]
            times = {engine: [[] for _ in requests] for engine in here}
            last = {}
            for engine in engines:
                engine.ask(requests[0] | {"texts": requests[0]["texts"][:10]})
            for _ in range(rounds):
                for place, request in enumerate(requests):
                    for engine in engines:
                        answer = engine.ask(request)
                        times[engine.name][place].append(answer["ms"])
                        last.setdefault(engine.name, {})[place] = answer
            for engine in engines:
                answers = [last[engine.name][place] for place in range(len(requests))]
                check(engine.name, answers, [last["r2r-f32"][place] for place in range(len(requests))])
                medians = [statistics.median(of_request) for of_request in times[engine.name]]
                row = {"workload": name, "threads": threads, "engine": engine.name, "ms": sum(medians),
                       "requests": sorted(medians), "rss_mb": answers[-1]["rss_mb"], "loaded_ms": answers[-1]["loaded_ms"],
                       "pairs": sum(len(request["texts"]) for request in requests),
                       # Of the same request in the same round, so that what else ran hits both.
                       "ratio_to_ours": statistics.median(
                           theirs / ours
                           for own, other in zip(times["r2r-int8"], times[engine.name]) for ours, theirs in zip(own, other))}
                if name.startswith("DL19"):
                    row["ndcg"] = ndcg(run, qrels, [answer["scores"] for answer in answers])
                results.append(row)
                # Nothing measured is lost to what fails later.
                RESULTS.write_text(json.dumps(results, indent=1))
                print(f"{name}, {threads} threads, {engine.name}: {row['ms']:.0f} ms", file=sys.stderr)
                engine.close()
    return results


def read_results():
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else []


def is_measured_anew(row, options):
    return row["threads"] in options.threads and (not options.only or row["workload"] in options.only)


def check(name, answers, ours):
    """An engine whose scores are others runs something else."""
    if name.startswith("r2r-student") or name.endswith("-early"):
        return
    bound = 0.02 if name.endswith("f32") or name == "flashrank" else 2.5
    for answer, own in zip(answers, ours):
        # FlashRank gives probabilities as 32-bit floats: far logits are beyond their precision.
        far = lambda logit: name == "flashrank" and abs(logit) > 8
        worst = max(abs(a - b) for a, b in zip(answer["scores"], own["scores"]) if not far(b)) if answer["scores"] else 0
        if worst > bound:
            raise RuntimeError(f"{name} gives scores that differ by {worst:.3f} from r2r-f32")


def percentile(values, share):
    return values[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    family = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("cpu family")), "?")
    return f"{model} (family {family}), {os.cpu_count()} cores, {platform.system()}"


def table(results, options):
    command = "benches/peers/run.sh DATA" + (" --quick" if options.quick else "")
    lines = [BEGIN, "", f"By `{command}` on {machine()}. Times are sums of medians over requests, from texts to scores; "
             "`against r2r-int8` is the median of the ratios of the same request in the same round.", ""]
    for threads in options.threads:
        for workload in dict.fromkeys(row["workload"] for row in results):
            rows = [row for row in results if row["threads"] == threads and row["workload"] == workload]
            if not rows:
                continue
            ten = workload == "10 documents"
            lines += [f"**{workload}, {threads} thread{'s' if threads > 1 else ''}** ({rows[0]['pairs']:,} pairs)", "",
                      "| engine | ms | pairs/s | against r2r-int8 |" + (" p50 / p95, ms |" if ten else "") + " RSS, MB |"
                      + (" nDCG@10 |" if "ndcg" in rows[0] else ""),
                      "|---" * (5 + ten + ("ndcg" in rows[0])) + "|"]
            for row in rows:
                lines.append(f"| {row['engine']} | {row['ms']:.0f} | {row['pairs'] / row['ms'] * 1e3:.0f} | {row['ratio_to_ours']:.2f} |"
                             + (f" {percentile(row['requests'], .5):.1f} / {percentile(row['requests'], .95):.1f} |" if ten else "")
                             + f" {row['rss_mb']:.0f} |" + (f" {row['ndcg']:.4f} |" if "ndcg" in row else ""))
            lines.append("")
    return "\n".join(lines + ["![Pairs per second by engine and workload](performance.svg)", "", END])


def plot(results, options, path):
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    loads = list(dict.fromkeys(row["workload"] for row in results))
    figure, axes = pyplot.subplots(1, len(loads), figsize=(3.2 * len(loads), 3.6), layout="constrained")
    threads = options.threads[-1]
    for axis, load in zip(axes, loads):
        rows = [row for row in results if row["workload"] == load and row["threads"] == threads]
        rows.sort(key=lambda row: row["pairs"] / row["ms"])
        colors = ["tab:blue" if row["engine"].startswith("r2r") else "tab:gray" for row in rows]
        axis.barh([row["engine"] for row in rows], [row["pairs"] / row["ms"] * 1e3 for row in rows], color=colors)
        axis.set_title(load, fontsize=9)
        axis.tick_params(labelsize=7)
    figure.supxlabel(f"pairs a second, {threads} threads", fontsize=8)
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with dl19/")
    parser.add_argument("--models", type=Path, required=True, help="what export.py wrote")
    parser.add_argument("--student", type=Path, required=True)
    parser.add_argument("--server", type=Path, required=True, help="the example score_server of r2r-inference")
    parser.add_argument("--rust-peers", type=Path, required=True, help="the binary of rust/")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--merge", action="store_true",
                        help="keep what an earlier run on this machine measured with other threads and workloads")
    parser.add_argument("--only", nargs="*", default=[], help="workloads, by their names in the table")
    parser.add_argument("--quick", action="store_true", help="tiny workloads")
    parser.add_argument("--without", nargs="*", default=[], help="engines to leave out")
    parser.add_argument("--output", type=Path, default=HERE.parent.parent / "docs", help="folder of performance.md")
    options = parser.parse_args()
    results = measure(options)
    options.threads = sorted({row["threads"] for row in results})
    page = options.output / "performance.md"
    text = page.read_text() if page.exists() else f"# Performance\n\n{BEGIN}\n{END}\n"
    before, rest = text.split(BEGIN)
    page.write_text(before + table(results, options) + rest.split(END)[1])
    plot(results, options, options.output / "performance.svg")


if __name__ == "__main__":
    main()
