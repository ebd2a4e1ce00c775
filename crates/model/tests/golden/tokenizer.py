"""Makes `tokenizer/` (a small WordPiece vocabulary) and `tokenizer.json` beside this file: the ids that
transformers' BertTokenizer gives to nasty texts, alone and in pairs.

    pip install transformers tokenizers
    python tokenizer.py                     # the small vocabulary, committed
    python tokenizer.py FOLDER NAME.json    # the ids of another tokenizer, for example all-MiniLM-L6-v2's
"""

import json
import pathlib
import sys

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

HERE = pathlib.Path(__file__).parent
TEXTS = [
    "",
    " ",
    "What is basalt?",
    "Basalt is a dark, fine-grained volcanic rock; it's made of 45-52% SiO2 (by weight).",
    "don't can't I'm U.S.A. e.g. state-of-the-art $1,000.50 3.5%",
    "Ünïcödé ÅNGSTRÖM naïve café cafe\u0301 İstanbul ß ẞ",
    "东京は日本の首都です。 北京 is in 中国",
    "مرحبا بالعالم שלום עולם",
    "नमस्ते दुनिया",
    "emoji 😀👩‍👩‍👧‍👦 ☃ ™ ©2024",
    "tab\tnewline\nreturn\r\nnull\x00bell\x07 zero\u200bwidth nbsp\u00a0here \ufeffbom \ufffd",
    "\u2028line\u2029paragraph \u3000wide",
    "[CLS] [SEP] [MASK] [PAD] [UNK] special [SEP]",
    "a" * 99 + " " + "b" * 100 + " " + "c" * 101,
    "--- ... !!! ??? (((nested))) [brackets] {braces} <tags/> \"quotes\" 'single' “curly” ‘curly’",
    "http://example.com/path?query=1&other=two#fragment user@example.com",
    "𝕳𝖊𝖑𝖑𝖔 ﬁligature ﷺ Ⅷ ½ ² x²",
    "ＦＵＬＬＷＩＤＴＨ ﾊﾝｶｸ",
    "\u0300\u0301combining first a\u0300\u0301\u0302",
    "soft\u00adhyphen a\u2011b a–b a—b a…b",
    "the " * 90,
]
PAIRS = [(2, 3), (0, 3), (2, 0), (20, 3), (2, 20), (20, 20), (5, 6), (12, 12), (13, 9)]


def small_tokenizer(folder):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    # Some texts stay out, so that there are unknown words.
    trainer = trainers.WordPieceTrainer(vocab_size=600, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(TEXTS[2:8] + TEXTS[14:17], trainer)
    ids = [(name, tokenizer.token_to_id(name)) for name in ["[SEP]", "[CLS]"]]
    tokenizer.post_processor = processors.BertProcessing(*ids)
    # What sentence-transformers leave in their files, and what must not steer us.
    tokenizer.enable_truncation(max_length=12)
    tokenizer.enable_padding(length=12)
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    # Read back as BERT's, not as a bare tokenizer.
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}) + "\n")



def golden(folder, out):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = lambda text: tokenizer(text, truncation=False, padding=False)["input_ids"]
    pairs = []
    for query, document in PAIRS:
        # The query is cut first, by itself; then only the document is cut.
        cut = tokenizer(TEXTS[query], add_special_tokens=False, truncation=True, max_length=64, padding=False)["input_ids"]
        rest = tokenizer(TEXTS[document], add_special_tokens=False, truncation=True, max_length=96 - 3 - len(cut), padding=False)["input_ids"]
        start, separator = tokenizer.cls_token_id, tokenizer.sep_token_id
        pair = {"ids": [start, *cut, separator, *rest, separator], "type_ids": [0] * (len(cut) + 2) + [1] * (len(rest) + 1)}
        # transformers takes an empty second text for none at all.
        if len(ids(TEXTS[query])) - 2 <= 64 and TEXTS[document]:
            whole = tokenizer(TEXTS[query], TEXTS[document], truncation="only_second", max_length=96, padding=False)
            assert whole["input_ids"] == pair["ids"] and whole["token_type_ids"] == pair["type_ids"], (query, document, whole, pair)
        pairs.append({"query": TEXTS[query], "document": TEXTS[document], **pair})
    singles = [{"text": text, "ids": ids(text)} for text in TEXTS]
    rows = [json.dumps(row, ensure_ascii=True) for row in singles]
    pair_rows = [json.dumps(row, ensure_ascii=True) for row in pairs]
    out.write_text('{"singles": [\n' + ",\n".join(rows) + '\n],\n"pairs": [\n' + ",\n".join(pair_rows) + "\n]}\n")


if len(sys.argv) == 1:
    small_tokenizer(HERE / "tokenizer")
    golden(HERE / "tokenizer", HERE / "tokenizer.json")
else:
    golden(sys.argv[1], HERE / sys.argv[2])
