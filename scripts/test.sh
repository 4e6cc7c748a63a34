#!/usr/bin/env bash
# Runs every test against a real Apache Kafka, which it starts before and always stops after, whatever happens.
#   scripts/test.sh [ARGUMENTS OF cargo test]    (run `scripts/setup.sh test` once before; `make test` does both)
# Environment
#   EVENTWRIGHT_TEST_KAFKA_PORT   the port of that Kafka; else the first free one of 19092, 20092, 21092, ...
set -euo pipefail
cd "$(dirname "$0")/.."

readonly FEATURES=tls

stop() {
  local code=$?
  trap '' INT TERM HUP # a second Ctrl-C must not leave the broker running
  scripts/kafka.sh clean
  rm -rf "$KAFKA_DATA"
  exit "$code"
}

answers() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

free_port() { # kafka.sh checks the ports it takes again, so that losing a race here is an error, not a mix-up
  local port
  for port in $(seq 19092 1000 29092); do
    if ! answers "$port" && ! answers $((port + 100)); then echo "$port"; return; fi
  done
  echo "test.sh: no free port among 19092, 20092, ..., 29092: set EVENTWRIGHT_TEST_KAFKA_PORT" >&2
  return 1
}

scripts/check-compose.sh

KAFKA_PORT=${EVENTWRIGHT_TEST_KAFKA_PORT:-$(free_port)}
KAFKA_DATA=$(mktemp -d "${TMPDIR:-/tmp}/eventwright-test-kafka.XXXXXX")
export KAFKA_PORT KAFKA_DATA
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
scripts/kafka.sh start

EVENTWRIGHT_TEST_AVRO=$(scripts/avro.sh)
export EVENTWRIGHT_TEST_AVRO
export EVENTWRIGHT_TEST_BOOTSTRAP="127.0.0.1:$KAFKA_PORT"
export EVENTWRIGHT_TEST_PYTHON="$PWD/target/venv/bin/python"
cargo test --workspace --features "$FEATURES" "$@"
