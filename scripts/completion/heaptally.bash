# SPDX-License-Identifier: MIT
# Bash completion for heaptally. Commands, options and metrics are asked of
# the program itself, so there is no list to keep in step.
# shellcheck shell=bash

_heaptally_commands() {
	"$1" help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p'
}

_heaptally_options() {
	"$1" help "$2" 2>/dev/null |
		sed -nE 's/^  (-., |    )(--[a-z][a-z-]*).*/\2/p'
}

_heaptally_pids() {
	"$1" list 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_heaptally_names() {
	"$1" list 2>/dev/null | awk 'NR > 1 { print $NF }' | sort -u
}

_heaptally_metrics() {
	"$1" metrics 2>/dev/null | awk 'NR > 1 { print $1 }'
}

# Prints the index of the first word behind `run`, `record` or `doctor` and its
# options, or behind the "--" of `check`: the command that is meant. Fails while
# that is still to come.
_heaptally_run_command() {
	local i
	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--json) [[ ${COMP_WORDS[1]} == doctor ]] || ((i++)) ;;
		--only | --allocator | --name | -[oid] | --output | --interval | --duration) ((i++)) ;;
		--)
			echo "$((i + 1))"
			return
			;;
		-*) ;;
		*)
			[[ ${COMP_WORDS[1]} != check ]] || continue
			echo "$i"
			return
			;;
		esac
	done
	return 1
}

_heaptally_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

# A metric's key holds a colon, at which readline may split words.
_heaptally_complete_metric() {
	_heaptally_words "$(_heaptally_metrics "$1")" "$2"
	if declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$2"
	fi
}

_heaptally_operand() {
	local program=$1 command=$2 current=$3
	case $command in
	help) _heaptally_words "$(_heaptally_commands "$program")" "$current" ;;
	ctl | mark | stat | watch) _heaptally_words "$(_heaptally_pids "$program")" "$current" ;;
	run) mapfile -t COMPREPLY < <(compgen -c -- "$current") ;;
	check)
		mapfile -t COMPREPLY < <(
			compgen -W "$(_heaptally_pids "$program") --" -- "$current"
			compgen -f -- "$current"
		)
		;;
	doctor | record)
		mapfile -t COMPREPLY < <(
			compgen -W "$(_heaptally_pids "$program")" -- "$current"
			[[ $current == [0-9]* ]] || compgen -c -- "$current"
		)
		;;
	esac
}

_heaptally() {
	local program=$1 current=$2 previous=$3 command=${COMP_WORDS[1]} offset
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		_heaptally_words "$(_heaptally_commands "$program") --help --version" "$current"
		return
	fi
	if [[ $command == @(run|record|check|doctor) ]] && offset=$(_heaptally_run_command) &&
		((offset < COMP_CWORD)) && declare -F _command_offset >/dev/null; then
		_command_offset "$offset"
		return
	fi
	case $command:$previous in
	run:--json | record:-o | record:--output | check:-o | check:--output | check:--json | check:--junit | \
		check:--html | check:--gitlab | check:--baseline | check:--save-baseline)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	run:--allocator)
		_heaptally_words "jemalloc tcmalloc mimalloc" "$current"
		return
		;;
	mark:--name) return ;;
	*:--name | *:--only)
		_heaptally_words "$(_heaptally_names "$program")" "$current"
		return
		;;
	ctl:--mutex | ctl:--stall | ctl:--requested | ctl:--allocator)
		_heaptally_words "on off" "$current"
		return
		;;
	ctl:--histogram)
		_heaptally_words exact "$current"
		return
		;;
	stat:-m | stat:--metric)
		_heaptally_complete_metric "$program" "$current"
		return
		;;
	stat:--profile | metrics:--profile)
		_heaptally_words "go native" "$current"
		return
		;;
	watch:-[in] | *:--interval | watch:--count | record:-[id] | check:-[id] | *:--duration | sweep:--min-age | \
		check:--max-* | check:--return-to | check:--warmup | check:--cycle | check:--min-samples | \
		check:--confidence | check:--repeat) return ;;
	esac
	if [[ $current == -* ]]; then
		_heaptally_words "$(_heaptally_options "$program" "$command")" "$current"
	else
		_heaptally_operand "$program" "$command" "$current"
	fi
}

complete -o default -F _heaptally heaptally
