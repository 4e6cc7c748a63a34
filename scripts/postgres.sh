#!/usr/bin/env bash
# Runs a real PostgreSQL on loopback, without Docker, in a folder of its own. For tests only: whoever reaches the port is
# let in, and nothing is synced to disk.
#
# Commands
#   start   makes the database where there is none, starts it and returns when it answers
#   kill    ends it as a crash would: nothing more is written, and start recovers from the log
#   stop    stops it and deletes its data
#
# Environment
#   POSTGRES_PORT   15432
#   POSTGRES_DATA   its files: a folder in the temporary one, named after the port
#   POSTGRES_BIN    the folder with initdb and pg_ctl: that of the PATH, else the newest of /usr/lib/postgresql
#   POSTGRES_USER   whom it runs as if we are root, which it refuses: postgres
set -euo pipefail

: "${POSTGRES_PORT:=15432}" "${POSTGRES_USER:=postgres}"
: "${POSTGRES_DATA:=${TMPDIR:-/tmp}/eventwright-postgres-$POSTGRES_PORT}"

die() { echo "postgres.sh: $*" >&2; exit 1; }

# Debian keeps the programs of each version in a folder that is not on the PATH.
find_programs() {
  : "${POSTGRES_BIN:=$(dirname "$(command -v initdb || true)")}"
  if [ ! -x "$POSTGRES_BIN/initdb" ]; then
    POSTGRES_BIN=$(find /usr/lib/postgresql -path '*/bin/initdb' 2> /dev/null | sort -V | tail -1 | xargs -r dirname)
  fi
  [ -x "$POSTGRES_BIN/initdb" ] || die "PostgreSQL is needed: apt-get install postgresql, or brew install postgresql"
}

run() { # PROGRAM ARGUMENTS, from a folder that everybody may enter
  local program=$POSTGRES_BIN/$1; shift
  if [ "$(id -u)" -eq 0 ]; then (cd / && exec setpriv --reuid "$POSTGRES_USER" --regid "$POSTGRES_USER" --init-groups "$program" "$@")
  else "$program" "$@"; fi
}

start() {
  find_programs
  if [ ! -d "$POSTGRES_DATA/db" ]; then
    mkdir -p "$POSTGRES_DATA"
    [ -O "$POSTGRES_DATA" ] || die "$POSTGRES_DATA belongs to somebody else: set POSTGRES_DATA"
    if [ "$(id -u)" -eq 0 ]; then chown "$POSTGRES_USER" "$POSTGRES_DATA"; fi
    chmod 700 "$POSTGRES_DATA"
    run initdb -D "$POSTGRES_DATA/db" -U postgres -A trust -E UTF8 --no-sync > "$POSTGRES_DATA.log" 2>&1 ||
      { cat "$POSTGRES_DATA.log" >&2; die "initdb failed (its message is above)"; }
  fi
  local options="-h 127.0.0.1 -p $POSTGRES_PORT -k $POSTGRES_DATA -c fsync=off -c max_connections=50"
  run pg_ctl start -w -t 30 -D "$POSTGRES_DATA/db" -l "$POSTGRES_DATA/log" -o "$options" > /dev/null ||
    { cat "$POSTGRES_DATA/log" >&2; die "PostgreSQL does not start (its log is above)"; }
}

halt() {
  find_programs
  if [ -f "$POSTGRES_DATA/db/postmaster.pid" ]; then run pg_ctl stop -m immediate -D "$POSTGRES_DATA/db" > /dev/null || true; fi
}

case "${1:-help}" in
  start) start ;;
  kill) halt ;;
  stop) halt; rm -rf "$POSTGRES_DATA" "$POSTGRES_DATA.log" ;;
  *) sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
