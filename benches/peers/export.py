"""Turns the cross-encoder in MODELS/cross-encoder into ONNX (f32, dynamic int8) and FlashRank's layout."""

import json
import shutil
import sys
from pathlib import Path

import torch
from onnx import TensorProto
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from transformers import AutoModelForSequenceClassification

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


class Logits(torch.nn.Module):
    """The model with its inputs by place and its logits alone."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).logits


def main():
    models = Path(sys.argv[1])
    source = models / "cross-encoder"
    # The plain attention is the pattern that ONNX Runtime knows how to fuse.
    model = AutoModelForSequenceClassification.from_pretrained(source, attn_implementation="eager").eval()
    config = model.config
    example = tuple(torch.ones(2, 16, dtype=torch.int64) for _ in INPUTS)
    axes = {name: {0: "batch", 1: "length"} for name in INPUTS} | {"logits": {0: "batch"}}
    onnx = models / "onnx"
    onnx.mkdir(exist_ok=True)
    raw = onnx / "raw.onnx"
    torch.onnx.export(Logits(model), example, raw, input_names=INPUTS, output_names=["logits"], dynamic_axes=axes,
                      opset_version=17, dynamo=False)
    fused = optimizer.optimize_model(str(raw), model_type="bert", num_heads=config.num_attention_heads,
                                     hidden_size=config.hidden_size, opt_level=1)
    print("fused:", {name: n for name, n in fused.get_fused_operator_statistics().items() if n})
    fused.save_model_to_file(str(onnx / "f32.onnx"))
    quantize_dynamic(onnx / "f32.onnx", onnx / "int8.onnx", per_channel=True, weight_type=QuantType.QInt8,
                     extra_options={"DefaultTensorType": TensorProto.FLOAT})

    # FlashRank finds a model by the name of one of its own.
    flashrank = models / "flashrank" / "ms-marco-MiniLM-L-12-v2"
    flashrank.mkdir(parents=True, exist_ok=True)
    shutil.copy(onnx / "f32.onnx", flashrank / "flashrank-MiniLM-L-12-v2_Q.onnx")
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json"]:
        shutil.copy(source / name, flashrank / name)
    tokenizer = json.loads((source / "tokenizer_config.json").read_text())
    special = {name: tokenizer[name] for name in ["cls_token", "sep_token", "pad_token", "unk_token", "mask_token"]}
    (flashrank / "special_tokens_map.json").write_text(json.dumps(special))


if __name__ == "__main__":
    main()
