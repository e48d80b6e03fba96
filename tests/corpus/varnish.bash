# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Compiles a configuration to C, then serves and caches by it.
# shellcheck source=tests/corpus/server.bash
. "$CORPUS/server.bash"
port=$(free_port)
cat >vcl <<'VCL'
vcl 4.1;
backend default none;
sub vcl_recv { return (synth(200, "fine")); }
sub vcl_synth { set resp.http.Served = "by vcl"; synthetic("body"); return (deliver); }
VCL
varnishd -C -f "$PWD/vcl" 2>&1 | grep -c 'vcl_synth'
serve varnishd -F -j none -n "$PWD/work" -a "127.0.0.1:$port" -f "$PWD/vcl" -s malloc,16m 2>log
until_works curl -sf "http://127.0.0.1:$port/"
for i in {1..50}; do
	curl -s "http://127.0.0.1:$port/$i"
done | tr -s body | head -c 40
echo
curl -si "http://127.0.0.1:$port/" | grep -i '^served'
stop TERM
