# Sourced by the scripts here: builds r2r, starts it on a free port of loopback, and stops it at the end.
# Sets R2R_BINARY, R2R_STUDENT, R2R_URL, R2R_KEY, R2R_WORK and server_pid. R2R_CLIENTS_VENV keeps the environments elsewhere.

root=$(cd "$here/../.." && pwd)
venv=${R2R_CLIENTS_VENV:-$here/venv}

# Makes the environment NAME of requirements-NAME.txt where it is not there.
environment() {
  if [ ! -x "$venv/$1/bin/python" ]; then
    python3 -m venv "$venv/$1"
    "$venv/$1/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements-$1.txt"
  fi
}

# Builds r2r unless R2R_BINARY names one that is there.
build_binary() {
  if [ -z "${R2R_BINARY:-}" ]; then
    (cd "$root" && cargo build --release -p r2r --no-default-features)
    R2R_BINARY=${CARGO_TARGET_DIR:-$root/target}/release/r2r
  fi
}

# Starts the server with more flags, and waits until it is ready.
start_server() {
  export R2R_STUDENT=${R2R_STUDENT:-$root/models/r2r-mini}
  build_binary
  export R2R_BINARY R2R_KEY=${R2R_KEY-a-key-for-loopback} R2R_WORK
  R2R_WORK=$(mktemp -d)
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  export R2R_URL=http://127.0.0.1:$port
  if [ -n "$R2R_KEY" ]; then export R2R_API_KEY=$R2R_KEY; else unset R2R_API_KEY; fi
  "$R2R_BINARY" serve --student "$R2R_STUDENT" --port "$port" "$@" 2>"$R2R_WORK/server.log" &
  server_pid=$!
  trap 'kill "$server_pid" 2>/dev/null; wait "$server_pid" 2>/dev/null; rm -rf "$R2R_WORK"' EXIT
  # Ready is when it says so.
  for _ in $(seq 300); do
    if python3 -c "import urllib.request as u; u.urlopen('$R2R_URL/health')" 2>/dev/null; then return 0; fi
    if ! kill -0 "$server_pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo "the server did not become ready:" >&2
  cat "$R2R_WORK/server.log" >&2
  return 1
}
