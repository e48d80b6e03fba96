# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Commits with fixed dates have the same names each time.
set -e
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z
git init -q -b main .
for i in 1 2 3 4 5; do
	seq $((i * 100)) >"file$i"
	git add .
	git commit -q -m "commit $i"
done
git log --format='%H %s'
git -c gc.autoDetach=false -c pack.threads=2 gc -q
git fsck --no-progress
git diff --stat HEAD~2
