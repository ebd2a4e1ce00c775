#!/usr/bin/env bash
# Requests made from the server's own OpenAPI description: none may crash it, hang it, or get a 500.
# Usage: fuzz.sh [EXAMPLES a operation, 200 by default] [other options of schemathesis]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/server.sh"
examples=${1:-200}
[ $# -eq 0 ] || shift
environment fuzz
build_binary
index=$(mktemp -d)
"$R2R_BINARY" index --collection "$root/fixtures/tiny" --output "$index/index" >/dev/null
start_server --log-level warn --index "$index/index"

status=0
# It keeps a cache where it runs.
cd "$R2R_WORK"
"$venv/fuzz/bin/schemathesis" run "$R2R_URL/openapi.json" --header "Authorization: Bearer $R2R_KEY" \
  --phases examples,coverage,fuzzing --mode all --max-examples "$examples" --seed 13 --request-timeout 20 --workers 2 \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance \
  "$@" || status=$?
if ! kill -0 "$server_pid"; then echo "the server is gone" >&2; tail "$R2R_WORK/server.log" >&2; exit 1; fi
python3 -c "import urllib.request as u; u.urlopen('$R2R_URL/health', timeout=5)"
echo "the server lives; its log has $(grep -c ERROR "$R2R_WORK/server.log" || true) errors"
grep ERROR "$R2R_WORK/server.log" | head -5 || true
rm -rf "$index"
exit $status
