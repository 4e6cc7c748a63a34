#!/usr/bin/env bash
# Checks that no dependency declares a rust-version above the workspace's own, which would make that one untrue.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v python3 > /dev/null || { echo "check-msrv.sh: needs python3 to read what cargo metadata prints" >&2; exit 1; }

metadata=$(cargo metadata --format-version 1 --all-features --locked)
python3 -c '
import json, sys

def version(text):
    return tuple(int(part) for part in (text.split("-")[0].split(".") + ["0", "0"])[:3])

metadata = json.load(sys.stdin)
members = set(metadata["workspace_members"])
ours = [p for p in metadata["packages"] if p["id"] in members]
others = [p for p in metadata["packages"] if p["id"] not in members]

undeclared = [p["name"] for p in ours if not p["rust_version"]]
if undeclared:
    sys.exit("check-msrv.sh: no rust-version in: " + ", ".join(undeclared))
workspace = min((p["rust_version"] for p in ours), key=version)

newer = [p for p in others if p["rust_version"] and version(p["rust_version"]) > version(workspace)]
for p in newer:
    print("check-msrv.sh: {name} {version} needs Rust {rust_version}, the workspace promises {0}".format(workspace, **p), file=sys.stderr)
if newer:
    sys.exit(1)
print(f"rust-version {workspace}: {len(others)} dependencies ask for no more")
' <<< "$metadata"
