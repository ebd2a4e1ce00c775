"""One engine in one process: reads requests {"query", "texts"} as lines, answers {"ms", "scores", "rss_mb"}."""

import json
import sys
import time
from pathlib import Path

import psutil

MAX_LENGTH = 256


def onnx_session(path, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def onnx(models, threads, file, batch):
    """ONNX Runtime with batches of pairs of similar length, padded to the longest of each."""
    import numpy
    from tokenizers import Tokenizer

    session = onnx_session(models / "onnx" / file, threads)
    tokenizer = Tokenizer.from_file(str(models / "cross-encoder" / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_LENGTH, strategy="only_second")
    tokenizer.no_padding()

    def score(query, texts):
        pairs = tokenizer.encode_batch([(query, text) for text in texts])
        order = sorted(range(len(pairs)), key=lambda place: len(pairs[place].ids))
        scores = [0.0] * len(pairs)
        for start in range(0, len(order), batch):
            places = order[start:start + batch]
            length = len(pairs[places[-1]].ids)
            inputs = {name: numpy.zeros((len(places), length), dtype=numpy.int64)
                      for name in ["input_ids", "attention_mask", "token_type_ids"]}
            for row, place in enumerate(places):
                pair = pairs[place]
                inputs["input_ids"][row, :len(pair.ids)] = pair.ids
                inputs["attention_mask"][row, :len(pair.ids)] = 1
                inputs["token_type_ids"][row, :len(pair.ids)] = pair.type_ids
            for place, logit in zip(places, session.run(["logits"], inputs)[0][:, 0]):
                scores[place] = float(logit)
        return scores

    return score


def torch(models, threads, dtype, batch):
    """sentence-transformers' CrossEncoder, which sorts by length itself."""
    import torch
    from sentence_transformers import CrossEncoder

    torch.set_num_threads(threads)
    model = CrossEncoder(str(models / "cross-encoder"), max_length=MAX_LENGTH, device="cpu",
                         model_kwargs={"torch_dtype": getattr(torch, dtype)})

    def score(query, texts):
        pairs = [(query, text) for text in texts]
        logits = model.predict(pairs, batch_size=batch, activation_fn=torch.nn.Identity(), show_progress_bar=False,
                               convert_to_numpy=False)
        return [float(logit) for logit in logits]

    return score


def flashrank(models, threads):
    """FlashRank as it is: all passages of a request in one padded batch."""
    from flashrank import Ranker, RerankRequest

    ranker = Ranker(model_name="ms-marco-MiniLM-L-12-v2", cache_dir=str(models / "flashrank"), max_length=MAX_LENGTH)
    ranker.session = onnx_session(ranker.model_dir / "flashrank-MiniLM-L-12-v2_Q.onnx", threads)

    def score(query, texts):
        import math

        passages = [{"id": place, "text": text} for place, text in enumerate(texts)]
        scores = [0.0] * len(texts)
        for found in ranker.rerank(RerankRequest(query=query, passages=passages)):
            probability = min(max(float(found["score"]), 1e-9), 1 - 1e-7)
            scores[found["id"]] = math.log(probability / (1 - probability))
        return scores

    return score


ENGINES = {
    "onnx-f32": lambda models, threads: onnx(models, threads, "f32.onnx", 16),
    "onnx-int8": lambda models, threads: onnx(models, threads, "int8.onnx", 16),
    "torch-f32": lambda models, threads: torch(models, threads, "float32", 32),
    "torch-bf16": lambda models, threads: torch(models, threads, "bfloat16", 32),
    "flashrank": flashrank,
}


def main():
    name, models, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    # What libraries print must not come between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    begun = time.perf_counter()
    score = ENGINES[name](models, threads)
    loaded = (time.perf_counter() - begun) * 1e3
    for line in sys.stdin:
        request = json.loads(line)
        begun = time.perf_counter()
        scores = score(request["query"], request["texts"])
        milliseconds = (time.perf_counter() - begun) * 1e3
        answer = {"ms": milliseconds, "scores": scores, "loaded_ms": loaded,
                  "rss_mb": psutil.Process().memory_info().rss / 2**20}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
