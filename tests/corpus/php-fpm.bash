# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Two workers with opcache, asked by FastCGI.
# shellcheck source=tests/corpus/server.bash
. "$CORPUS/server.bash"
cat >page.php <<'PHP'
<?php
$a = [];
for ($i = 0; $i < 5000; $i++) $a["k$i"] = str_repeat("x", $i % 50);
echo count($a), " ", md5(serialize($a)), " ", extension_loaded("Zend OPcache") ? "opcache" : "bare", "\n";
PHP
cat >fpm.conf <<CONF
[global]
error_log = $PWD/log
daemonize = no
[pool]
listen = $PWD/socket
pm = static
pm.max_children = 2
CONF
ask() {
	SCRIPT_FILENAME=$PWD/page.php REQUEST_METHOD=GET \
		cgi-fcgi -bind -connect "$PWD/socket" | tr -d '\r' | grep -E '^[0-9]'
}
serve php-fpm8.2 -F -y fpm.conf
until_works ask
for _ in {1..20}; do ask; done | sort | uniq -c
stop QUIT
