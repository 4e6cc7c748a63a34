#!/usr/bin/env bash
# Checks docker-compose.yml without a Docker engine: docker-compose reads it as it would to start it, and then our own
# rules hold: images pinned, ports on loopback only, a health check for every service, files that exist.
#   scripts/check-compose.sh [FILE]    (run `scripts/setup.sh test` once before)
set -euo pipefail
cd "$(dirname "$0")/.."
readonly FILE=${1:-docker-compose.yml}

die() { echo "check-compose.sh: $*" >&2; exit 1; }

if docker compose version > /dev/null 2>&1; then compose=(docker compose)
elif command -v docker-compose > /dev/null; then compose=(docker-compose)
else die "docker-compose is missing: run scripts/setup.sh test"; fi
[ -f target/venv/requirements.txt ] || die "target/venv is missing or not finished: run scripts/setup.sh test"

"${compose[@]}" --file "$FILE" config --quiet || die "$FILE: refused by ${compose[*]} (its own message is above)"

# Read from the file itself, where a port still shows its variable and its default.
target/venv/bin/python - "$FILE" << 'PYTHON'
import pathlib, re, sys, yaml

path = pathlib.Path(sys.argv[1])
services = yaml.safe_load(path.read_text())["services"]
findings = []

def is_pinned(image):  # a digest, or a tag that names a version: at least one digit and one dot
    tag = image.rpartition("/")[2].partition(":")[2]
    return "@sha256:" in image or re.search(r"\d+\.\d", tag) or re.search(r"\d{8}", tag)

def images_of(dockerfile):
    stages = re.findall(r"^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", dockerfile, re.M | re.I)
    names = {name for _, name in stages}
    return [image for image, _ in stages if image not in names]

def check(holds, name, text):
    if not holds:
        findings.append(f"{path}: service `{name}`: {text}")

for name, service in services.items():
    dockerfile = ""
    if "build" in service:
        build = service["build"]
        file = path.parent / build["context"] / build["dockerfile"]
        check(file.is_file(), name, f"`{file}` does not exist")
        dockerfile = file.read_text() if file.is_file() else ""
        for image in images_of(dockerfile):
            check(is_pinned(image), name, f"`{image}` in {file} is not pinned to a version")
    else:
        check(is_pinned(service["image"]), name, f"image `{service['image']}` is not pinned to a version")
    for port in service.get("ports", []):
        check(str(port).startswith("127.0.0.1:"), name, f"port `{port}` is not bound to 127.0.0.1")
    own = service.get("healthcheck", {})
    healthy = "test" in own if own else re.search(r"^HEALTHCHECK\s+(?!NONE)", dockerfile, re.M)
    check(healthy and not own.get("disable"), name, "has no health check")
    for volume in service.get("volumes", []):
        source = str(volume).partition(":")[0]
        check(not source.startswith(".") or (path.parent / source).exists(), name, f"`{source}` does not exist")

print("\n".join(findings) or f"{path}: {len(services)} services, all pinned, on loopback, with health checks")
sys.exit(bool(findings))
PYTHON
