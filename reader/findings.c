/* SPDX-License-Identifier: MIT */
#include "reader/findings.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader/format.h"
#include "reader/library.h"
#include "reader/report.h"

#define SEGMENT_FILE_BYTES (1044u << 10) /* its length, most of it a hole */

static const char yes[] = "";

/* ---- tests: NULL where a rule does not apply, else what it is about ---- */

static const char *when(bool applies)
{
	return applies ? yes : NULL;
}

static unsigned executable_bits(const struct examination *e, bool exported,
				bool hidden)
{
	const struct object *x = examination_executable(e);

	/* What a static one contains does not matter any more. */
	if (!x || x->facts.is_static)
		return 0;
	return (exported ? x->facts.exports : 0) |
	       (hidden ? x->facts.hidden : 0);
}

static bool defines(const struct examination *e, enum elf_symbol symbol)
{
	return executable_bits(e, true, true) & 1u << symbol;
}

/* A library among those of the program whose name begins so. */
static const char *library_named(const struct examination *e,
				 const char *prefix)
{
	for (size_t i = 0; i < e->count; i++) {
		const char *name = object_name(&e->objects[i]);

		if (strncmp(name, prefix, strlen(prefix)) == 0)
			return name;
	}
	return NULL;
}

/* What keeps the library from working matters where it does not. */
static bool is_open(const struct examination *e)
{
	return !e->tally.found;
}

static const char *tally_none(const struct examination *e)
{
	return e->tally.found && strcmp(e->tally.coverage, "none") == 0 ?
		e->tally.reason : NULL;
}

static const char *tally_partial(const struct examination *e)
{
	return e->tally.found && strcmp(e->tally.coverage, "partial") == 0 ?
		e->tally.reason : NULL;
}

static const char *no_library(const struct examination *e)
{
	return is_open(e) && !e->library && !e->library_mapped ?
		e->library_problem : NULL;
}

static const char *switched_off(const struct examination *e)
{
	return is_open(e) ? e->switched_off : NULL;
}

static const char *bad_directory(const struct examination *e)
{
	return is_open(e) ? e->directory_problem : NULL;
}

static const char *small_files(const struct examination *e)
{
	static struct text limit;

	if (!is_open(e) || e->file_size_limit >= SEGMENT_FILE_BYTES)
		return NULL;
	limit = format_bytes(e->file_size_limit, false);
	return limit.s;
}

static const char *other_machine(const struct examination *e)
{
	const struct object *x = examination_executable(e);

	return x && e->ours.machine && !elf_same_kind(&x->facts, &e->ours) ?
		elf_kind_text(&x->facts) : NULL;
}

static const char *is_static(const struct examination *e)
{
	const struct object *x = examination_executable(e);

	return when(x && x->facts.is_static && !x->facts.is_pie);
}

static const char *is_static_pie(const struct examination *e)
{
	const struct object *x = examination_executable(e);

	return when(x && x->facts.is_static && x->facts.is_pie);
}

static const char *is_musl(const struct examination *e)
{
	const struct object *x = examination_executable(e);

	return x && strstr(x->facts.interpreter, "/ld-musl") ?
		x->facts.interpreter : NULL;
}

static const char *has_rights(const struct examination *e)
{
	return when(e->gains_rights);
}

static const char *static_sanitizer(const struct examination *e)
{
	if (defines(e, ELF_ASAN))
		return "AddressSanitizer";
	if (defines(e, ELF_TSAN))
		return "ThreadSanitizer";
	if (defines(e, ELF_MSAN))
		return "MemorySanitizer";
	return defines(e, ELF_LSAN) ? "LeakSanitizer" : NULL;
}

static const char *own_malloc(const struct examination *e)
{
	return when(!static_sanitizer(e) &&
		    (executable_bits(e, true, false) & 1u << ELF_MALLOC));
}

static const char *hidden_malloc(const struct examination *e)
{
	return when(!static_sanitizer(e) &&
		    (executable_bits(e, false, true) & 1u << ELF_MALLOC));
}

