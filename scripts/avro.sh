#!/usr/bin/env bash
# Prints the class path of Java Avro, which the tests take as their judge; the first time it fetches the jars with Maven.
#   scripts/avro.sh
# Environment
#   AVRO_VERSION   1.12.1
#   AVRO_CACHE     where the jars are kept: ~/.cache/eventwright/avro
set -euo pipefail
umask 077

: "${AVRO_VERSION:=1.12.1}" "${AVRO_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/eventwright/avro}" "${MVN:=mvn}"
readonly JARS="$AVRO_CACHE/jars-$AVRO_VERSION"

readonly FOLDER="$JARS.$$" # a folder of its own, so that a download that is interrupted leaves nothing half done

fetch() {
  echo "avro.sh: fetching Java Avro $AVRO_VERSION into $JARS, once" >&2
  mkdir -p "$FOLDER/pom"
  trap 'rm -rf "$FOLDER"' EXIT
  cat > "$FOLDER/pom/pom.xml" << POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>avro</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.avro</groupId><artifactId>avro</artifactId><version>$AVRO_VERSION</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>2.0.17</version></dependency>
  </dependencies>
</project>
POM
  "$MVN" -q -B -f "$FOLDER/pom/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$FOLDER" > "$FOLDER/pom/log" 2>&1 ||
    { cat "$FOLDER/pom/log" >&2; echo "avro.sh: Maven could not fetch the jars (its own message is above)" >&2; exit 1; }
  rm -r "$FOLDER/pom"
  [ -d "$JARS" ] || mv "$FOLDER" "$JARS" # somebody else may have been faster
}

[ -d "$JARS" ] || fetch
echo "$JARS/*"
