"""
A made-up Singer tap, packed as a wheel, so that it can be installed without any network.

Its service is a JSON file named by its configuration: ``{"notes": [{"id", "text", "updated"}], "version": 1, "fail": ""}``.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

NAME = "tap-notes"
CODE = '''
"""Reads notes from a file, as the Singer specification says."""
import json, os, sys, time

def main():
    if "--help" in sys.argv:
        print("usage: tap-notes [--config] [--catalog | --properties]" if os.path.exists(__file__ + ".old") else "usage: tap-notes [--config] [--catalog]")
        return
    args = dict(zip(sys.argv[1::2], sys.argv[2::2])) if "--discover" not in sys.argv else {"--config": sys.argv[sys.argv.index("--config") + 1]}
    with open(args["--config"]) as file:
        config = json.load(file)
    if "trace" in config:
        with open(config["trace"], "a") as file:
            mode = oct(os.stat(args["--config"]).st_mode & 0o777)
            file.write(json.dumps({"args": sorted(args), "env": sorted(os.environ), "mode": mode, "pid": os.getpid()}) + chr(10))
    schema = {"type": "object", "properties": {"id": {"type": "integer"}, "text": {"type": "string"}, "updated": {"type": "string"}}}
    if "--discover" in sys.argv:
        streams = [{"tap_stream_id": name, "stream": name, "schema": schema, "key_properties": ["id"],
                    "metadata": [{"breadcrumb": [], "metadata": {"valid-replication-keys": ["updated"]}}]} for name in ("notes", "secrets")]
        print(json.dumps({"streams": streams}))
        return
    with open(args["--properties" if os.path.exists(__file__ + ".old") else "--catalog"]) as file:
        chosen = [one["stream"] for one in json.load(file)["streams"] if one["metadata"][0]["metadata"].get("selected")]
    since = ""
    if "--state" in args:
        with open(args["--state"]) as file:
            since = json.load(file)["since"]
    with open(config["path"]) as file:
        service = json.load(file)
    def say(**message):
        print(json.dumps(message), flush=True)
    for name in chosen:
        say(type="SCHEMA", stream=name, schema=schema, key_properties=["id"] if name == "notes" else [])
        version = service.get("version")
        for number, note in enumerate(sorted(service.get(name, []), key=lambda one: one["updated"])):
            if version is None and note["updated"] <= since:
                continue
            extra = {} if version is None else {"version": version}
            say(type="RECORD", stream=name, record=note, **extra)
            if name == "notes" and version is None:
                say(type="STATE", value={"since": note["updated"]})
            if service.get("fail") == str(number):
                print("cannot go on, my password is " + config.get("password", ""), file=sys.stderr)
                sys.exit(3)
            if service.get("hang") == str(number):
                time.sleep(600)
        if version is not None:
            say(type="ACTIVATE_VERSION", stream=name, version=version)
'''


def wheel(folder: Path) -> Path:
    """Pack it; pip takes it from the folder."""
    info, package = "tap_notes-1.0.dist-info", "tap_notes"
    files = {
        f"{package}/__init__.py": CODE,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{NAME} = {package}:main\n",
    }
    names = [*files, f"{info}/RECORD"]
    path = folder / "tap_notes-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in names))
    return path
