#!/usr/bin/env bash
# Checks the types of the viewer's JavaScript, with TypeScript's checker; nothing of it is needed to run the viewer.
# Usage: tools/types.sh .venv/bin/python
set -u
python=${1:?the interpreter of the environment}
version=5.9.3
folder=$(dirname "$(dirname "$python")")/typescript-$version
checker=$folder/node_modules/typescript/bin/tsc

node=$("$(dirname "$0")/node.sh" "$python") || exit 1
if [ ! -e "$checker" ]; then
    beside=$(dirname "$(dirname "$(realpath "$node")")")
    for npm in "$(command -v npm)" "$beside/bin/npm" "$beside/lib/node_modules/npm/bin/npm-cli.js"; do
        [ -e "$npm" ] && "$node" "$(realpath "$npm")" install --silent --no-save --no-fund --no-audit \
            --prefix "$folder" "typescript@$version" && break
    done
fi
if [ ! -e "$checker" ]; then
    echo "NOT CHECKED: the types of the viewer's JavaScript; npm could not fetch typescript@$version." >&2
    exit 1
fi
"$node" "$checker" -p tsconfig.json && echo "Success: no issues found in the viewer's JavaScript"