static const char *under_valgrind(const struct examination *e)
{
	return when(e->valgrind);
}

static const char *preloaded_first(const struct examination *e)
{
	const char *ours = e->preload ? strstr(e->preload, LIBRARY_NAME) : NULL;

	/* `run` puts it first, so this is for those who do it by hand. */
	if (!e->pid || !ours)
		return NULL;
	for (size_t i = 1; i <= e->preloaded && i < e->count; i++) {
		const struct object *o = &e->objects[i];
		const char *place = strstr(e->preload,
					   program_base_name(o->path));

		if (place && place < ours &&
		    (o->facts.exports & 1u << ELF_MALLOC))
			return object_name(o);
	}
	return NULL;
}

static const char *segment_deleted(const struct examination *e)
{
	return when(e->segment_deleted);
}

static const char *tally_off(const struct examination *e)
{
	return when(e->pid && is_open(e) && e->library_mapped &&
		    !e->segment_deleted && !*e->tally.place &&
		    !e->switched_off && !e->directory_problem);
}

static const char *unreadable_segment(const struct examination *e)
{
	return is_open(e) && *e->tally.place ? e->tally.place : NULL;
}

static const char *not_preloaded(const struct examination *e)
{
	return when(e->pid && is_open(e) && !e->library_mapped);
}

/* An allocator inside the executable that does not go by the name malloc. */
static const char *own_allocator(const struct examination *e)
{
	if (own_malloc(e) || hidden_malloc(e))
		return NULL;
	if (defines(e, ELF_JEMALLOC))
		return "jemalloc";
	if (defines(e, ELF_MIMALLOC))
		return "mimalloc";
	if (defines(e, ELF_TCMALLOC))
		return "tcmalloc";
	return defines(e, ELF_PARTITION_ALLOC) ? "PartitionAlloc" : NULL;
}

/* Calls that only one allocator has, made by anything but itself. */
static const char *direct_calls(const struct examination *e)
{
	static const unsigned mask = 1u << ELF_JEMALLOC | 1u << ELF_MIMALLOC |
				     1u << ELF_TCMALLOC;

	for (size_t i = 0; i < e->count; i++)
		for (unsigned symbol = 0; symbol < ELF_SYMBOLS; symbol++) {
			unsigned bit = 1u << symbol & mask &
				       e->objects[i].facts.imports;
			const struct object *o = bit ?
				examination_definer(e, symbol) : NULL;

			if (o)
				return object_name(o);
		}
	return NULL;
}

static const char *shared_asan(const struct examination *e)
{
	const char *name = library_named(e, "libasan.so");

	return name ? name : library_named(e, "libclang_rt.asan");
}

static const char *cxx_provider(const struct examination *e, bool later)
{
	const struct object *o = examination_cxx_provider(e, later);

	return o && !e->companion_mapped ? object_name(o) : NULL;
}

static const char *cxx_new(const struct examination *e)
{
	return e->companion && !e->pid ? NULL : cxx_provider(e, false);
}

static const char *cxx_companion(const struct examination *e)
{
	return e->companion && !e->pid ? cxx_provider(e, true) : NULL;
}

static const char *go_runtime(const struct examination *e)
{
	return when(defines(e, ELF_GO));
}

static const char *collector(const struct examination *e)
{
	if (defines(e, ELF_GC))
		return "it";
	return library_named(e, "libgc.so");
}

static const char *unreadable(const struct examination *e)
{
	return when(e->program.error != ELF_OK);
}

static const char *python(const struct examination *e)
{
	/* Any value means that somebody has chosen. */
	if (e->python_malloc && *e->python_malloc)
		return NULL;
	return when(defines(e, ELF_PYTHON) || library_named(e, "libpython"));
}

static const char *java(const struct examination *e)
{
	return when(defines(e, ELF_JAVA) || library_named(e, "libjvm.so") ||
		    library_named(e, "libjli.so"));
}

static const char *node(const struct examination *e)
{
	return when(defines(e, ELF_NODE));
}

