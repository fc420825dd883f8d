#!/bin/sh
# Makes .venv: the pinned packages and this project, editable. When .venv is up to date
# this takes a moment, needs no network and not even a Python outside of .venv.
set -eu

python=${PYTHON:-python3}
stamp=.venv/set-up

fail() {
    echo "make setup: $*" >&2
    exit 1
}

# What .venv was made from. The folder is part of it: the programs in a .venv hold its path.
fingerprint=$(pwd -P && cksum pyproject.toml constraints.txt)

# Only a Python that was asked for by name replaces the one .venv has.
is_requested_python() {
    [ -z "${PYTHON_IS_REQUESTED:-}" ] ||
        [ "$("$python" -VV 2>&1)" = "$(.venv/bin/python -VV 2>&1)" ]
}

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$fingerprint" ] &&
    .venv/bin/python -c '' 2>/dev/null && is_requested_python; then
    exit 0
fi

# A .venv that is only out of date keeps the Python it was once made with.
if [ -z "${PYTHON_IS_REQUESTED:-}" ] && [ -f "$stamp" ]; then
    own=$(.venv/bin/python -c 'import sys; print(sys._base_executable)' 2>/dev/null) &&
        [ -x "$own" ] && python=$own
fi

command -v "$python" >/dev/null 2>&1 ||
    fail "$python was not found: install Python 3.11 or newer, or name one: make setup PYTHON=…"
version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) ||
    fail "$python does not run: install Python 3.11 or newer, or name one: make setup PYTHON=…"
major=${version%%.*}
minor=${version#*.}
minor=${minor%%.*}
[ "$major" -gt 3 ] || { [ "$major" -eq 3 ] && [ "$minor" -ge 11 ]; } ||
    fail "$python is Python $version, and 3.11 or newer is needed: name one with make setup PYTHON=…"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python ($version) has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv)"

exec "$python" scripts/setup_venv.py "$fingerprint"
