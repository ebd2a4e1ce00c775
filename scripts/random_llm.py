"""Makes a tiny LLM with random weights (GGUF) and serves it as an OpenAI-compatible server with llama.cpp.

It knows nothing, but it is a real server: asked for a JSON schema it answers in the schema, by llama.cpp's grammar.
Usage: random_llm.py MODEL.gguf PORT (scripts/llm_server.sh does it)
"""

import sys
import time
from pathlib import Path

import gguf
import numpy as np
import xllamacpp

WIDTH, LAYERS, HEADS, FEED_FORWARD = 64, 2, 4, 128
# Room for every passage of the largest window, at a token a byte.
CONTEXT, SLOTS = 65536, 4
SEED = 13


def byte_letters():
    """The 256 printable letters by which byte-level vocabularies (GPT-2) write bytes."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) if byte in printable else chr(256 + others.index(byte)) for byte in range(256)]


def write_model(path):
    """A Llama of two layers whose tokens are bytes, and three that begin and end turns."""
    random = np.random.default_rng(SEED)
    tokens = byte_letters() + ["<|begin|>", "<|turn|>", "<|end|>"]
    kinds = [gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * 3

    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    # A vocabulary of this kind must have a merge; this one never applies, since nothing has a token for its result.
    writer.add_token_merges([f"{tokens[0]} {tokens[1]}"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(258)
    writer.add_chat_template(
        "{% for message in messages %}<|turn|>{{ message.role }}: {{ message.content }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}<|turn|>assistant: {% endif %}"
    )

    def add(name, *shape):
        writer.add_tensor(name, random.normal(0, 0.05, shape).astype(np.float32))

    def add_norm(name):
        writer.add_tensor(name, np.ones(WIDTH, dtype=np.float32))

    # The first dimension is the same of every token, and so says which tokens are likely whatever came before: short
    # numbers, lists of some length, strings of letters that come to an end.
    embedding = random.normal(0, 0.05, (len(tokens), WIDTH)).astype(np.float32)
    embedding[:, 0] = 1
    writer.add_tensor("token_embd.weight", embedding)
    output = random.normal(0, 0.05, (len(tokens), WIDTH)).astype(np.float32)
    output[:, 0] = -1
    for letters, likely in (("abcdefghijklmnopqrstuvwxyz ", 0.3), ("0123456789", 0.2), (",{", 0.7), ('"', 0.45), ("]", 0.15), ("}", 0.3)):
        output[[ord(letter) for letter in letters], 0] = likely
    output[258, 0] = 0.3
    writer.add_tensor("output.weight", output)
    add_norm("output_norm.weight")
    for layer in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{name}.weight", WIDTH, WIDTH)
        for name in ("ffn_gate", "ffn_up"):
            add(f"blk.{layer}.{name}.weight", FEED_FORWARD, WIDTH)
        add(f"blk.{layer}.ffn_down.weight", WIDTH, FEED_FORWARD)
        add_norm(f"blk.{layer}.attn_norm.weight")
        add_norm(f"blk.{layer}.ffn_norm.weight")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def serve(path, port):
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = CONTEXT * SLOTS
    params.n_parallel = SLOTS
    # So small a model gains nothing from more, and its threads would wait for each other wherever others work too.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    print(f"serving {path.name} at {server.listening_address}/v1", flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    model, port = Path(sys.argv[1]), int(sys.argv[2])
    if not model.is_file():
        write_model(model)
    serve(model, port)
