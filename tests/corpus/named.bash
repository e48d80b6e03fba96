# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A zone checked, served and asked.
# shellcheck source=tests/corpus/server.bash
. "$CORPUS/server.bash"
port=$(free_port)
cat >zone <<'ZONE'
$TTL 60
@ SOA ns.test. admin.test. 1 60 60 60 60
@ NS ns.test.
ns A 192.0.2.1
$GENERATE 1-200 host$ A 192.0.2.$
ZONE
cat >conf <<CONF
options {
	directory "$PWD"; pid-file none; session-keyfile none; lock-file none;
	listen-on port $port { 127.0.0.1; }; listen-on-v6 { none; };
	recursion no; notify no; dnssec-validation no; max-cache-size 8M;
};
controls { };
logging { channel quiet { null; }; category default { quiet; }; };
zone "test" { type primary; file "zone"; };
CONF
ask() { dig +short +tries=1 +time=1 -p "$port" @127.0.0.1 "$@" | grep .; }

named -v | grep -o '^BIND 9'
named-checkconf -z conf
serve named -f -c "$PWD/conf" -n 2
until_works ask ns.test
for i in {1..50}; do echo "host$i.test"; done >names
dig +short -p "$port" @127.0.0.1 -f names | tail -n 1
stop TERM
