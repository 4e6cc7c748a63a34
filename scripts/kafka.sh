#!/usr/bin/env bash
# Runs a real Apache Kafka on loopback, without Docker: KRaft mode, every node both broker and controller.
# For development and tests only. Needs Java 17 or newer; the first start also needs Maven, which fetches Kafka's jars.
#
# Commands
#   start            starts every node and returns when all of them answer (2-3 s)
#   stop             stops every node cleanly
#   status           prints one line a node; exits 1 when a node is down
#   env              prints addresses and credentials as `export` lines: eval "$(scripts/kafka.sh env)"
#   kill N           crashes node N (SIGKILL)
#   resume N         starts node N again
#   restart N        stops node N cleanly and starts it again
#   logs N           prints what node N logged since it was last started
#   tool CLASS ARGS  runs one of Kafka's own tools, such as org.apache.kafka.tools.TopicCommand
#   cds              builds a class-data archive once, after which a start takes about 1 s
#   clean            stops every node and deletes their data
#
# Environment, all of it optional; start records the first four, and the other commands then know them
#   KAFKA_BROKERS    1 (default) or 3
#   KAFKA_SECURITY   plaintext (default); tls adds SSL listeners; sasl adds SSL and SASL_SSL listeners
#                    (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512)
#   KAFKA_USER       user of SASL: demo
#   KAFKA_PASSWORD   password of SASL: demo-secret
#   KAFKA_PORT       19092; node i takes KAFKA_PORT+i-1, and +100 (controller), +200 (SSL), +300 (SASL_SSL) from there
#   KAFKA_DATA       data, configuration, logs: a folder in the temporary one, named after the port
#   KAFKA_CACHE      jars and certificates: ~/.cache/eventwright/kafka
#   KAFKA_PROXIES    ports of proxies of one's own on loopback, one a node, separated by spaces: node i then listens at
#                    KAFKA_PORT+50+i-1 as well, and sends whoever comes there to its proxy; give it to each start
#   KAFKA_EXTRA      "key=value key=value" appended to server.properties
#   KAFKA_VERSION    4.3.1
#   KAFKA_HEAP       512m, and KAFKA_HEAP_MIN 128m
#   KAFKA_JVM        further options of the JVM; KAFKA_FAST=1 compiles with C1 only: starts faster, runs slower
#   KAFKA_WAIT       90, the seconds after which a start has failed
#   JAVA, MVN        the commands to run: java, mvn
#
# Tested on Debian 12. Meant to work on macOS, where bash is 3.2 and there is no flock, setsid or /proc.
set -euo pipefail
umask 077 # the data folder and the cache hold passwords and private keys

