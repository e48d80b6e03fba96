# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Recordings of known nature, without anything that has to run so long.

# recording SHAPE [NAME=VALUE...] >FILE: as heaptally would have written one.
# Shapes: flat, leak, step, half (a leak from half-time), plateau, threads.
# seconds=120 interval=1 command=srv pid=4242 provider libc arch iterations=N
# (marks, evenly) end=live|exited|killed foreign=N (frees, of 1000) size=MIB
# from=SECONDS (when the process shows up)
recording() {
	local shape=$1 arguments=() argument

	shift
	for argument; do
		arguments+=(-v "$argument")
	done
	awk -v shape="$shape" "${arguments[@]}" -f - <<'AWK'
function option(value, fallback) { return value == "" ? fallback : value }
function stamp(t) { return sprintf("\"monotonic_ns\":%d000000", 1000000 + t * 1000) }
function floor_of(t,    part) {
	part = t / seconds
	if (shape == "leak") return part * 32
	if (shape == "step") return part > 0.7 ? 16 : 0
	if (shape == "half") return part > 0.6 ? (part - 0.6) * 64 : 0
	if (shape == "plateau") return 16 * (1 - exp(-4 * part))
	return 0
}
function sample(t,    live) {
	# noise, as of requests that are being worked on
	live = int((size + floor_of(t)) * 1048576 + (t * 7919 % 97) * 512)
	printf "{\"type\":\"sample\",%s,\"time\":\"2026-01-31T12:00:00.000Z\",\"pid\":%d,\"instance\":\"%s\",", stamp(t), pid, instance
	printf "\"/heap/live:bytes\":%d,\"/heap/live:objects\":%d,", live, live / 1024
	printf "\"/heap/peak:bytes\":%d,\"/heap/frees:objects\":1000,", (size + 40) * 1048576
	printf "\"/heap/foreign-frees:objects\":%d,", foreign
	printf "\"/threads/live:threads\":%d,", shape == "threads" ? 4 + int(t / seconds * 60) : 4
	printf "\"/process/resident:bytes\":%d}\n", live * 2
}
BEGIN {
	seconds = option(seconds, 120); interval = option(interval, 1)
	command = option(command, "srv"); pid = option(pid, 4242)
	provider = option(provider, "glibc 2.36"); libc = option(libc, "glibc 2.36")
	arch = option(arch, "x86_64"); size = option(size, 64)
	instance = sprintf("%032x", pid)
	printf "{\"schema\":1,\"heaptally\":\"0.1.0\",\"type\":\"head\",\"time\":\"2026-01-31T12:00:00.000Z\",\"host\":\"build\",\"architecture\":\"%s\",\"libc\":\"%s\",\"interval_seconds\":%g}\n", arch, libc, interval
	printf "{\"type\":\"process\",%s,\"pid\":%d,\"instance\":\"%s\",\"command\":\"%s\",\"exe\":\"/usr/bin/%s\",\"state\":\"live\",\"provider\":\"%s\",\"coverage\":\"full\",\"coverage_reason\":\"\"}\n", stamp(0), pid, instance, command, command, provider
	for (t = from + 0; t < seconds; t += interval) {
		if (iterations) {
			due = int((t + interval) / seconds * iterations)
			if (due > done)
				printf "{\"type\":\"mark\",%s,\"count\":%d}\n", stamp(t), due - done
			done = due
		}
		sample(t)
	}
	if (end != "")
		printf "{\"type\":\"end\",%s,\"pid\":%d,\"instance\":\"%s\",\"state\":\"%s\",\"metrics\":{\"/heap/live:bytes\":%d,\"/heap/peak:bytes\":%d}}\n", stamp(t), pid, instance, end, 1048576, (size + 40) * 1048576
	if (end != "live" && end != "")
		printf "{\"type\":\"finish\",\"time\":\"2026-01-31T12:02:00.000Z\",\"samples\":1,\"processes\":1}\n"
}
AWK
}
