#!/usr/bin/env bash
# Say where openapi-python-client is, in the pinned version: its folder, in which its ruff is as well.
#
# The generator is pinned, since its next version would write other code. One of that version on PATH is used; else it
# is put into .tools/, with what scripts/codegen/requirements.lock names.
set -euo pipefail
cd "$(dirname "$0")/../.."

codegen=scripts/codegen
wanted=$(sed -n 's/^openapi-python-client==//p' $codegen/requirements.in)

fail() { printf 'Error: %s\n' "$*" >&2; exit 1; }

if [ "$(openapi-python-client --version 2>/dev/null | awk '{print $NF}')" = "$wanted" ]; then
    bin=$(dirname "$(command -v openapi-python-client)")
else
    tool=.tools/openapi-python-client
    if [ -d .tools ] && command -v flock >/dev/null; then # two tests may want it at once
        exec 9>.tools/generator.lock
        flock 9
    fi
    stamp=$(sha256sum <$codegen/requirements.lock | cut -c1-64)
    if [ "$(cat $tool/ready 2>/dev/null)" != "$stamp" ]; then
        [ -x .tools/bin/uv ] || fail "openapi-python-client $wanted is not on PATH. Either: pip install openapi-python-client==$wanted, or: make setup"
        for pair in index-url:UV_DEFAULT_INDEX extra-index-url:UV_INDEX; do # as scripts/setup.sh does
            value=$(python3 -m pip config get "global.${pair%%:*}" 2>/dev/null || true)
            name=${pair##*:}
            case "$value" in http*) [ -n "${!name:-}" ] || export "$name=$value" ;; esac
        done
        echo "Getting openapi-python-client $wanted ..." >&2
        .tools/bin/uv venv --quiet --allow-existing --python .venv/bin/python $tool
        .tools/bin/uv pip install --quiet --python $tool/bin/python --no-deps --require-hashes -r $codegen/requirements.lock
        printf '%s\n' "$stamp" >$tool/ready
    fi
    bin=$PWD/$tool/bin
fi
[ -x "$bin/ruff" ] || fail "ruff is not beside $bin/openapi-python-client, which installs it. Reinstall: pip install --force-reinstall openapi-python-client==$wanted"
printf '%s\n' "$bin"
