"""Makes `reference.safetensors` and `reference.json` beside this file: a small random student in PyTorch, its outputs,
losses and gradients on one batch, and its weights after 20 steps of AdamW with clipping.

    python reference.py        (torch 2, transformers 4 or 5, safetensors, numpy)

The encoder is transformers' own BertModel; decoder, heads and losses are written here from their formulas. Tensors are
stored under the names and layouts of `r2r_training::parameters`: matrices as [inputs, outputs], maps that share their
input side by side. A NaN in a final weight says "not compared": biases of attention keys have no gradient but rounding
noise, which Adam scales up.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn
from transformers import BertConfig, BertModel

HERE = Path(__file__).parent
HIDDEN, HEADS, LAYERS, INTERMEDIATE, VOCAB, POSITIONS = 32, 4, 2, 40, 40, 28
RANK, ALPHA = 4, 8.0
WORDS, DECODER_HEADS, FEED_FORWARD, REASON_POSITIONS, MARKS, SEGMENTS = 24, 2, 24, 64, 6, 3
FIRST_PRODUCIBLE = {1, 10} | set(range(12, WORDS))
RATES = {"encoder": 0.01, "head": 0.005, "similarity": 0.02}
CLIP, DECAY, STEPS, TEMPERATURE = 1.0, 0.05, 20, 0.7
WEIGHTS = {"pairwise": 0.4, "listwise": 0.4, "generation": 0.2, "evidence": 0.1}
VECTORS = {"bias", "gamma", "beta", "vocabulary_bias", "similarity_weight"}


class LowRankLinear(nn.Module):
    def __init__(self, base):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(RANK, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.randn(base.out_features, RANK) * 0.05)

    def forward(self, x):
        return self.base(x) + ALPHA / RANK * (x @ self.down.T @ self.up.T)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(HIDDEN, HIDDEN) for _ in range(4))

    def forward(self, x, memory, causal):
        split = lambda y: y.view(y.shape[0], DECODER_HEADS, -1).transpose(0, 1)
        q, k, v = split(self.query(x)), split(self.key(memory)), split(self.value(memory))
        out = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=causal)[0]
        return self.output(out.transpose(0, 1).reshape(x.shape[0], HIDDEN))


class DecoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(HIDDEN, eps=1e-12) for _ in range(3))
        self.self, self.cross = Attention(), Attention()
        self.up, self.down = nn.Linear(HIDDEN, FEED_FORWARD), nn.Linear(FEED_FORWARD, HIDDEN)

    def forward(self, x, memory):
        y = self.norm1(x)
        x = x + self.self(y, y, True)
        x = x + self.cross(self.norm2(x), memory, False)
        return x + self.down(F.gelu(self.up(self.norm3(x))))


class Reasons(nn.Module):
    def __init__(self):
        super().__init__()
        self.project, self.memory_norm = nn.Linear(HIDDEN, HIDDEN), nn.LayerNorm(HIDDEN, eps=1e-12)
        self.segment, self.mark = nn.Embedding(SEGMENTS, HIDDEN), nn.Linear(MARKS, HIDDEN, bias=False)
        self.words, self.positions = nn.Embedding(WORDS, HIDDEN), nn.Embedding(REASON_POSITIONS, HIDDEN)
        self.vocabulary_bias = nn.Parameter(torch.randn(WORDS) * 0.1)
        self.embedding_norm, self.norm = nn.LayerNorm(HIDDEN, eps=1e-12), nn.LayerNorm(HIDDEN, eps=1e-12)
        self.layers = nn.ModuleList([DecoderLayer()])
        self.copy = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.continuation = nn.Linear(HIDDEN, 1)

    def losses(self, word_states, reason):
        memory = self.project(word_states) + self.segment(torch.tensor(reason["segments"]))
        memory = self.memory_norm(memory + self.mark(torch.tensor(reason["marks"])))
        inputs = torch.cat([self.words.weight, memory])[torch.tensor(reason["inputs"])]
        x = self.embedding_norm(inputs + self.positions.weight[: len(reason["inputs"])])
        for layer in self.layers:
            x = layer(x, memory)
        x = self.norm(x)
        logits = x @ self.words.weight.T + self.vocabulary_bias
        producible = torch.tensor([word in FIRST_PRODUCIBLE for word in range(WORDS)])
        logits = logits.masked_fill(~producible, float("-inf"))
        copied = self.copy(x) @ memory.T / HIDDEN**0.5
        goes_on = torch.tensor([[float(source == step) for source in range(len(memory))] for step in reason["continuations"]])
        logits = torch.cat([logits, copied + goes_on * self.continuation(x)], dim=1)
        found = []
        for step, acceptable in enumerate(reason["acceptable"]):
            if acceptable:
                found.append(logits[step].logsumexp(0) - logits[step][acceptable].logsumexp(0))
        return found


class Student(nn.Module):
    def __init__(self, low_rank):
        super().__init__()
        config = BertConfig(
            vocab_size=VOCAB, hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
            intermediate_size=INTERMEDIATE, max_position_embeddings=POSITIONS, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0, layer_norm_eps=1e-12, hidden_act="gelu", initializer_range=0.2,
        )
        self.bert = BertModel(config)
        for name, parameter in self.bert.named_parameters():
            if "LayerNorm" in name or name.endswith("bias"):
                nn.init.normal_(parameter, 1.0 if name.endswith("LayerNorm.weight") else 0.0, 0.1)
        self.classifier = nn.Linear(HIDDEN, 1)
        self.classifier.bias.requires_grad_(False)
        self.similarity_weight = nn.Parameter(torch.tensor([12.0])) if low_rank else None
        self.reasons = Reasons()
        self.dense, self.score = nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, 1, bias=False)
        for module in self.reasons.modules():
            if isinstance(module, nn.LayerNorm):
                nn.init.normal_(module.weight, 1.0, 0.1)
                nn.init.normal_(module.bias, 0.0, 0.1)
        self.low_rank = low_rank
        if low_rank:
            for part in (self.bert.embeddings, self.bert.encoder):
                part.requires_grad_(False)
            for layer in self.bert.encoder.layer:
                attention = layer.attention.self
                for name in ("query", "key", "value"):
                    setattr(attention, name, LowRankLinear(getattr(attention, name)))
                for part in (layer.attention.output, layer.intermediate, layer.output):
                    part.dense = LowRankLinear(part.dense)

    def states(self, ids, types):
        return self.bert(input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([types])).last_hidden_state[0]

    def forward(self, batch):
        starts = np.cumsum([0] + batch["lengths"])
        pieces = [slice(a, b) for a, b in zip(starts, starts[1:])]
        states = torch.cat([self.states(batch["ids"][piece], batch["types"][piece]) for piece in pieces])
        pooled = torch.tanh(self.bert.pooler.dense(states[torch.tensor(starts[:-1])]))
        logits = self.classifier(pooled)[:, 0]
        if self.low_rank:
            logits = logits + self.similarity_weight * torch.tensor(batch["similarities"])
        mean = lambda spans: torch.stack([states[a:b].mean(0) for a, b in spans])
        targets = torch.tensor(batch["targets"])
        pairwise, listwise = [], []
        for a, b in batch["lists"]:
            s, t = logits[a:b], targets[a:b]
            margins = [F.softplus(s[j] - s[i]) for i in range(b - a) for j in range(b - a) if t[i] > t[j]]
            if margins:
                pairwise.append(torch.stack(margins).mean())
                listwise.append(F.kl_div(s.log_softmax(0), (t / TEMPERATURE).softmax(0), reduction="sum"))
        generation = []
        for reason in batch["reasons"]:
            generation += self.reasons.losses(mean(reason["spans"]), reason)
        scores = self.score(torch.tanh(self.dense(mean(batch["sentences"]))))[:, 0]
        evidence = [-scores[a:b].log_softmax(0)[gold - a] for a, b, gold in batch["gold_sentences"]]
        average = lambda losses: torch.stack(losses).mean()
        losses = {"pairwise": average(pairwise), "listwise": average(listwise)}
        losses |= {"generation": average(generation), "evidence": average(evidence)}
        return logits, losses


def make_batch(random):
    lengths = [11, 17, 9, 23, 14, 8, 19]
    ids = random.integers(1, VOCAB, sum(lengths)).tolist()  # 0 is padding, whose embedding PyTorch does not train
    types = [int(place >= length // 3) for length in lengths for place in range(length)]
    spans = lambda start, end, count: [
        [int(a), int(a + random.integers(1, 4))] for a in sorted(random.integers(start, end - 3, count))
    ]
    reasons = []
    for start, end, sources, words in [(0, 28, 9, 5), (37, 60, 13, 8), (60, 74, 5, 3)]:
        inputs, acceptable = [int(random.integers(2, 5)), int(random.integers(5, 10))], [[]]
        for _ in range(words):
            kind = random.integers(0, 4)
            word, source = int(random.integers(12, WORDS)), sorted({int(s) for s in random.integers(0, sources, 2)})
            inputs.append(WORDS + source[0] if kind == 1 else 11 if kind == 2 else word)
            acceptable.append(
                [WORDS + s for s in source] if kind == 1 else [] if kind == 2 else [word] if kind == 0
                else [word] + [WORDS + s for s in source]
            )
        acceptable.append([1])
        marks = random.integers(0, 2, (sources, MARKS)).astype(float).tolist()
        segments = random.integers(0, SEGMENTS, sources).tolist()
        continuations = [(3 * step + 1) % sources if step % 3 == 2 else None for step in range(len(inputs))]
        reasons.append({"spans": spans(start, end, sources), "segments": segments, "marks": marks,
                        "inputs": inputs, "continuations": continuations, "acceptable": acceptable})
    return {
        "ids": ids, "types": types, "lengths": lengths, "lists": [[0, 3], [3, 5], [5, 7]],
        "targets": [2.0, 0.5, 0.5, 1.0, 3.0, 1.0, 1.0],
        "similarities": [round(float(x), 3) for x in random.uniform(0, 0.8, len(lengths))],
        "sentences": [[3, 6], [6, 10], [16, 20], [20, 24], [24, 27]],
        "gold_sentences": [[0, 2, 1], [2, 5, 2]], "reasons": reasons,
    }


def internal(student, tensor_of):
    """Named tensors (weights or gradients) in the names and layouts of the Rust crate, trained ones only."""
    out = {}
    blocks = lambda maps, part: torch.cat([tensor_of(getattr(m, part)) for m in maps], dim=-1 if part == "weight" else 0)

    def linear(name, *maps):
        if isinstance(maps[0], LowRankLinear):
            out[f"{name}.low_rank.down"] = torch.cat([tensor_of(m.down) for m in maps])
            out[f"{name}.low_rank.up"] = torch.cat([tensor_of(m.up) for m in maps])
            return
        out[f"{name}.weight"] = torch.cat([tensor_of(m.weight).T for m in maps], dim=1)
        if maps[0].bias is not None and maps[0].bias.requires_grad:
            out[f"{name}.bias"] = torch.cat([tensor_of(m.bias) for m in maps])

    def norm(name, module):
        if module.weight.requires_grad:
            out[f"{name}.gamma"], out[f"{name}.beta"] = tensor_of(module.weight), tensor_of(module.bias)

    if not student.low_rank:
        embeddings = student.bert.embeddings
        for part in ("word", "position", "token_type"):
            out[f"encoder.{part}_embeddings"] = tensor_of(getattr(embeddings, f"{part}_embeddings").weight)
        norm("encoder.norm", embeddings.LayerNorm)
    for number, layer in enumerate(student.bert.encoder.layer):
        name, attention = f"encoder.layers.{number}", layer.attention
        linear(f"{name}.qkv", attention.self.query, attention.self.key, attention.self.value)
        linear(f"{name}.attention_output", attention.output.dense)
        norm(f"{name}.attention_norm", attention.output.LayerNorm)
        linear(f"{name}.intermediate", layer.intermediate.dense)
        linear(f"{name}.output", layer.output.dense)
        norm(f"{name}.output_norm", layer.output.LayerNorm)
    linear("head.pooler", student.bert.pooler.dense)
    linear("head.classifier", student.classifier)
    if student.low_rank:
        out["head.similarity_weight"] = tensor_of(student.similarity_weight)
    reasons = student.reasons
    linear("reasons.memory.project", reasons.project)
    out["reasons.memory.segment"] = tensor_of(reasons.segment.weight)
    out["reasons.memory.mark"] = tensor_of(reasons.mark.weight).T
    norm("reasons.memory.norm", reasons.memory_norm)
    out["reasons.words"], out["reasons.positions"] = tensor_of(reasons.words.weight), tensor_of(reasons.positions.weight)
    out["reasons.vocabulary_bias"] = tensor_of(reasons.vocabulary_bias)
    norm("reasons.embedding_norm", reasons.embedding_norm)
    for number, layer in enumerate(reasons.layers):
        name = f"reasons.layers.{number}"
        linear(f"{name}.self_qkv", layer.self.query, layer.self.key, layer.self.value)
        linear(f"{name}.self_output", layer.self.output)
        linear(f"{name}.cross_query", layer.cross.query)
        linear(f"{name}.cross_kv", layer.cross.key, layer.cross.value)
        linear(f"{name}.cross_output", layer.cross.output)
        linear(f"{name}.up", layer.up)
        linear(f"{name}.down", layer.down)
        for which in ("norm1", "norm2", "norm3"):
            norm(f"{name}.{which}", getattr(layer, which))
    norm("reasons.norm", reasons.norm)
    out["reasons.copy"] = tensor_of(reasons.copy.weight).T
    linear("reasons.continuation", reasons.continuation)
    linear("evidence.dense", student.dense)
    out["evidence.score"] = tensor_of(student.score.weight).T
    return {name: tensor.detach().clone().contiguous() for name, tensor in out.items()}


def optimizer_of(student):
    """Groups by learning rate and decay, found through the names of the Rust crate."""
    names = {}
    internal_names = internal_names_of(student)
    for parameter, name in internal_names.items():
        group = "similarity" if name == "head.similarity_weight" else name.split(".")[0]
        rate = RATES["encoder"] if group == "encoder" else RATES["similarity"] if group == "similarity" else RATES["head"]
        decay = 0.0 if name.split(".")[-1] in VECTORS else DECAY
        names.setdefault((rate, decay), []).append(parameter)
    groups = [{"params": parameters, "lr": rate, "weight_decay": decay} for (rate, decay), parameters in names.items()]
    return torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-8)


def internal_names_of(student):
    """Each trained parameter's internal name: a probe writes a number into it and looks where it comes out."""
    found, trained = {}, [p for p in student.parameters() if p.requires_grad]
    numbers = {id(parameter): float(number + 1) for number, parameter in enumerate(trained)}
    tagged = internal(student, lambda p: torch.full_like(p, numbers.get(id(p), 0.0)))
    for parameter in trained:
        number = numbers[id(parameter)]
        found[parameter] = next(name for name, tensor in tagged.items() if (tensor == number).any())
    return found


