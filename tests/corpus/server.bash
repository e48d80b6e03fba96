# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For the corpus scripts that start a server, drive it and stop it:
#
#	. "$CORPUS/server.bash"
#	serve redis-server ...          in the foreground of its own; sets SERVER
#	until_works redis-cli ping      for at most 20 s
#	stop TERM                       prints the status it ended with
#
# Whatever happens, no server outlives the script.
set -euo pipefail

SERVER=
# shellcheck disable=SC2154 # set by the trap itself
trap 'status=$?; [ -z "$SERVER" ] || kill -KILL "$SERVER"; exit "$status"' EXIT

serve() {
	"$@" &
	SERVER=$!
}

until_works() {
	local deadline=$((SECONDS + 20))

	until "$@" >/dev/null 2>&1; do
		kill -0 "$SERVER" || exit 1
		((SECONDS < deadline)) || {
			echo "never worked: $*" >&2
			exit 1
		}
		sleep 0.05
	done
}

stop() {
	kill -"$1" "$SERVER"
	ended
}

# For a server that was asked to stop in another way.
ended() {
	local status=0

	wait "$SERVER" || status=$?
	SERVER=
	echo "ended with status $status"
}

accepts() { (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
	local port

	while port=$((20000 + RANDOM % 10000)) && accepts "$port"; do :; done
	echo "$port"
}
