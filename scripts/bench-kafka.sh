#!/usr/bin/env bash
# Measures producer and consumer beside rdkafka alone, on a real Apache Kafka that it starts before and always stops after.
#   scripts/bench-kafka.sh [--quick] [TEXT]    (TEXT leaves only the work that has it in its name)
# Environment
#   EVENTWRIGHT_BENCH_KAFKA_PORT   the port of that Kafka: 29192
set -euo pipefail
cd "$(dirname "$0")/.."

stop() {
  local code=$?
  trap '' INT TERM HUP # a second Ctrl-C must not leave the broker running
  scripts/kafka.sh clean
  rm -rf "$KAFKA_DATA"
  exit "$code"
}

cargo bench -p eventwright-bench --bench kafka --no-run # before the broker starts, which would only be in its way

export KAFKA_PORT=${EVENTWRIGHT_BENCH_KAFKA_PORT:-29192}
KAFKA_DATA=$(mktemp -d "${TMPDIR:-/tmp}/eventwright-bench-kafka.XXXXXX")
# Topics of turns that are over are deleted; their files go at once.
export KAFKA_DATA KAFKA_HEAP=1g KAFKA_EXTRA="log.segment.delete.delay.ms=100"
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
scripts/kafka.sh start

export EVENTWRIGHT_BENCH_BOOTSTRAP="127.0.0.1:$KAFKA_PORT"
cargo bench -p eventwright-bench --bench kafka -- "$@"
