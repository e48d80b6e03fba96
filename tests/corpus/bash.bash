# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Pipes, subshells, process substitution, background jobs, arrays.
declare -A seen
for i in {1..500}; do seen[k$i]=$((i * i)); done
echo "${#seen[@]} ${seen[k77]}"
(cd / && pwd && exit 4) | tr / x
echo "status ${PIPESTATUS[*]}"
for i in 1 2 3; do
	(echo "$i" | tr 123 abc) &
	wait
done
cat <(echo from) <(echo process) <(echo substitution)
x=$(printf '%s\n' a b c | sort -r | tail -n 1)
read -r line <<<"here $x"
echo "$line"
