"""Makes the golden students and numbers beside this file.

    pip install torch transformers safetensors
    python students.py                     # cross_encoder/, student/, students.json
    python students.py FOLDER              # full_size.json from all-MiniLM-L6-v2 in FOLDER

`cross_encoder/` is a small random BertForSequenceClassification as transformers saves it. `student/` has the same
shape with low-rank terms, an evidence head and a reason decoder; its forward pass is written out below, in the words
of the tensors' names, so that it can be read against the engine. The vocabulary is that of the tokenizer's golden
files in the crate `model`.
"""

import json
import math
import pathlib
import re
import shutil
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, BertModel

HERE = pathlib.Path(__file__).parent
TOKENIZER = HERE / "../../../model/tests/golden/tokenizer"
FUNCTION_WORDS = HERE / "../../../model/src/function_words.rs"
MAX_LENGTH = 64
QUERY = "what is the hottest volcanic rock, basalt?"
DOCUMENTS = [
    "Basalt is a dark volcanic rock. It's made of 45-52% SiO2 by weight. Nobody eats it.",
    "Bread needs salt and water. The rocks in it are a myth.",
    "Short.",
    "The long one: " + "dark grains of basalt cool fast; " * 8 + "the end.",
]
REASONS = [
    (0, None, 3, ["the", "passage", "names", "basalt", ",", "volcanic", "45-52%", "unheard", "."]),
    (1, (0, "below"), 1, ["unlike", "<other>", ",", "bread", "misses", "volcanic", "myth", "."]),
    (0, (3, "above"), 4, ["it", "says", "made", "of", "sio2", "fast", "."]),
]
FRAME_WORDS = [".", ",", "the", "passage", "names", "it", "says", "unlike", "misses", "basalt", "of", "but", "no", "not"]
CONTROLS = ["<pad>", "<end>", "<direct>", "<above>", "<below>", *[f"<grade{g}>" for g in range(5)], "<other>", "<unknown>"]
VOCABULARY = CONTROLS + FRAME_WORDS
GRADE_ID, OTHER, END, UNKNOWN, FIRST_WORD = 5, 10, 1, 11, 12
D, HEADS, LAYERS, WIDE = 32, 4, 2, 64
REASON_LAYERS, REASON_HEADS, REASON_WIDE, RANK = 2, 2, 48, 4
SIMILARITY_WEIGHT = 3.5
MAPS = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "intermediate.dense", "output.dense"]


def randomize(weights, seed):
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in sorted(weights.items()):
        noise = torch.randn(tensor.shape, generator=generator)
        is_gain = "orm" in name.split(".")[-2] and name.endswith("weight")
        weights[name] = (1.0 + 0.2 * noise if is_gain else 0.25 * noise).contiguous()
    return weights


def bert_config(tokenizer):
    return BertConfig(
        vocab_size=len(tokenizer), hidden_size=D, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=WIDE, max_position_embeddings=96, num_labels=1,
    )


def encode(tokenizer, query, document):
    ids = lambda text, limit: tokenizer(text, add_special_tokens=False, truncation=True, max_length=limit, padding=False, return_offsets_mapping=True)
    query, start, end = ids(query, 64), tokenizer.cls_token_id, tokenizer.sep_token_id
    n = len(query["input_ids"])
    document = ids(document, MAX_LENGTH - 3 - n)
    return {
        "ids": torch.tensor([[start, *query["input_ids"], end, *document["input_ids"], end]]),
        "types": torch.tensor([[0] * (n + 2) + [1] * (len(document["input_ids"]) + 1)]),
        "query": [(i + 1, *span) for i, span in enumerate(query["offset_mapping"])],
        "document": [(i + n + 2, *span) for i, span in enumerate(document["offset_mapping"])],
    }


def mean_vector(encoder, tokenizer, text, limit):
    ids = tokenizer(text, truncation=True, max_length=limit, padding=False, return_tensors="pt")["input_ids"]
    return encoder(ids, token_type_ids=torch.zeros_like(ids)).last_hidden_state[0].mean(0)