: "${KAFKA_VERSION:=4.3.1}" "${KAFKA_PORT:=19092}" "${KAFKA_HEAP:=512m}" "${KAFKA_HEAP_MIN:=128m}" "${KAFKA_WAIT:=90}"
: "${KAFKA_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/eventwright/kafka}"
: "${KAFKA_DATA:=${TMPDIR:-/tmp}/eventwright-kafka-$KAFKA_PORT}"
: "${KAFKA_PROXIES:=}" "${KAFKA_EXTRA:=}" "${KAFKA_JVM:=}" "${KAFKA_FAST:=}" "${JAVA:=java}" "${MVN:=mvn}"
case "$KAFKA_DATA" in /*) ;; *) KAFKA_DATA="$PWD/$KAFKA_DATA" ;; esac

# The broker's own dependencies leave the logging binding out, and without one it logs nothing at all.
readonly LOG4J_VERSION=2.25.4
readonly CLUSTER_ID=MkU3OEVBNTcwNTJENDM2Qk
readonly JARS="$KAFKA_CACHE/jars-$KAFKA_VERSION"
readonly CERTS="$KAFKA_CACHE/certificates"
readonly CLASS_DATA="$KAFKA_CACHE/jars-$KAFKA_VERSION.jsa"
readonly SETTINGS="$KAFKA_DATA/settings"

main() {
  local command="${1:-help}"
  [ $# -eq 0 ] || shift
  case "$command" in
    start) expect_recorded_settings ;;
    stop | status | env | clean | kill | resume | restart | logs) use_recorded_settings ;;
  esac
  default_settings
  local node=""
  case "$command" in kill | resume | restart | logs) node=$(node_argument "$@") ;; esac
  case "$command" in
    start) start ;;
    stop) stop_all ;;
    status) status ;;
    env) print_env ;;
    kill) crash "$node" ;;
    resume) resume "$node" ;;
    restart) restart "$node" ;;
    logs) logs "$node" ;;
    tool) tool "$@" ;;
    cds) build_class_data ;;
    clean) clean ;;
    help | -h | --help) usage ;;
    *) usage >&2; exit 2 ;;
  esac
}

usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; }
say() { echo "kafka.sh: $*" >&2; }
die() { say "$*"; exit 1; }

# ---- settings and addresses

# A cluster keeps its number of nodes and its users for life, since both are written when its storage is formatted.
# So the first start records them, and `stop` after `KAFKA_BROKERS=3 start` stops three nodes without being told.
# Only what this user wrote is read, and only these names: the default folder lies where all can write.
recorded() { if [ -O "$SETTINGS" ]; then grep -E '^KAFKA_(BROKERS|SECURITY|USER|PASSWORD)=' "$SETTINGS" || true; fi; }

use_recorded_settings() {
  local name value
  while IFS='=' read -r name value; do printf -v "$name" %s "$value"; done < <(recorded)
}

expect_recorded_settings() {
  local name value
  while IFS='=' read -r name value; do
    [ "${!name:-$value}" = "$value" ] || die "the cluster in $KAFKA_DATA was made with $name=$value, not ${!name}: run \`$0 clean\` first, or set another KAFKA_DATA"
  done < <(recorded)
  use_recorded_settings
}

default_settings() {
  : "${KAFKA_BROKERS:=1}" "${KAFKA_SECURITY:=plaintext}" "${KAFKA_USER:=demo}" "${KAFKA_PASSWORD:=demo-secret}"
  check_settings
}

check_settings() {
  case "$KAFKA_BROKERS" in 1 | 3) ;; *) die "KAFKA_BROKERS is 1 or 3, not $KAFKA_BROKERS" ;; esac
  case "$KAFKA_SECURITY" in plaintext | tls | sasl) ;; *) die "KAFKA_SECURITY is plaintext, tls or sasl, not $KAFKA_SECURITY" ;; esac
  case "$KAFKA_PORT" in *[!0-9]* | ??????*) die "KAFKA_PORT is a port number, not $KAFKA_PORT" ;; esac
  [ $((KAFKA_PORT + 302)) -le 65535 ] || die "KAFKA_PORT $KAFKA_PORT is too high: the listeners need up to 302 above it"
  case "$KAFKA_PROXIES" in *[!0-9\ ]*) die "KAFKA_PROXIES is ports, separated by spaces, not $KAFKA_PROXIES" ;; esac
  ! has_proxies || [ "$(wc -w <<< "$KAFKA_PROXIES")" -eq "$KAFKA_BROKERS" ] || die "KAFKA_PROXIES is a port for each of $KAFKA_BROKERS nodes, not $KAFKA_PROXIES"
  # Both are written into a quoted string of a JAAS line, where other characters would need escaping twice.
  case "$KAFKA_USER$KAFKA_PASSWORD" in *[!A-Za-z0-9._-]*) die "KAFKA_USER and KAFKA_PASSWORD may hold letters, digits, '.', '_' and '-' only" ;; esac
}

record_settings() {
  [ -f "$SETTINGS" ] && return
  local name
  for name in KAFKA_BROKERS KAFKA_SECURITY KAFKA_USER KAFKA_PASSWORD; do echo "$name=${!name}"; done > "$SETTINGS.new"
  mv "$SETTINGS.new" "$SETTINGS"
}

nodes() { seq 1 "$KAFKA_BROKERS"; }
node_dir() { echo "$KAFKA_DATA/node-$1"; }
port() { echo $((KAFKA_PORT + $1 - 1)); }
proxied_port() { echo $((KAFKA_PORT + 50 + $1 - 1)); }
proxy_port() { cut -d ' ' -f "$1" <<< "$KAFKA_PROXIES"; }
controller_port() { echo $((KAFKA_PORT + 100 + $1 - 1)); }
ssl_port() { echo $((KAFKA_PORT + 200 + $1 - 1)); }
sasl_port() { echo $((KAFKA_PORT + 300 + $1 - 1)); }
has_proxies() { [ -n "$KAFKA_PROXIES" ]; }
has_tls() { [ "$KAFKA_SECURITY" != plaintext ]; }
has_sasl() { [ "$KAFKA_SECURITY" = sasl ]; }

joined() { # FUNCTION: its output for each node, separated by commas
  local node separator=""
  for node in $(nodes); do printf '%s%s' "$separator" "$("$1" "$node")"; separator=,; done
}
voter() { echo "$1@127.0.0.1:$(controller_port "$1")"; }
address() { echo "127.0.0.1:$(port "$1")"; }
ssl_address() { echo "localhost:$(ssl_port "$1")"; }
sasl_address() { echo "localhost:$(sasl_port "$1")"; }

node_argument() {
  case "${1:-}" in
    [1-9]) [ "$1" -le "$KAFKA_BROKERS" ] || die "there is no node $1: the cluster has $KAFKA_BROKERS"; echo "$1" ;;
    *) die "which node? give its number, 1 to $KAFKA_BROKERS" ;;
  esac
}

# ---- what has to be there first

need_java() {
  local major
  major=$("$JAVA" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' || true) # macOS has a java that only complains
  [ "${major:-0}" -ge 17 ] || die "Java 17 or newer is needed (found: ${major:-none}): apt-get install openjdk-17-jre-headless, or brew install openjdk, or set JAVA"
}

need() { # COMMAND PACKAGE REASON
  command -v "$1" > /dev/null || die "$2 (command $1) is needed $3: apt-get install $2, or brew install $2"
}

# Two starts at once are common: tests of two checkouts. Without flock (macOS) the last step is still a rename,
# so that the worst case is the same download twice.
with_lock() { # FILE COMMAND...
  local file=$1; shift
  ( if command -v flock > /dev/null; then flock 9; fi; "$@" ) 9> "$file"
}

# A folder of the cache exists only when it is whole: it is filled under another name and then renamed.
cached() { # FOLDER COMMAND: runs COMMAND TEMPORARY_FOLDER unless FOLDER exists
  [ -d "$1" ] && return
  mkdir -p "$KAFKA_CACHE"
  with_lock "$KAFKA_CACHE/.lock" fill "$@"
}

fill() {
  [ -d "$1" ] && return # another process was faster
  filling=$(mktemp -d "$KAFKA_CACHE/.filling.XXXXXX") # not local: the trap runs after this function
  trap 'rm -rf "$filling"' EXIT
  "$2" "$filling"
  [ -d "$1" ] || mv "$filling" "$1"
}

fetch_jars() { # FOLDER
  need "$MVN" maven "to fetch Kafka's jars once"
  say "fetching Apache Kafka $KAFKA_VERSION's jars through Maven into $KAFKA_CACHE, once"
  mkdir "$1/pom"
  cat > "$1/pom/pom.xml" << POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$KAFKA_VERSION</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$KAFKA_VERSION</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>$LOG4J_VERSION</version></dependency>
  </dependencies>
</project>
POM
  "$MVN" -q -B -f "$1/pom/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$1" > "$1/pom/log" 2>&1 ||
    { cat "$1/pom/log" >&2; die "Maven could not fetch the jars (its own message is above)"; }
  [ -f "$1/kafka_2.13-$KAFKA_VERSION.jar" ] || die "Maven reported success, but $1 has no kafka_2.13-$KAFKA_VERSION.jar"
  rm -r "$1/pom"
}

make_certificates() { # FOLDER
  say "making development certificates in $CERTS, once"
  "$(dirname "$0")/certificates.sh" "$1" || exit 1
}

# ---- one node

write_config() { # NODE
  local dir factor=1 in_sync=1 listeners advertised
  dir=$(node_dir "$1")
  mkdir -p "$dir"
  if [ "$KAFKA_BROKERS" -ge 3 ]; then factor=3 in_sync=2; fi
  listeners="PLAINTEXT://$(address "$1"),CONTROLLER://127.0.0.1:$(controller_port "$1")"
  advertised="PLAINTEXT://$(address "$1")"
  if has_proxies; then listeners+=",PROXIED://127.0.0.1:$(proxied_port "$1")" advertised+=",PROXIED://127.0.0.1:$(proxy_port "$1")"; fi
  if has_tls; then listeners+=",SSL://127.0.0.1:$(ssl_port "$1")" advertised+=",SSL://$(ssl_address "$1")"; fi
  if has_sasl; then listeners+=",SASL_SSL://127.0.0.1:$(sasl_port "$1")" advertised+=",SASL_SSL://$(sasl_address "$1")"; fi
  {
    cat << CONFIG
process.roles=broker,controller
node.id=$1
controller.quorum.voters=$(joined voter)
listeners=$listeners
advertised.listeners=$advertised
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL
log.dirs=$dir/data
num.partitions=3
default.replication.factor=$factor
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$factor
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$factor
transaction.state.log.min.isr=$in_sync
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=$factor
share.coordinator.state.topic.min.isr=$in_sync
share.coordinator.state.topic.num.partitions=2
group.initial.rebalance.delay.ms=0
log.segment.bytes=134217728
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
CONFIG
    if has_tls; then tls_config; fi
    if has_sasl; then sasl_config; fi
    local pair
    for pair in $KAFKA_EXTRA; do echo "$pair"; done
  } > "$dir/server.properties"
  write_log_config "$dir"
}

tls_config() {
  cat << CONFIG
ssl.keystore.type=PEM
ssl.keystore.location=$CERTS/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$CERTS/ca.pem
ssl.client.auth=none
CONFIG
}

sasl_config() {
  local package=org.apache.kafka.common.security listener=listener.name.sasl_ssl
  cat << CONFIG
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
$listener.plain.sasl.jaas.config=$package.plain.PlainLoginModule required user_$KAFKA_USER="$KAFKA_PASSWORD";
$listener.scram-sha-256.sasl.jaas.config=$package.scram.ScramLoginModule required;
$listener.scram-sha-512.sasl.jaas.config=$package.scram.ScramLoginModule required;
CONFIG
}

write_log_config() { # FOLDER; KafkaRaftServer says when the node has started, which is what wait_ready looks for
  cat > "$1/log4j2.yaml" << CONFIG
Configuration:
  Appenders:
    File: { name: F, fileName: "$1/server.log", append: true, PatternLayout: { pattern: "%d %p %c{1} - %m%n" } }
  Loggers:
    Root: { level: WARN, AppenderRef: { ref: F } }
    Logger:
      - { name: kafka.server.KafkaRaftServer, level: INFO }
CONFIG
}

format_storage() { # NODE
  local dir; dir=$(node_dir "$1")
  [ -f "$dir/data/meta.properties" ] && return
  local users=() mechanism
  if has_sasl; then
    for mechanism in SCRAM-SHA-256 SCRAM-SHA-512; do users+=(--add-scram "$mechanism=[name=$KAFKA_USER,password=$KAFKA_PASSWORD]"); done
  fi
  "$JAVA" -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dlog4j2.configurationFile="$dir/log4j2.yaml" -cp "$JARS/*" \
    kafka.tools.StorageTool format -t "$CLUSTER_ID" -c "$dir/server.properties" ${users[@]+"${users[@]}"} > "$dir/format.log" 2>&1 ||
    { cat "$dir/format.log" >&2; die "cannot format the storage of node $1"; }
}

command_line() { # PID: nothing for a process that is gone, or dead and not reaped
  if [ -d /proc/self ]; then { tr '\0' ' ' < "/proc/$1/cmdline"; } 2> /dev/null || true
  else ps -o command= -p "$1" 2> /dev/null || true; fi
}

# The process is recognised by its command line too: after a reboot the number may be anybody's.
running_pid() { # NODE: prints its process id; fails when it is not running
  local pid; pid=$(cat "$(node_dir "$1")/pid" 2> /dev/null) || return 1
  case "$(command_line "$pid")" in *"$(node_dir "$1")/server.properties"*) echo "$pid" ;; *) return 1 ;; esac
}
is_running() { running_pid "$1" > /dev/null; }

answers() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

check_ports() { # NODE
  local candidates port
  candidates="$(port "$1") $(controller_port "$1")"
  if has_proxies; then candidates+=" $(proxied_port "$1")"; fi
  if has_tls; then candidates+=" $(ssl_port "$1")"; fi
  if has_sasl; then candidates+=" $(sasl_port "$1")"; fi
  for port in $candidates; do
    ! answers "$port" || die "port $port, which node $1 needs, is taken by another program: stop that, or set KAFKA_PORT"
  done
}

launch() { # NODE
  local dir options; dir=$(node_dir "$1")
  options=("-Xms$KAFKA_HEAP_MIN" "-Xmx$KAFKA_HEAP" -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true)
  if [ -f "$CLASS_DATA" ]; then options+=("-XX:SharedArchiveFile=$CLASS_DATA"); fi
  if [ -n "$KAFKA_FAST" ]; then options+=(-XX:TieredStopAtLevel=1); fi
  local own_session=(nohup); if command -v setsid > /dev/null; then own_session+=(setsid); fi # else Ctrl-C in the terminal reaches it
  : > "$dir/server.log"
  # Descriptor 9 is the lock: a broker that inherited it would hold it for life.
  # shellcheck disable=SC2086 # KAFKA_JVM is a list of options
  "${own_session[@]}" "$JAVA" "${options[@]}" $KAFKA_JVM -Dlog4j2.configurationFile="$dir/log4j2.yaml" -cp "$JARS/*" \
    kafka.Kafka "$dir/server.properties" > "$dir/stdout.log" 2>&1 < /dev/null 9>&- &
  echo $! > "$dir/pid"
}

wait_ready() { # NODE, just launched by this process
  local dir pid deadline; dir=$(node_dir "$1") pid=$(cat "$(node_dir "$1")/pid") deadline=$((SECONDS + KAFKA_WAIT))
  until grep -q 'Kafka Server started' "$dir/server.log" && answers "$(port "$1")"; do
    kill -0 "$pid" 2> /dev/null || { logs "$1" | tail -20 >&2; die "node $1 died while starting (its last lines are above)"; }
    [ "$SECONDS" -lt "$deadline" ] || { logs "$1" | tail -20 >&2; die "node $1 is not ready after $KAFKA_WAIT s (its last lines are above)"; }
    sleep 0.1
  done
}

stop_node() { # NODE
  local pid tenths=0
  if pid=$(running_pid "$1"); then
    kill "$pid"
    while is_running "$1"; do
      sleep 0.1
      tenths=$((tenths + 1))
      if [ "$tenths" -eq 300 ]; then say "node $1 does not stop: killing it"; kill -9 "$pid"; fi
    done
  fi
  rm -f "$(node_dir "$1")/pid"
}

# ---- commands

start() {
  need_java
  cached "$JARS" fetch_jars
  if has_tls; then cached "$CERTS" make_certificates; fi
  mkdir -p "$KAFKA_DATA"
  # The default folder has a name that others can guess, in a place where all can write.
  [ -O "$KAFKA_DATA" ] || die "$KAFKA_DATA belongs to somebody else: set KAFKA_DATA"
  chmod 700 "$KAFKA_DATA"
  with_lock "$KAFKA_DATA/.lock" start_nodes
  status
}

start_nodes() { # in a shell of its own (with_lock), so that `launched` and the trap end with it
  local node job jobs=()
  launched=()
  record_settings
  for node in $(nodes); do
    if ! is_running "$node"; then check_ports "$node"; launched+=("$node"); fi
  done
  [ ${#launched[@]} -gt 0 ] || return 0
  trap 'for node in "${launched[@]}"; do stop_node "$node"; done' EXIT # a cluster that cannot start leaves nothing behind
  for node in "${launched[@]}"; do write_config "$node"; done
  for node in "${launched[@]}"; do format_storage "$node" & jobs+=($!); done
  for job in "${jobs[@]}"; do wait "$job"; done
  for node in "${launched[@]}"; do launch "$node"; done
  for node in "${launched[@]}"; do wait_ready "$node"; done
  trap - EXIT
}

stop_all() {
  local node
  for node in $(nodes); do stop_node "$node" & done # together: the last one alone would wait for the others' votes
  wait
}

status() {
  local node pid code=0
  for node in $(nodes); do
    if pid=$(running_pid "$node"); then echo "node $node is up: $(address "$node"), process $pid"
    else echo "node $node is down"; code=1; fi
  done
  return $code
}

crash() { # NODE
  local pid; pid=$(running_pid "$1") || die "node $1 is not running"
  kill -9 "$pid"
  while is_running "$1"; do sleep 0.1; done
  rm -f "$(node_dir "$1")/pid"
}

resume() { # NODE
  [ -f "$(node_dir "$1")/data/meta.properties" ] || die "node $1 was never started: run \`$0 start\`"
  if ! is_running "$1"; then
    need_java
    check_ports "$1"
    launch "$1"
    wait_ready "$1"
  fi
  echo "node $1 is up: $(address "$1"), process $(running_pid "$1")"
}

restart() { # NODE
  stop_node "$1"
  resume "$1"
}

logs() { # NODE
  [ -f "$(node_dir "$1")/server.log" ] || die "node $1 was never started: run \`$0 start\`"
  cat "$(node_dir "$1")/server.log" "$(node_dir "$1")/stdout.log"
}

print_env() {
  print_export KAFKA_BOOTSTRAP "$(joined address)"
  print_export KAFKA_CLASSPATH "$JARS/*"
  if has_tls; then print_export KAFKA_TLS_BOOTSTRAP "$(joined ssl_address)"; print_export KAFKA_CA "$CERTS/ca.pem"; fi
  if has_sasl; then
    print_export KAFKA_SASL_BOOTSTRAP "$(joined sasl_address)"
    print_export KAFKA_USER "$KAFKA_USER"
    print_export KAFKA_PASSWORD "$KAFKA_PASSWORD"
  fi
}
print_export() { printf "export %s='%s'\n" "$1" "${2//\'/\'\\\'\'}"; }

tool() { # CLASS ARGS
  [ $# -gt 0 ] || die "which tool? give its class, such as org.apache.kafka.tools.TopicCommand"
  need_java
  cached "$JARS" fetch_jars
  exec "$JAVA" -Xmx256m -XX:TieredStopAtLevel=1 -cp "$JARS/*" "$@"
}

# The JVM writes the archive when a broker that has done some work exits, so one is started for that.
build_class_data() {
  need_java
  cached "$JARS" fetch_jars
  temporary=$(mktemp -d) # not local: the trap runs after this function
  export KAFKA_BROKERS=1 KAFKA_SECURITY=plaintext KAFKA_PORT=$((KAFKA_PORT + 1000)) KAFKA_DATA="$temporary/data"
  trap '"$0" stop; rm -rf "$temporary"' EXIT
  rm -f "$CLASS_DATA"
  KAFKA_JVM="-XX:ArchiveClassesAtExit=$temporary/classes.jsa" "$0" start
  "$0" tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$(address 1)" --create --topic warm-up > /dev/null
  "$0" stop
  [ -f "$temporary/classes.jsa" ] || die "the JVM wrote no archive"
  mv "$temporary/classes.jsa" "$CLASS_DATA"
  echo "$CLASS_DATA"
}

clean() {
  [ -f "$SETTINGS" ] || return 0 # not a folder of ours, or none: nothing is deleted
  stop_all
  rm -rf "$KAFKA_DATA"/node-[1-9] "$SETTINGS" "$KAFKA_DATA/.lock"
  rmdir "$KAFKA_DATA" 2> /dev/null || true # it may hold somebody's files as well
}

main "$@"
