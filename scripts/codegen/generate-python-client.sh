#!/usr/bin/env bash
# Generate sdks/python/portarium-client from docs/spec/openapi/portarium-control-plane.v1.yaml.
#
#   generate-python-client.sh          write it anew
#   generate-python-client.sh --check  change nothing; fail if it differs in any file from what the contract gives
#
# generator.sh gets the generator.
set -euo pipefail
cd "$(dirname "$0")/../.."

spec=docs/spec/openapi/portarium-control-plane.v1.yaml
client=sdks/python/portarium-client
codegen=scripts/codegen

fail() { printf 'Error: %s\n' "$*" >&2; exit 1; }

check=false
case "${1:-}" in
    "") ;;
    --check) check=true ;;
    *) fail "unknown option '$1'. Usage: ${0##*/} [--check]" ;;
esac
[ -f $spec ] || fail "there is no $spec. Write it: make docs"

bin=$($codegen/generator.sh)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
made=$scratch/client
"$bin/openapi-python-client" generate --path $spec --config $codegen/python-client-config.yaml --meta uv \
    --custom-template-path $codegen/templates --output-path "$made" --fail-on-warning >"$scratch/said" 2>&1 ||
    { cat "$scratch/said" >&2; fail "the generator did not understand $spec"; }
cp -R $codegen/modules/. "$made/portarium_client/"
rm -f "$made/.gitignore"
(cd "$made" && "$bin/ruff" check --no-cache --quiet --isolated --line-length 120 --target-version py310 --select F,I,UP --fix-only . &&
    "$bin/ruff" format --no-cache --quiet --isolated --line-length 120 --target-version py310 .)

if $check; then
    diff -ru --exclude=__pycache__ --exclude='*.egg-info' --exclude='.*_cache' "$client" "$made" >"$scratch/drift" 2>&1 || {
        head -50 "$scratch/drift" | sed "s|$made|(the contract)|g" >&2
        fail "$client is not what the contract gives. Generate it anew: $codegen/${0##*/}"
    }
    echo "$client is what the contract gives."
else
    mkdir -p $client
    find $client -mindepth 1 -maxdepth 1 ! -name '*.egg-info' ! -name '.*_cache' -exec rm -rf {} +
    cp -R "$made/." $client/
    echo "$client is written: $(find $client/portarium_client/api -name '*.py' ! -name '__init__.py' | wc -l | tr -d ' ') operations."
fi
