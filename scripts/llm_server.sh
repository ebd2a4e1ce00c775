#!/usr/bin/env bash
# Serves a tiny LLM with random weights by llama.cpp, to try `r2r judge` and `r2r rerank` against a real server:
#   scripts/llm_server.sh [PORT]     then --provider compatible --base-url http://127.0.0.1:PORT/v1 --model random
# Needs Python 3.10 or later; llama.cpp and what writes its model come from PyPI, into work/llm. Ctrl-C ends it.
set -euo pipefail
cd "$(dirname "$0")/.."
port="${1:-8321}"
folder="${LLM_FOLDER:-work/llm}"
mkdir -p "$folder"
if [ ! -x "$folder/venv/bin/python" ]; then
  python3 -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet 'xllamacpp>=2026.10' 'gguf>=0.19' 'numpy>=2'
fi
exec "$folder/venv/bin/python" scripts/random_llm.py "$folder/random.gguf" "$port"