# Words and marks

def split(text):
    """The word rule for the ASCII texts of this file, with character spans."""
    pattern = r"\$?[A-Za-z0-9]+(?:['\-.,%$][A-Za-z0-9]+)*(?:(?<=\d)%)?|\S"
    return [(m.start(), m.end(), m.group().lower()) for m in re.finditer(pattern, text)]


def stem(word):
    word = word[:-2] if word.endswith("'s") else word
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("us", "ss")):
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    return word[:-1]


FUNCTIONS = set(re.findall(r'"([a-z\']+)"', FUNCTION_WORDS.read_text().split("FUNCTION_WORDS: &[&str] = &[")[1].split("];")[0]))


def placed(text, pieces, limit):
    words = []
    seen = pieces[-1][2]
    for start, end, lower in split(text):
        own = [at for at, first, last in pieces if first < end and start < last]
        if end > seen or len(words) == limit:
            break
        if own:
            words.append({"span": (start, end), "lower": lower, "pieces": own})
    return words


def content(word):
    return word not in FUNCTIONS and any(c.isalnum() for c in word)


def memory_words(document, neighbor, evidence, pairs):
    """Rows (pair, word, segment, marks) of the memory."""
    stems = lambda text: {stem(lower) for _, _, lower in split(text)}
    of_query, of_document = stems(QUERY), stems(DOCUMENTS[document])
    of_neighbor = stems(DOCUMENTS[neighbor]) if neighbor is not None else None
    rows = []
    for word in placed(QUERY, pairs[document]["query"], 32):
        here = stem(word["lower"])
        marks = [0, here in of_document, of_neighbor is not None and here in of_neighbor,
                 content(word["lower"]) and here not in of_document, 0, not content(word["lower"])]
        rows.append((document, word, 0, marks))
    for which, segment, others in [(document, 1, of_neighbor), (neighbor, 2, of_document)]:
        if which is None:
            continue
        first, last = evidence[which]
        for word in placed(DOCUMENTS[which], pairs[which]["document"], 160):
            here = stem(word["lower"])
            inside = first <= word["span"][0] and word["span"][1] <= last
            distinct = others is not None and content(word["lower"]) and here not in others
            matched = here in of_query
            marks = [inside, matched and segment == 1, matched and segment == 2, 0, distinct, not content(word["lower"])]
            rows.append((which, word, segment, marks))
    return rows


def behind(rows, word, goes_on):
    """The source word behind the place where a reason stands after `word`; `goes_on` is that of the word before."""
    content = [j for j, (_, source, _, marks) in enumerate(rows) if source["lower"] == word and not marks[5]]
    if goes_on is not None and rows[goes_on][1]["lower"] == word:
        at = goes_on
    else:
        at = next((j for j in content if rows[j][3][0]), content[0] if content else None)
    same_text = at is not None and at + 1 < len(rows) and rows[at + 1][2] == rows[at][2]
    return at + 1 if same_text else None


# The reason decoder, in the words of its tensors

