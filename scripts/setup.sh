#!/usr/bin/env bash
# Finds a Python >= 3.12, makes .venv and installs Parley with its tools into it. Does nothing the second time.
#   scripts/setup.sh            .venv
#   scripts/setup.sh --clients  also .venv-clients: the official SDKs that the live tests drive
#   scripts/setup.sh --python   only print the interpreter that would be taken
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '==> %s\n' "$*"; }

# Names do not tell: a `python3.12` on PATH may be a pyenv shim that fails when called, a `python3` may be 3.11, and
# Debian's may lack ensurepip. So each candidate is run.
works() {
    "$1" -c 'import sys, ssl, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' </dev/null >/dev/null 2>&1
}

candidates() {
    if [ -n "${PYTHON:-}" ]; then printf '%s\n' "$PYTHON"; fi
    printf '%s\n' python3.13 python3.12 python3.14 python3 python
    local home=${HOME:-/root}
    local pattern
    for pattern in \
        "${PYENV_ROOT:-$home/.pyenv}/versions/3.*/bin/python3" \
        "$home/.local/share/uv/python/cpython-3.*/bin/python3" \
        "$home/.local/bin/python3.1*" \
        "$home/*conda3/bin/python3" \
        "$home/.asdf/installs/python/3.*/bin/python3" \
        "$home/.local/share/mise/installs/python/3.*/bin/python3" \
        "/opt/homebrew/bin/python3.1*" \
        "/opt/python*/bin/python3*" \
        "/opt/*/bin/python3.1*" \
        "/usr/local/bin/python3.1*" \
        "/usr/local/python*/bin/python3*" \
        "/usr/bin/python3.1*" \
        "/Library/Frameworks/Python.framework/Versions/3.*/bin/python3"; do
        compgen -G "$pattern" | grep -v -- '-config$' | sort -V -r || true
    done
    if command -v uv >/dev/null 2>&1; then uv python find --offline '>=3.12' 2>/dev/null || true; fi
}

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ] && ! works "$PYTHON"; then
        echo "PYTHON=$PYTHON is no Python >= 3.12 with the venv module; looking for another." >&2
    fi
    while IFS= read -r candidate; do
        if works "$candidate"; then
            "$candidate" -c 'import sys; print(sys.executable)' </dev/null
            return 0
        fi
    done < <(candidates)
    return 1
}

no_python() {
    cat >&2 <<'TEXT'
No Python >= 3.12 with the venv module was found. Install one and run this again:
    Debian, Ubuntu   sudo apt-get install python3.12 python3.12-venv   (or python3.13 and python3.13-venv)
    Fedora           sudo dnf install python3.12
    macOS            brew install python@3.13
    anywhere         uv python install 3.13      (https://docs.astral.sh/uv/)
                     pyenv install 3.13          (https://github.com/pyenv/pyenv)
If it sits in an unusual place, name it:  PYTHON=/path/to/python3.13 make run
TEXT
    exit 1
}

# make_venv DIRECTORY: a virtual environment that works, made anew when what is there does not.
make_venv() {
    if works "$1/bin/python"; then return; fi
    local python
    python=$(find_python) || no_python
    say "Making $1 with $("$python" --version 2>&1) ($python)"
    "$python" -m venv --clear "$1"
}

# install DIRECTORY INPUT ARGUMENTS...: pip install, unless INPUT, place and arguments are those of the last time.
install() {
    local directory=$1 input=$2
    shift 2
    local stamp="$directory/.installed" wanted
    wanted="$(cksum <"$input") $PWD $*"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && works "$directory/bin/python"; then return; fi
    make_venv "$directory"
    say "Installing $input into $directory (a minute or two the first time)"
    "$directory/bin/python" -m pip install -qq --no-input --disable-pip-version-check "$@" </dev/null
    printf '%s' "$wanted" >"$stamp"
    say "$directory is ready"
}

case "${1:-}" in
    "") ;;
    --clients) ;;
    --python) find_python || no_python; exit ;;
    *) echo "usage: scripts/setup.sh [--clients | --python]" >&2; exit 2 ;;
esac

install .venv pyproject.toml -e '.[dev]'
if [ "${1:-}" = --clients ]; then
    install .venv-clients tests/live/clients.txt -r tests/live/clients.txt
fi
