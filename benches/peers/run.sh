#!/usr/bin/env bash
# Measures this engine beside others: see README.md here. Usage: run.sh DATA [--quick] [other options of measure.py]
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: $0 DATA [--quick]; DATA holds dl19/ and the collections of recipes/mini.toml" >&2; exit 1; }
data=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")"
here=$PWD
venv=${R2R_PEERS_VENV:-$here/venv}
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet -r requirements.txt
fi
cd ../..
cargo build --release -p r2r --no-default-features
cargo build --release -p r2r-inference --example score_server
target=${CARGO_TARGET_DIR:-target}/release
# Built apart: these engines must not choose versions or features for ours.
peers_target=${R2R_PEERS_TARGET:-$here/rust/target}
cargo build --release --manifest-path "$here/rust/Cargo.toml" --target-dir "$peers_target"
models=${R2R_PEERS_MODELS:-$here/models}
student=${R2R_STUDENT:-models/r2r-mini}
mkdir -p "$models"
rm -rf "$models/cross-encoder" "$models/onnx" "$models/flashrank"
# The exits of the rank head alone are fitted on held-out queries, once for each student: some minutes.
of=$(cat "$student/config.json" "$student/model.safetensors" | sha256sum)
if [ "$(cat "$models/rank-head/of" 2>/dev/null)" != "$of" ]; then
  rm -rf "$models/rank-head"
  "$venv/bin/python" "$here/rank_head.py" "$student" "$models/rank-head.partial"
  "$target/r2r" early recipes/mini.toml --set "data=$data" --student "$models/rank-head.partial"
  echo "$of" > "$models/rank-head.partial/of"
  mv "$models/rank-head.partial" "$models/rank-head"
fi
"$target/r2r" export --student "$student" --output "$models/cross-encoder"
"$venv/bin/python" "$here/export.py" "$models"
exec "$venv/bin/python" "$here/measure.py" --data "$data" --models "$models" --student "$student" \
  --server "$target/examples/score_server" --rust-peers "$peers_target/release/peers" "$@"
