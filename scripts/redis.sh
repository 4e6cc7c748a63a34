#!/usr/bin/env bash
# Runs a real Redis on loopback, without Docker. For tests only.
#
# Commands
#   start     starts it and returns when it answers
#   kill      crashes it (SIGKILL); start brings it back
#   restart   stops it cleanly and starts it again
#   stop      stops it; its data is gone
#
# Environment
#   REDIS_PORT      16379
#   REDIS_KEEPS     yes: what was written outlives a crash of it (append-only file); no, the default: nothing is on disk
#   REDIS_DATA      its files: a folder in the temporary one, named after the port
#   REDIS_PASSWORD  the password that it asks for; without it, none
#   REDIS_TLS       1: it speaks TLS only, by a certificate for localhost of an authority of its own, REDIS_DATA/ca.pem
#   REDIS_SERVER    the command to run: redis-server
set -euo pipefail
umask 077

: "${REDIS_PORT:=16379}" "${REDIS_KEEPS:=no}" "${REDIS_PASSWORD:=}" "${REDIS_TLS:=}" "${REDIS_SERVER:=redis-server}"
: "${REDIS_DATA:=${TMPDIR:-/tmp}/eventwright-redis-$REDIS_PORT}"

die() { echo "redis.sh: $*" >&2; exit 1; }
answers() { (exec 3<> "/dev/tcp/127.0.0.1/$REDIS_PORT") 2> /dev/null; }

# The process is recognised by its folder too: after a reboot the number may be anybody's.
running_pid() {
  local pid; pid=$(cat "$REDIS_DATA/pid" 2> /dev/null) || return 1
  case "$(ps -o command= -p "$pid" 2> /dev/null)" in *redis*) echo "$pid" ;; *) return 1 ;; esac
}

tls_settings() {
  "$(dirname "$0")/certificates.sh" "$REDIS_DATA" || exit 1
  printf '%s\n' "port 0" "tls-port $REDIS_PORT" "tls-auth-clients no" "tls-ca-cert-file $REDIS_DATA/ca.pem" \
    "tls-cert-file $REDIS_DATA/server.pem" "tls-key-file $REDIS_DATA/server.pem"
}

start() {
  command -v "$REDIS_SERVER" > /dev/null || die "redis-server is needed: apt-get install redis-server, or brew install redis"
  ! running_pid > /dev/null || return 0
  ! answers || die "port $REDIS_PORT is taken by another program: stop that, or set REDIS_PORT"
  mkdir -p "$REDIS_DATA"
  [ -O "$REDIS_DATA" ] || die "$REDIS_DATA belongs to somebody else: set REDIS_DATA"
  # A file: a password among the arguments would be seen by all.
  printf '%s\n' "bind 127.0.0.1" "dir $REDIS_DATA" 'save ""' "appendonly $REDIS_KEEPS" "daemonize yes" \
    "pidfile $REDIS_DATA/pid" "logfile $REDIS_DATA/log" > "$REDIS_DATA/redis.conf"
  if [ -z "$REDIS_TLS" ]; then echo "port $REDIS_PORT"; else tls_settings; fi >> "$REDIS_DATA/redis.conf"
  [ -z "$REDIS_PASSWORD" ] || echo "requirepass $REDIS_PASSWORD" >> "$REDIS_DATA/redis.conf"
  "$REDIS_SERVER" "$REDIS_DATA/redis.conf" > /dev/null || { cat "$REDIS_DATA/log" >&2; die "Redis does not start"; }
  local deadline=$((SECONDS + 10))
  until answers && running_pid > /dev/null; do
    [ "$SECONDS" -lt "$deadline" ] || { cat "$REDIS_DATA/log" >&2; die "Redis does not answer (its log is above)"; }
    sleep 0.05
  done
}

halt() { # SIGNAL
  local pid
  if pid=$(running_pid); then
    kill "-$1" "$pid"
    while kill -0 "$pid" 2> /dev/null; do sleep 0.05; done
  fi
}

case "${1:-help}" in
  start) start ;;
  kill) halt KILL ;;
  restart) halt TERM; start ;;
  stop) halt TERM; rm -rf "$REDIS_DATA" ;;
  *) sed -n '2,16s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