static const char *script(const struct examination *e)
{
	return when(*e->program.script);
}

static const char *missing(const struct examination *e)
{
	return is_musl(e) || other_machine(e) ? NULL : e->missing;
}

/*
 * To add a rule: a test above and a row here; the worst verdicts first, and
 * among equals the one that explains most. In the texts @ stands for what the
 * test returned. Keys are part of the JSON.
 */
static const struct rule {
	const char *key;
	enum verdict verdict;
	const char *(*test)(const struct examination *e);
	const char *reason;
	const char *advice;
} rules[] = {
	{ "static", VERDICT_NONE, is_static,
	  "it is statically linked: nothing can be preloaded",
	  "link it dynamically, without -static" },
	{ "static-pie", VERDICT_NONE, is_static_pie,
	  "it is statically linked (static-pie): nothing can be preloaded",
	  "link it dynamically, without -static-pie" },
	{ "machine", VERDICT_NONE, other_machine,
	  "it is for another architecture (@) than " LIBRARY_NAME,
	  "build " LIBRARY_NAME " for @ and preload that by hand" },
	{ "musl", VERDICT_NONE, is_musl,
	  "it uses musl ('@'), and " LIBRARY_NAME " needs glibc",
	  "use a build of it for glibc" },
	{ "rights", VERDICT_NONE, has_rights,
	  "it runs with rights of its own (setuid, setgid or capabilities), "
	  "so the loader ignores LD_PRELOAD",
	  "run a copy without them: cp(1) leaves them behind" },
	{ "sanitizer", VERDICT_NONE, static_sanitizer,
	  "@ is linked into the executable and serves all allocations",
	  "build it without the sanitizer for the tally" },
	{ "malloc-in-executable", VERDICT_NONE, own_malloc,
	  "malloc is defined by the executable, where all calls end",
	  "link it without that allocator; 'heaptally run --allocator' "
	  "preloads one that can be seen" },
	{ "valgrind", VERDICT_NONE, under_valgrind,
	  "valgrind redirects malloc past the tally",
	  "valgrind --soname-synonyms=somalloc=nouserintercepts, or "
	  "--tool=none" },
	{ "preloaded-before", VERDICT_NONE, preloaded_first,
	  "'@' is preloaded before " LIBRARY_NAME " and serves malloc",
	  "put " LIBRARY_NAME " first in LD_PRELOAD" },
	{ "tally", VERDICT_NONE, tally_none, "its tally says: @", NULL },
	{ "library", VERDICT_NONE, no_library, "@",
	  "install it, or build it by 'make'" },
	{ "off", VERDICT_NONE, switched_off,
	  "HEAPTALLY=@ switches the tally off", "unset HEAPTALLY" },
	{ "directory", VERDICT_NONE, bad_directory,
	  "segments have no place: @",
	  "set HEAPTALLY_DIR to a directory on a tmpfs" },
	{ "file-size", VERDICT_NONE, small_files,
	  "files may not grow beyond @, and a segment is longer",
	  "raise the limit: ulimit -f" },
	{ "segment-deleted", VERDICT_NONE, segment_deleted,
	  "it is tallied, but its segment was deleted",
	  "start it anew" },
	{ "segment-unreadable", VERDICT_NONE, unreadable_segment,
	  "its segment '@' cannot be read", NULL },
	{ "tally-off", VERDICT_NONE, tally_off,
	  LIBRARY_NAME " is loaded, but its tally is off",
	  "start it with HEAPTALLY_VERBOSE=1 to see why" },
	{ "not-preloaded", VERDICT_NONE, not_preloaded,
	  LIBRARY_NAME " is not preloaded",
	  "start it with 'heaptally run -- COMMAND' or after "
	  "eval \"$(heaptally env)\"" },
	{ "tally", VERDICT_PARTIAL, tally_partial, "its tally says: @", NULL },
	{ "unreadable", VERDICT_PARTIAL, unreadable,
	  "its file may not be read, so nothing is known of it",
	  "examine it as root" },
	{ "hidden-malloc", VERDICT_PARTIAL, hidden_malloc,
	  "the executable has a malloc of its own that is not exported: only "
	  "calls by its libraries are seen",
	  "link it without that allocator; 'heaptally run --allocator' "
	  "preloads one that can be seen" },
	{ "allocator-in-executable", VERDICT_PARTIAL, own_allocator,
	  "the executable contains @, whose blocks do not come from malloc",
	  "build it without @; 'heaptally run --allocator' preloads one that "
	  "can be seen" },
	{ "direct-calls", VERDICT_PARTIAL, direct_calls,
	  "calls that only '@' has pass by malloc", NULL },
	{ "cxx-new", VERDICT_PARTIAL, cxx_new,
	  "C++ new is served by '@', past malloc",
	  "preload " COMPANION_NAME " right behind " LIBRARY_NAME },
	{ "asan", VERDICT_PARTIAL, shared_asan,
	  "'@' serves a part of the allocations itself",
	  "'heaptally run' makes it start; by hand set "
	  "ASAN_OPTIONS=verify_asan_link_order=0" },
	{ "go", VERDICT_PARTIAL, go_runtime,
	  "Go's runtime has a heap of its own: only C code is seen",
	  "see runtime/metrics of Go for the rest" },
	{ "collector", VERDICT_PARTIAL, collector,
	  "'@' collects garbage in a heap of its own", NULL },
	{ "cxx-companion", VERDICT_FULL, cxx_companion,
	  "C++ new is served by '@', past malloc",
	  "'heaptally run' adds " COMPANION_NAME ", which sees it; by hand "
	  "preload it right behind " LIBRARY_NAME },
	{ "python", VERDICT_FULL, python,
	  "Python takes small objects from a pool of its own",
	  "set PYTHONMALLOC=malloc to see each of them" },
	{ "java", VERDICT_FULL, java,
	  "Java objects are not in malloc's heap: only native memory is seen",
	  NULL },
	{ "node", VERDICT_FULL, node,
	  "JavaScript objects are not in malloc's heap: only native memory is "
	  "seen", NULL },
	{ "script", VERDICT_FULL, script,
	  "it is a script: what it starts is not examined", NULL },
	{ "missing", VERDICT_FULL, missing,
	  "a library that it needs was not found: '@'", NULL },
};

