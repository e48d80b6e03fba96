# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A server of its own, a session with a shell, what that has printed.
set -e
export TERM=xterm
tmux() { command tmux -S socket -f /dev/null "$@"; }
# shellcheck disable=SC2016 # for the shell in the session
tmux new-session -d -x 80 -y 24 -s corpus 'echo $((6 * 7)) in the pane; exec sleep 60'
trap 'tmux kill-server' EXIT
until tmux capture-pane -p | grep 'in the pane'; do sleep 0.05; done
pid=$(tmux display-message -p '#{pid}')
trap - EXIT
tmux kill-server
while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
command tmux -V | grep -o '^tmux'
