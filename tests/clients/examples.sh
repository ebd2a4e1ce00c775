#!/usr/bin/env bash
# Runs every curl example of docs/server.md against a running server; each must be answered with 200 and an answer.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/server.sh"
index=$(mktemp -d)
build_binary
"$R2R_BINARY" index --collection "$root/fixtures/tiny" --output "$index/index" >/dev/null
R2R_KEY='' start_server --index "$index/index"
python3 - "$here/../../docs/server.md" "$R2R_URL" <<'PY'
import re, subprocess, sys
page = open(sys.argv[1]).read()
examples = [block for block in re.findall(r"```sh\n(.*?)```", page, re.S) if block.startswith("curl")]
assert len(examples) >= 6, "docs/server.md has lost its examples"
for example in examples:
    command = example.replace("http://127.0.0.1:8080", sys.argv[2]).replace("curl ", "curl --silent --show-error --fail-with-body ", 1)
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    print(f"{'ok ' if done.returncode == 0 and done.stdout else 'NOT'} {example.splitlines()[0]}\n    {done.stdout[:160]}{done.stderr}")
    if done.returncode or not done.stdout:
        sys.exit(1)
PY
rm -rf "$index"
