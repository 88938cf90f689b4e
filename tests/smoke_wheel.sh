#!/bin/sh
# Builds the source distribution and from it the wheel, installs that into a new environment outside the checkout, and uses it there.
#
#   tests/smoke_wheel.sh PYTHON    PYTHON has the packages build and setuptools
set -eu

checkout=$(cd "$(dirname "$0")/.." && pwd)
case $1 in
  /*) python=$1 ;;
  */*) python=$PWD/$1 ;;
  *) python=$1 ;;
esac
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
trap 'exit 130' INT TERM
unset PYTHONPATH LOCKER_DATA LOCKER_OWNER

"$python" -m build --no-isolation --outdir "$room/dist" "$checkout" >"$room/build.log" 2>&1 || { cat "$room/build.log"; exit 1; }
"$python" -m venv "$room/venv"
"$room/venv/bin/python" -m pip --disable-pip-version-check install -qq -c "$checkout/constraints.txt" "$room"/dist/*.whl

cp -R "$checkout/data/sample" "$room/sample"
cd "$room"
locker=$room/venv/bin/locker

"$locker" --version
"$room/venv/bin/python" - <<'PYTHON'
from pathlib import Path

import locker
from locker import plugin

home = Path(locker.__file__).parent
assert "site-packages" in home.parts, home
for name in ("connectors", "collections", "api", "schemas"):
    assert plugin.folder(name) == home / name, f"{name} is not in the wheel"
assert list((home / "schemas").glob("*.json")), "the wheel has no schemas"
print(f"{len(plugin.connectors())} connectors, {len(plugin.collections())} collections in the wheel")
PYTHON

"$locker" import vcard sample/contacts.vcf --data "$room/locker"
"$locker" get contact "[address.state:'CA']" --data "$room/locker" --json >answer.json
"$room/venv/bin/python" -c 'import json; answer = json.load(open("answer.json")); assert answer, "the query found nothing"; print(len(answer), "contacts in California")'
