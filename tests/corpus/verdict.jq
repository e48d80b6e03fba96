# SPDX-License-Identifier: MIT
# From the document of a run: {row, wrong}: what it counted, and every way in
# which it is not what is known of the program.
#
# $names: processes that must be there; $provider, $coverage (with "|": one of
# them), $reason: what theirs must be; $least: allocations of theirs together.

def m($key): .metrics[$key];
def inherited: m("/heap/live:objects") - m("/heap/allocs:objects") + m("/heap/frees:objects");
def inherited_bytes: m("/heap/live:bytes") - m("/heap/allocs:bytes") + m("/heap/frees:bytes");

# A process cannot know to the block what it had at birth when other threads
# of its parent were at work.
def is_forked_by_threads($all):
	. as $p
	| any($all[]; .pid == $p.parent_pid and .exe == $p.exe and m("/threads/started:threads") > 0);

# What cannot be, whatever the program.
def absurd($all):
	. as $p
	| def wrong($what): "\($p.command) (\($p.pid)): \($what)";
	  (select(.state == "live" or .state == "replaced") | wrong("state \(.state)")),
	  # what is served past malloc comes back by free
	  (select(.approximate and .coverage == "full" and (is_forked_by_threads($all) | not))
	   | wrong("approximate: frees of what was never counted")),
	  (select(.coverage == "full" and (inherited < 0 or inherited_bytes < 0))
	   | wrong("freed more than there was: \(inherited), \(inherited_bytes) bytes")),
	  (select(.coverage == "full" and m("/heap/live:objects") == 0 and m("/heap/live:bytes") != 0)
	   | wrong("\(m("/heap/live:bytes")) bytes without a block")),
	  (select(m("/heap/live:objects") < 0 or m("/heap/live:bytes") < 0) | wrong("live below zero")),
	  (select(m("/heap/peak:bytes") + m("/heap/peak/slack:bytes") < m("/heap/live:bytes"))
	   | wrong("peak below live")),
	  (select(m("/heap/reallocs:calls") > m("/heap/frees:objects")) | wrong("reallocs without frees")),
	  (select(m("/heap/foreign-frees:objects") != 0)
	   | wrong("\(m("/heap/foreign-frees:objects")) foreign frees")),
	  (select(m("/threads/peak:threads") < 1 or
		  m("/threads/live:threads") !=
		  1 + m("/threads/started:threads") - m("/threads/exited:threads"))
	   | wrong("threads \(m("/threads/live:threads")) of \(m("/threads/started:threads"))"));

[.processes[] | select(.command | IN($names[]))] as $own
| {
	row: [ ([$own[].provider] | unique | join(", ")),
	       ([$own[].coverage] | unique | join(", ")),
	       ($own | length),
	       ([$own[] | m("/heap/allocs:objects")] | add // 0),
	       ([$own[] | m("/threads/started:threads")] | add // 0) ],
	wrong: [
		($names[] as $name
		 | select(all($own[]; .command != $name or m("/heap/allocs:objects") == 0))
		 | "no allocation of a process '\($name)', only \([.processes[].command] | unique)"),
		($own[]
		 | select(.provider | startswith($provider) | not)
		 | "\(.command): provider \(.provider), not \($provider)"),
		($own[]
		 | select((.coverage | IN($coverage | split("|")[]) | not)
			  or (.coverage != "full" and (.coverage_reason | test($reason) | not)))
		 | "\(.command): coverage \(.coverage) (\(.coverage_reason)), not \($coverage) (\($reason))"),
		([$own[] | m("/heap/allocs:objects")] | (add // 0)
		 | select(. < $least) | "\(.) allocations, not \($least)"),
		(.processes as $all | $all[] | absurd($all))
	] | unique
}
