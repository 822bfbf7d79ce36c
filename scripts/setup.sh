#!/bin/sh
# Make .venv at the root with every command line of the yard in .venv/bin. May be run at any time, any number of times.
# Needs: CPython 3.11 or newer with pip. Nothing is installed outside this folder but bubblewrap, and that only when it may be.
set -eu
cd "$(dirname "$0")/.."

say() { printf '\033[2m%s\033[0m\n' "$*" >&2; }
fail() { printf 'Error: %s\n' "$*" >&2; exit 1; }

python=${PYTHON:-python3}
command -v "$python" >/dev/null || fail "$python is not on PATH. Install CPython 3.11 or newer, or name it: make setup PYTHON=/path/to/python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$("$python" --version) is too old: 3.11 or newer is needed (make setup PYTHON=/path/to/python3)"

# The stamp holds a digest of everything the environment is made from.
wanted=$(cat requirements.lock server/pyproject.toml sdks/python/*/pyproject.toml scripts/setup.sh | sha256sum | cut -c1-64)
if [ "$(cat .venv/ready 2>/dev/null)" != "$wanted" ]; then
    if [ ! -x .tools/bin/uv ]; then
        "$python" -m pip --version >/dev/null 2>&1 || fail "$python has no pip. On Debian or Ubuntu: apt install python3-pip"
        say "Getting uv ..."
        "$python" -m pip install --quiet --disable-pip-version-check --no-warn-script-location --upgrade --target .tools uv
    fi
    # uv does not read pip's configuration; whoever set an index for pip means it for us too.
    for pair in index-url:UV_DEFAULT_INDEX extra-index-url:UV_INDEX; do
        value=$("$python" -m pip config get "global.${pair%%:*}" 2>/dev/null || true)
        eval "current=\${${pair##*:}:-}"
        case "$value" in http*) [ -n "$current" ] || export "${pair##*:}=$value" ;; esac
    done
    say "Installing what requirements.lock names into .venv ..."
    .tools/bin/uv venv --quiet --allow-existing --python "$python" .venv
    .tools/bin/uv pip install --quiet --python .venv/bin/python --no-deps --require-hashes -r requirements.lock
    .tools/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation \
        -e server -e sdks/python/wire -e sdks/python/ci-client -e sdks/python/cl-client \
        -e sdks/python/pie-client -e sdks/python/ambient-platform-sdk -e sdks/python/portarium-client
    printf '%s\n' "$wanted" >.venv/ready
fi

if ! command -v bwrap >/dev/null; then
    install="apt-get install -y -qq bubblewrap"
    if [ "$(id -u)" -ne 0 ]; then install="sudo -n $install"; fi
    if command -v apt-get >/dev/null && { $install >/dev/null 2>&1 || { ${install%%apt-get*}apt-get update -qq && $install; } >/dev/null 2>&1; }; then
        say "Installed bubblewrap, the sandbox of test runs."
    else
        say "bubblewrap is not installed (apt install bubblewrap); unshare(1) serves as the sandbox instead."
    fi
fi
