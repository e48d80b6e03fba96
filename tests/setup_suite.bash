# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Once for the whole suite: is there anything to test?

setup_suite() {
	local root missing=0 need source name

	root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
	for need in jq od mkfifo xmllint; do
		command -v "$need" >/dev/null || {
			echo "# missing tool '$need': run scripts/setup" >&3
			missing=1
		}
	done
	for need in build/heaptally build/libheaptally.so; do
		[ -e "$root/$need" ] || {
			echo "# missing '$need': run make" >&3
			missing=1
		}
	done
	for source in "$root"/tests/programs/*.c*; do
		name=${source##*/}
		name=${name%.c*}
		case $name in *_shim) name+=.so ;; esac
		[ -x "$root/build/tests/$name" ] || {
			echo "# missing 'build/tests/$name': run make test-programs" >&3
			missing=1
		}
	done
	[ "$missing" = 0 ] || return 1

	# Whatever the caller has set must not steer the tests.
	unset LD_PRELOAD "${!HEAPTALLY@}" "${!COUNT_SHIM@}" GLIBC_TUNABLES \
		NO_COLOR CLICOLOR_FORCE MALLOC_ARENA_MAX PYTHONMALLOC
	export LC_ALL=C.UTF-8

	{
		echo "# $("$root/build/heaptally" --version 2>&1 | head -n 1)"
		echo "# $(ldd --version | head -n 1), $(uname -sr), $(nproc) cpus, uid $(id -u)"
	} >&3
}

teardown_suite() {
	:
}
