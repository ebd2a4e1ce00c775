#!/usr/bin/env bash
# Load, overload, faults and a soak against `r2r serve` on loopback; what each means stands in crates/server/examples/load.
# Usage: server_load.sh [--documents FILE.jsonl] [--seconds N] [--minutes N] [MODE]...
# Without modes: speed fairness overload faults soak. Prints Markdown; exits with 1 where something did not hold.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
documents=examples/heat-pumps/documents.jsonl seconds=20 minutes=10 modes=()
while [ $# -gt 0 ]; do
  case $1 in
    --documents) documents=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --minutes) minutes=$2; shift 2 ;;
    -*) echo "unknown flag $1; the first lines of this script name them all" >&2; exit 1 ;;
    *) modes+=("$1"); shift ;;
  esac
done
[ ${#modes[@]} -gt 0 ] || modes=(speed fairness overload faults soak)

# R2R_BINARY and R2R_LOAD name binaries that are built already.
target=${CARGO_TARGET_DIR:-target}/release
if [ -z "${R2R_BINARY:-}" ]; then cargo build --release -p r2r --no-default-features; fi
if [ -z "${R2R_LOAD:-}" ]; then cargo build --release -p r2r-server --example load; fi
r2r=${R2R_BINARY:-$target/r2r} load=${R2R_LOAD:-$target/examples/load}
# Thousands of connections are thousands of files.
ulimit -n 16384 2>/dev/null || ulimit -n "$(ulimit -Hn)"

log=$(mktemp)
server_pid=
trap '[ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null || true; rm -f "$log"' EXIT

echo "machine: $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1); load before: $(cut -d' ' -f1-3 /proc/loadavg)"
failed=0
for mode in "${modes[@]}"; do
  # What each mode asks of a server that has its limits: waits short enough to be seen.
  flags=() words=()
  case $mode in
    overload) flags=(--deadline 2) words=(--deadline 2) ;;
    faults) flags=(--read-timeout 3 --idle-timeout 3) words=(--read-timeout 3) ;;
  esac
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  "$r2r" serve --port "$port" --log-level warn "${flags[@]}" 2>"$log" &
  server_pid=$!
  for _ in $(seq 300); do
    if python3 -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/health')" 2>/dev/null; then break; fi
    sleep 0.1
  done
  printf '\n## %s\n\n`r2r serve %s`, `load %s --seconds %s --minutes %s %s`\n\n' \
    "$mode" "${flags[*]}" "$mode" "$seconds" "$minutes" "${words[*]}"
  "$load" "$mode" --address "127.0.0.1:$port" --pid "$server_pid" --documents "$documents" \
    --seconds "$seconds" --minutes "$minutes" "${words[@]}" || { failed=1; echo "NOT as it should be: $mode"; }
  if grep -q -e ERROR -e panicked "$log"; then failed=1; echo "errors in the log:"; grep -e ERROR -e panicked "$log" | head -5; fi
  kill "$server_pid"
  # Its exit code counts too: it must stop in order.
  wait "$server_pid" || { failed=1; echo "the server stopped with $?"; }
  server_pid=
done
exit "$failed"