def total(losses):
    return sum(WEIGHTS[name] * loss for name, loss in losses.items())


def without_key_biases(tensors):
    for name, tensor in tensors.items():
        if name.endswith("qkv.bias"):
            tensor[HIDDEN : 2 * HIDDEN] = float("nan")
        if name.endswith("cross_kv.bias"):
            tensor[:HIDDEN] = float("nan")
    return tensors


def main():
    torch.set_num_threads(1)
    batch = make_batch(np.random.default_rng(3))
    tensors, expected = {}, {}
    for case in ("low_rank", "full"):
        torch.manual_seed(11)
        student = Student(low_rank=case == "low_rank")
        if case == "low_rank":
            for name, tensor in student.bert.state_dict().items():
                if ".down" not in name and ".up" not in name:
                    tensors[f"base/bert.{name.replace('.base.', '.')}"] = tensor.clone().contiguous()
            tensors["base/classifier.weight"] = student.classifier.weight.detach().clone()
            tensors["base/classifier.bias"] = student.classifier.bias.detach().clone()
            kept = student.reasons, student.dense, student.score
        else:
            # The same encoder and heads, so that they are stored once.
            base = {name[10:]: tensor for name, tensor in tensors.items() if name.startswith("base/bert.")}
            student.bert.load_state_dict(base)
            student.classifier.weight.data.copy_(tensors["base/classifier.weight"])
            student.classifier.bias.data.copy_(tensors["base/classifier.bias"])
            for mine, other in zip((student.reasons, student.dense, student.score), first):
                mine.load_state_dict(other)
        if case == "low_rank":
            first = [{k: v.clone() for k, v in module.state_dict().items()} for module in kept]
            for name, tensor in internal(student, lambda p: p).items():
                if not name.startswith("head.pooler") and not name.startswith("head.classifier"):
                    tensors[f"initial/{name}"] = tensor
        optimizer = optimizer_of(student)
        steps = []
        for step in range(STEPS):
            optimizer.zero_grad()
            logits, losses = student(batch)
            loss = total(losses)
            loss.backward()
            if step == 0:
                expected[case] = {"logits": logits.tolist(), **{k: v.item() for k, v in losses.items()}}
                for name, tensor in internal(student, lambda p: p.grad).items():
                    if case == "low_rank" or name.startswith(("encoder.", "head.")):
                        tensors[f"{case}/gradient/{name}"] = tensor
            trained = [p for p in student.parameters() if p.requires_grad]
            norm = nn.utils.clip_grad_norm_(trained, CLIP)
            steps.append([loss.item(), norm.item()])
            optimizer.step()
        expected[case]["steps"] = steps
        final = internal(student, lambda p: p)
        for name, tensor in without_key_biases(final).items():
            if case == "low_rank" or name.startswith(("encoder.", "head.")):
                tensors[f"{case}/final/{name}"] = tensor
    settings = {"clip": CLIP, "decay": DECAY, "temperature": TEMPERATURE, "rates": RATES, "rank": RANK, "alpha": ALPHA,
                "words": WORDS, "decoder_heads": DECODER_HEADS, "feed_forward": FEED_FORWARD,
                "encoder": {"hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
                            "intermediate_size": INTERMEDIATE, "max_position_embeddings": POSITIONS,
                            "type_vocab_size": 2, "vocab_size": VOCAB, "layer_norm_eps": 1e-12,
                            "model_type": "bert", "hidden_act": "gelu"}}
    save_file(tensors, HERE / "reference.safetensors")
    (HERE / "reference.json").write_text(json.dumps({"settings": settings, "batch": batch, "expected": expected}) + "\n")


if __name__ == "__main__":
    main()
