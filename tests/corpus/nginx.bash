# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Two workers under load, a reload in between, a graceful end.
# shellcheck source=tests/corpus/server.bash
. "$CORPUS/server.bash"
port=$(free_port)
mkdir root
chmod 755 . root
seq 2000 >root/index.html
cat >nginx.conf <<CONF
daemon off; worker_processes 2; pid $PWD/pid; error_log $PWD/log crit;
events { worker_connections 256; }
http {
	access_log off; gzip on; gzip_types *;
	client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
	uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
	server { listen 127.0.0.1:$port; root $PWD/root; }
}
CONF
load() { ab -q -n 1500 -c 8 -H 'Accept-Encoding: gzip' "http://127.0.0.1:$port/" | grep -E '^(Complete|Failed) requests'; }

serve nginx -c "$PWD/nginx.conf" -e "$PWD/log"
until_works accepts "$port"
load
kill -HUP "$SERVER"
load
curl -s "http://127.0.0.1:$port/" | sha256sum
stop QUIT
