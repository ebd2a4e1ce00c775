#!/usr/bin/env bash
# Real clients against the running server: see README.md here. Usage: run.sh [sdks|langchain|llamaindex|mcp]...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/server.sh"
groups=("$@")
[ ${#groups[@]} -gt 0 ] || groups=(sdks langchain llamaindex mcp)

# The environment of each group: the SDKs and MCP share one.
declare -A of=([sdks]=sdk [mcp]=sdk [langchain]=langchain [llamaindex]=llamaindex)
for group in "${groups[@]}"; do environment "${of[$group]}"; done
start_server

# What the command says of the same documents, named by their index: without titles, and with them.
python3 - "$root/examples/heat-pumps/documents.jsonl" "$R2R_WORK" <<'PY'
import json, sys
documents = [json.loads(line) for line in open(sys.argv[1])]
for name in ["plain", "titled"]:
    with open(f"{sys.argv[2]}/{name}.jsonl", "w") as file:
        for index, document in enumerate(documents):
            row = {"id": str(index), "text": document["text"]}
            if name == "titled":
                row["title"] = document.get("title", "")
            file.write(json.dumps(row) + "\n")
PY
query="why do heat pumps lose efficiency in very cold weather"
for name in plain titled; do
  "$R2R_BINARY" rerank --student "$R2R_STUDENT" --query "$query" --documents "$R2R_WORK/$name.jsonl" --reasons 12 --json \
    > "$R2R_WORK/$name.json"
done

touch "$R2R_WORK/rows.jsonl"
# litellm shall not ask the network for its list of prices.
export LITELLM_LOCAL_MODEL_COST_MAP=True
for group in "${groups[@]}"; do
  "$venv/${of[$group]}/bin/python" "$here/with_$group.py"
done
kill -0 "$server_pid" || { echo "the server is gone:"; tail "$R2R_WORK/server.log"; exit 1; } >&2

python3 - "$R2R_WORK/rows.jsonl" <<'PY'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
print("\n| client | version | call | result |\n|---|---|---|---|")
for row in rows:
    result = row["result"] if row["holds"] else "**" + row["result"].replace("|", "\\|") + "**"
    print(f"| {row['client']} | {row['version']} | `{row['call']}` | {result} |")
failed = sum(not row["holds"] for row in rows)
print(f"\n{len(rows) - failed} of {len(rows)} calls give what `r2r rerank --json` gives.")
sys.exit(failed > 0 or not rows)
PY
