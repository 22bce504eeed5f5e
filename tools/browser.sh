#!/usr/bin/env bash
# Makes sure that there is a Chromium for the browser tests: one that is here already, else the distribution's,
# else Playwright's own. tests/browser/driver.py looks in the same order.
# Usage: tools/browser.sh .venv/bin/python
set -u
python=${1:?the interpreter that has Playwright}

works() { "$1" --version >/dev/null 2>&1; }

found() {
    [ -n "${CHROMIUM:-}" ] && works "$CHROMIUM" && return
    for name in chromium chromium-browser google-chrome google-chrome-stable chrome; do
        command -v "$name" >/dev/null && works "$name" && return
    done
    "$python" - <<'PY' 2>/dev/null
import pathlib, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    sys.exit(not pathlib.Path(playwright.chromium.executable_path).exists())
PY
}

found && exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
    echo "No Chromium here: installing the distribution's."
    export DEBIAN_FRONTEND=noninteractive
    { $as_root apt-get update -qq; $as_root apt-get install -y -qq --no-install-recommends chromium; } >/dev/null
    found && exit 0
fi

echo "No Chromium here: downloading Playwright's."
"$python" -m playwright install chromium && found && exit 0

echo "The browser tests need Chromium or Chrome, and none could be installed here." >&2
echo "Install one and run this again, or name it: CHROMIUM=/path/to/chrome make test" >&2
echo "All tests but those: make test TESTS='tests/unit tests/app'" >&2
exit 1