class Decoder:
    def __init__(self, weights, epsilon):
        self.w, self.epsilon = weights, epsilon

    def linear(self, name, x):
        return F.linear(x, self.w[f"reason.{name}.weight"], self.w[f"reason.{name}.bias"])

    def norm(self, name, x):
        return F.layer_norm(x, (D,), self.w[f"reason.{name}.weight"], self.w[f"reason.{name}.bias"], self.epsilon)

    def attention(self, name, x, over, mask):
        heads = lambda t: t.view(-1, REASON_HEADS, D // REASON_HEADS).transpose(0, 1)
        q, k, v = (heads(self.linear(f"{name}.{part}", t)) for part, t in [("query", x), ("key", over), ("value", over)])
        scores = q @ k.transpose(1, 2) / math.sqrt(D // REASON_HEADS)
        if mask:
            scores = scores + torch.full(scores.shape[1:], -math.inf).triu(1)
        return self.linear(f"{name}.output", (scores.softmax(-1) @ v).transpose(0, 1).reshape(-1, D))

    def memory(self, rows, states):
        words = torch.stack([states[pair][word["pieces"]].mean(0) for pair, word, _, _ in rows])
        segments = self.w["reason.memory.segment.weight"][[segment for _, _, segment, _ in rows]]
        marks = torch.tensor([[float(mark) for mark in marks] for *_, marks in rows]) @ self.w["reason.memory.mark.weight"]
        return self.norm("memory.norm", self.linear("memory.project", words) + segments + marks)

    def logits(self, memory, rows, controls, words):
        """[1 + words, V + W]: what may follow the controls and each word."""
        x, goes_on = [], [None]
        for word in words:
            sources = [j for j, (_, source, _, _) in enumerate(rows) if source["lower"] == word]
            if word in VOCABULARY:
                x.append(self.w["reason.words.weight"][VOCABULARY.index(word)])
            else:
                x.append(memory[sources[0]] if sources else self.w["reason.words.weight"][UNKNOWN])
            goes_on.append(behind(rows, word, goes_on[-1]))
        x = torch.stack([*self.w["reason.words.weight"][controls], *x])
        x = self.norm("embedding_norm", x + self.w["reason.positions.weight"][: len(x)])
        for i in range(REASON_LAYERS):
            layer = f"layers.{i}"
            inner = self.norm(f"{layer}.norm1", x)
            x = x + self.attention(f"{layer}.self", inner, inner, True)
            x = x + self.attention(f"{layer}.cross", self.norm(f"{layer}.norm2", x), memory, False)
            x = x + self.linear(f"{layer}.feed_forward.down", F.gelu(self.linear(f"{layer}.feed_forward.up", self.norm(f"{layer}.norm3", x))))
        h = self.norm("norm", x)[1:]
        spoken = h @ self.w["reason.words.weight"].T + self.w["reason.vocabulary_bias"]
        copied = F.linear(h, self.w["reason.copy.weight"]) @ memory.T / math.sqrt(D)
        chosen = torch.tensor([[float(j == source) for j in range(len(rows))] for source in goes_on])
        copied = copied + chosen * self.linear("continuation", h)
        return torch.cat([spoken, copied], -1)

    def allowed(self, memory, rows, controls, comparison, words):
        """The probability of each word that may follow, all its entries together."""
        content = {word["lower"] for _, word, _, marks in rows if not marks[5]}
        p = self.logits(memory, rows, controls, words)[-1].softmax(-1)
        merged = {}
        for index, word in enumerate(VOCABULARY + [word["lower"] for _, word, _, _ in rows]):
            merged[word] = merged.get(word, 0.0) + p[index].item()
        trigrams = set(zip(words, words[1:], words[2:]))
        for word in list(merged):
            control = word in CONTROLS and not (word == "<end>" and words) and not (word == "<other>" and comparison)
            said = word in content and word in words
            if control or said or tuple(words[-2:] + [word]) in trigrams:
                del merged[word]
        return merged

    def beam(self, memory, rows, controls, comparison, max_words, width):
        """The wording with the best mean log-probability among those that a beam finishes; width 1 is greedy."""
        live, finished = [([], 0.0)], []
        while live and len(finished) < width:
            behind = []
            for words, score in live:
                merged = self.allowed(memory, rows, controls, comparison, words)
                likeliest = sorted(merged, key=merged.get, reverse=True)[:width]
                behind += [(words, word, score + math.log(merged[word])) for word in likeliest]
            behind.sort(key=lambda found: -found[2])
            finished += [(words, score / (len(words) + 1)) for words, word, score in behind[:width] if word == "<end>"]
            live = [([*words, word], score) for words, word, score in behind if word != "<end>"][:width]
            if live and len(live[0][0]) == max_words:
                finished += [(words, score / max_words) for words, score in live]
                break
        return max(finished, key=lambda found: found[1])[0]


def reason_weights():
    shapes = {
        "memory.project": [D, D], "copy": [D, D], "evidence.dense": [D, D], "evidence.score": [1, D],
        "continuation": [1, D],
    }
    for i in range(REASON_LAYERS):
        for part in ["query", "key", "value", "output"]:
            shapes[f"layers.{i}.self.{part}"] = shapes[f"layers.{i}.cross.{part}"] = [D, D]
        shapes[f"layers.{i}.feed_forward.up"] = [REASON_WIDE, D]
        shapes[f"layers.{i}.feed_forward.down"] = [D, REASON_WIDE]
    weights = {}
    for name, shape in shapes.items():
        weights[f"reason.{name}.weight"] = torch.empty(shape)
        if name != "copy":
            weights[f"reason.{name}.bias"] = torch.empty(shape[:1])
    norms = ["memory.norm", "embedding_norm", "norm"] + [f"layers.{i}.norm{n}" for i in range(REASON_LAYERS) for n in (1, 2, 3)]
    for name in norms:
        weights[f"reason.{name}.weight"], weights[f"reason.{name}.bias"] = torch.empty(D), torch.empty(D)
    for name, rows in [("memory.segment", 3), ("memory.mark", 6), ("words", len(VOCABULARY)), ("positions", 64)]:
        weights[f"reason.{name}.weight"] = torch.empty(rows, D)
    weights["reason.vocabulary_bias"] = torch.empty(len(VOCABULARY))
    return weights


def sentences(text):
    return [(m.start(), m.end()) for m in re.finditer(r"\S.*?[.](?= |$)", text)]


@torch.no_grad()
def small():
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    config = bert_config(tokenizer)
    model = BertForSequenceClassification(config).eval()
    golden = {"query": QUERY, "documents": DOCUMENTS}

    model.load_state_dict(randomize(model.state_dict(), 1))
    model.save_pretrained(HERE / "cross_encoder")
    shutil.copy(TOKENIZER / "tokenizer.json", HERE / "cross_encoder")
    pair = lambda text: encode_long(tokenizer, QUERY, text)
    golden["cross_encoder_logits"] = [model(ids, token_type_ids=types).logits.item() for ids, types in map(pair, DOCUMENTS)]

    weights = randomize(model.state_dict(), 2)
    model.load_state_dict(weights)
    low_rank, base_weights = {}, {name: tensor.clone() for name, tensor in weights.items()}
    for i in range(LAYERS):
        for name in MAPS:
            merged = base_weights[f"bert.encoder.layer.{i}.{name}.weight"]
            prefix = f"similarity.encoder.layer.{i}.{name}"
            low_rank[f"{prefix}.down"] = torch.empty(RANK, merged.shape[1])
            low_rank[f"{prefix}.up"] = torch.empty(merged.shape[0], RANK)
    randomize(low_rank, 3)
    for i in range(LAYERS):
        for name in MAPS:
            prefix = f"similarity.encoder.layer.{i}.{name}"
            base_weights[f"bert.encoder.layer.{i}.{name}.weight"] -= low_rank[f"{prefix}.up"] @ low_rank[f"{prefix}.down"]
    base = BertForSequenceClassification(config).eval()
    base.load_state_dict(base_weights)
    reason = randomize(reason_weights(), 4)

    folder = HERE / "student"
    folder.mkdir(exist_ok=True)
    save_file({**weights, **low_rank, **reason}, folder / "model.safetensors", metadata={"format": "pt"})
    keys = {k: v for k, v in json.loads((HERE / "cross_encoder/config.json").read_text()).items()}
    keys["reason_to_rank"] = {
        "format": 1, "name": "golden", "max_length": MAX_LENGTH, "max_query_length": 32,
        "similarity_weight": SIMILARITY_WEIGHT, "calibration": {"scale": 0.5, "offset": -0.25},
        "grades": [-2.0, -0.5, 0.5, 2.0], "weights": "f32",
        "reasons": {"layers": REASON_LAYERS, "heads": REASON_HEADS, "feed_forward": REASON_WIDE, "vocabulary": len(VOCABULARY), "max_words": 24},
    }
    (folder / "config.json").write_text(json.dumps(keys, indent=2) + "\n")
    (folder / "reason_words.txt").write_text("".join(word + "\n" for word in VOCABULARY))
    shutil.copy(TOKENIZER / "tokenizer.json", folder)

    pairs = [encode(tokenizer, QUERY, text) for text in DOCUMENTS]
    golden["heads"] = [model(pair["ids"], token_type_ids=pair["types"]).logits.item() for pair in pairs]
    query = mean_vector(base.bert, tokenizer, QUERY, MAX_LENGTH)
    golden["similarities"] = [F.cosine_similarity(query, mean_vector(base.bert, tokenizer, text, MAX_LENGTH), dim=0).item() for text in DOCUMENTS]
    states = [model.bert(pair["ids"], token_type_ids=pair["types"]).last_hidden_state[0] for pair in pairs]

    evidence, golden["evidence"] = [], []
    for text, pair, state in zip(DOCUMENTS, pairs, states):
        scores = []
        for first, last in sentences(text):
            own = [at for at, start, end in pair["document"] if start < last and first < end]
            if own:
                inner = torch.tanh(F.linear(state[own].mean(0), reason["reason.evidence.dense.weight"], reason["reason.evidence.dense.bias"]))
                score = F.linear(inner, reason["reason.evidence.score.weight"], reason["reason.evidence.score.bias"]).item()
                scores.append({"start": first, "end": last, "score": score})
        best = max(scores, key=lambda sentence: sentence["score"])
        evidence.append((best["start"], best["end"]))
        golden["evidence"].append(scores)

    decoder = Decoder(reason, config.layer_norm_eps)
    golden["reasons"] = []
    for document, against, grade, words in REASONS:
        neighbor, kind = (None, 2) if against is None else (against[0], {"above": 3, "below": 4}[against[1]])
        rows = memory_words(document, neighbor, evidence, pairs)
        memory = decoder.memory(rows, states)
        controls = [kind, GRADE_ID + grade]
        logits = decoder.logits(memory, rows, controls, words)
        golden["reasons"].append({
            "document": document, "neighbor": neighbor, "stands": against and against[1], "grade": grade, "words": words,
            "sources": [word["lower"] for _, word, _, _ in rows],
            "marks": [sum(int(mark) << k for k, mark in enumerate(marks)) for *_, marks in rows],
            "logits": [[round(value, 6) for value in step] for step in logits.tolist()],
            "greedy": decoder.beam(memory, rows, controls, against is not None, 24, 1),
            "beam": decoder.beam(memory, rows, controls, against is not None, 24, 4),
        })
    (HERE / "students.json").write_text(json.dumps(golden) + "\n")


def encode_long(tokenizer, query, document):
    pair = tokenizer(query, document, truncation="only_second", max_length=96, padding=False, return_tensors="pt")
    return pair["input_ids"], pair["token_type_ids"]


@torch.no_grad()
def full_size(folder):
    """The base encoder with its own pooler, a classifier of weights 0.1 sin(i + 1), and mean pooling as
    sentence-transformers does it."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), BertModel.from_pretrained(folder).eval()
    classifier = 0.1 * torch.sin(torch.arange(1, model.config.hidden_size + 1).float())
    texts = DOCUMENTS + ["Basalt forms when lava cools quickly at the surface. " * 40]
    query = mean_vector(model, tokenizer, QUERY, 256)
    rows = []
    for text in texts:
        pair = tokenizer(QUERY, text, truncation="only_second", max_length=256, padding=False, return_tensors="pt")
        rows.append({
            "text": text,
            "head": (model(**pair).pooler_output[0] @ classifier).item(),
            "similarity": F.cosine_similarity(query, mean_vector(model, tokenizer, text, 256), dim=0).item(),
        })
    (HERE / "full_size.json").write_text(json.dumps({"query": QUERY, "rows": rows}, indent=1) + "\n")


if len(sys.argv) == 1:
    small()
else:
    full_size(sys.argv[1])