#define RULES (sizeof(rules) / sizeof(rules[0]))

/* A copy of `text` with each @ replaced by `subject`, made printable. */
static char *fill_in(const char *text, const char *subject)
{
	struct escaped_text shown = format_escaped(subject);
	size_t room = strlen(text) + 1;
	char *filled, *end;

	for (const char *at = text; (at = strchr(at, '@')); at++)
		room += strlen(shown.s);
	filled = end = report_oom(malloc(room));
	for (; *text; text++)
		if (*text == '@')
			end = stpcpy(end, shown.s);
		else
			*end++ = *text;
	*end = '\0';
	return filled;
}

_Static_assert(RULES <= FINDINGS_MAX, "each rule may find something");

static void add(struct findings *f, const struct rule *rule,
		const char *subject)
{
	f->items[f->count++] = (struct finding){
		.key = rule->key,
		.verdict = rule->verdict,
		.reason = fill_in(rule->reason, subject),
		.advice = rule->advice ? fill_in(rule->advice, subject) : NULL,
	};
	if (rule->verdict > f->verdict)
		f->verdict = rule->verdict;
}

void findings_judge(struct findings *ret, const struct examination *e)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < RULES; i++) {
		const char *subject = rules[i].test(e);

		if (subject)
			add(ret, &rules[i], subject);
	}
}

void findings_release(struct findings *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->items[i].reason);
		free(f->items[i].advice);
	}
	f->count = 0;
}

const struct finding *findings_first(const struct findings *f,
				     enum verdict verdict)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].verdict == verdict)
			return &f->items[i];
	return NULL;
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_FULL] = "full",
		[VERDICT_PARTIAL] = "partial",
		[VERDICT_NONE] = "none",
	};

	return names[verdict];
}
