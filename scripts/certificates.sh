#!/usr/bin/env bash
# Makes an authority of our own and a server's certificate for localhost and 127.0.0.1, as PEM: no keytool, no keystore passwords.
# For development and tests only. Needs openssl.
#   scripts/certificates.sh FOLDER
# The folder then has ca.pem, which clients trust, ca.key, and server.pem: the server's key, its certificate, and the authority's.
set -euo pipefail
umask 077 # private keys

die() { echo "certificates.sh: $*" >&2; exit 1; }

# In one chain, because `set -e` does not hold within a condition.
make_certificates() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=Eventwright development" -keyout ca.key -out ca.pem &&
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr &&
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > san.ext &&
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile san.ext -out server.crt &&
    openssl pkcs8 -topk8 -nocrypt -in server.key -out server.pk8 && # the one form of a private key that Kafka reads
    cat server.pk8 server.crt ca.pem > server.pem &&
    rm server.key server.csr server.pk8 san.ext
}

[ $# -eq 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
command -v openssl > /dev/null || die "openssl is needed to make certificates: apt-get install openssl, or brew install openssl"
cd "$1"
make_certificates > openssl.log 2>&1 || { cat openssl.log >&2; die "openssl could not make the certificates"; }
