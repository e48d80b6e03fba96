# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The server's separation of privileges, its sandbox and a login by key.
# shellcheck source=tests/corpus/server.bash
. "$CORPUS/server.bash"
port=$(free_port)
made=no
if [ ! -d /run/sshd ]; then
	mkdir /run/sshd
	made=yes
fi
ssh -V 2>&1 | grep -o '^OpenSSH'
ssh-keygen -q -t ed25519 -N '' -f host
ssh-keygen -q -t ed25519 -N '' -f user
cat >conf <<CONF
Port $port
ListenAddress 127.0.0.1
HostKey $PWD/host
AuthorizedKeysFile $PWD/user.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PidFile none
CONF
/usr/sbin/sshd -t -f conf && echo "configuration is fine"
serve /usr/sbin/sshd -D -f "$PWD/conf" -E log
until_works accepts "$port"
ssh -F none -i user -p "$port" -o BatchMode=yes -o StrictHostKeyChecking=no \
	-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR 127.0.0.1 'echo "logged in as $(id -un)"'
stop TERM
[ "$made" = no ] || rmdir /run/sshd
