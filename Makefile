# SPDX-License-Identifier: MIT
# One makefile for everything; outputs go to build/. `make help` lists targets.

VERSION := 0.1.0
PREFIX ?= /usr/local
BINDIR = $(PREFIX)/bin
LIBDIR = $(PREFIX)/lib/heaptally
APIDIR = $(PREFIX)/lib
INCLUDEDIR = $(PREFIX)/include
PKGDIR = $(PREFIX)/lib/pkgconfig
MANDIR = $(PREFIX)/share/man
COMPDIR = $(PREFIX)/share/bash-completion/completions

CC ?= cc
CXX ?= c++
OBJCOPY ?= objcopy
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g

# Variants live in folders of their own and can be built side by side.
SANITIZE ?=
ifeq ($(SANITIZE),)
B := build
else
comma := ,
B := build/sanitize-$(subst $(comma),-,$(SANITIZE))
SANITIZE_FLAGS := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif

V ?= 0
ifeq ($(V),0)
Q := @
# Silent under make -s, whose flag stands in the first word.
ifeq ($(findstring s,$(firstword -$(MAKEFLAGS))),)
say = @printf '  %-7s %s\n' $(1) $(2)
endif
endif

WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	-Wvla -Wpointer-arith -Wwrite-strings
ifeq ($(WERROR),1)
WARNINGS += -Werror
endif
BASE := -std=gnu11 -D_GNU_SOURCE -I. $(WARNINGS) -MMD -MP

READER_PACKAGES := jansson libelf
NEEDS_READER := $(if $(MAKECMDGOALS),$(filter-out clean help uninstall preload,$(MAKECMDGOALS)),all)
ifneq ($(NEEDS_READER),)
ifneq ($(shell $(PKG_CONFIG) --exists $(READER_PACKAGES) && echo yes),yes)
$(error $(READER_PACKAGES) not found by $(PKG_CONFIG): run scripts/setup, or install libjansson-dev and libelf-dev)
endif
READER_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(READER_PACKAGES))
READER_LIBS := $(shell $(PKG_CONFIG) --libs $(READER_PACKAGES))
endif

# The library goes into somebody else's process:
# -fno-builtin: else calloc() written with malloc and memset calls itself;
# -ftls-model: no call, and so no allocation, to reach thread-local storage;
# -z now: no lazy binding inside malloc; nodelete: key destructors point here.
PRELOAD_CFLAGS := -fPIC -fno-builtin -U_FORTIFY_SOURCE -fvisibility=hidden \
	-fno-semantic-interposition -ftls-model=initial-exec -fno-plt \
	-fno-stack-protector
PRELOAD_LDFLAGS := -shared -Wl,-z,now -Wl,-z,nodelete -Wl,-z,defs
READER_DEFINES := -DHEAPTALLY_VERSION='"$(VERSION)"' -DHEAPTALLY_LIBDIR='"$(LIBDIR)"'

SHM_SOURCES := $(wildcard shm/*.c)
PRELOAD_SOURCES := $(wildcard preload/*.c)
# The statistics, which stand on their own.
CHECK_SOURCES := $(patsubst %,reader/check/%.c,rank trend judge limits verdict)
READER_SOURCES := $(wildcard reader/*.c reader/*/*.c)
# The writing half alone goes into the library.
PRELOAD_SHM_SOURCES := shm/leftovers.c shm/metrics.c shm/segment.c shm/segment_name.c

# libheaptally-reader: what reads segments and /proc, and depends on libc only.
API_SOURCES := $(wildcard reader/api/*.c) \
	$(patsubst %,reader/%.c,cgroup container kernel mappings pagemap process procfile sort stacks target tasks threads)
API_SHM_SOURCES := shm/attach.c shm/control.c shm/metrics.c shm/segment_name.c shm/snapshot.c shm/threads.c
API_SONAME := libheaptally-reader.so.1
API_CFLAGS := -fPIC -fvisibility=hidden

SHM_OBJECTS := $(SHM_SOURCES:%.c=$(B)/obj/%.o)
CHECK_OBJECTS := $(CHECK_SOURCES:%.c=$(B)/obj/%.o)
# Of processes the command knows what the library tells, and what it looks up
# in /proc and of names itself.
READER_OBJECTS := $(patsubst %.c,$(B)/obj/%.o,$(filter-out $(API_SOURCES),$(READER_SOURCES)) \
	reader/process.c reader/procfile.c shm/segment_name.c)
CXX_OBJECTS := $(patsubst %.c,$(B)/pic/%.o,$(wildcard preload/cxx/*.c))
API_OBJECTS := $(patsubst %.c,$(B)/api/%.o,$(API_SOURCES) $(API_SHM_SOURCES))
PRELOAD_OBJECTS := $(PRELOAD_SOURCES:%.c=$(B)/pic/%.o) $(PRELOAD_SHM_SOURCES:%.c=$(B)/pic/%.o)

UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_PROGRAMS := $(UNIT_SOURCES:tests/unit/%.c=$(B)/unit/%)
UNIT_SHARED := $(filter-out $(UNIT_SOURCES),$(wildcard tests/unit/*.c)) tests/fuzz/segments.c
UNIT_OBJECTS := $(UNIT_SHARED:%.c=$(B)/obj/%.o)

TEST_SOURCES := $(wildcard tests/programs/*.c)
TEST_PROGRAMS := $(patsubst tests/programs/%.c,build/tests/%,$(filter-out %_shim.c,$(TEST_SOURCES))) \
	$(patsubst tests/programs/%.c,build/tests/%.so,$(filter %_shim.c,$(TEST_SOURCES))) \
	$(patsubst tests/programs/%.cc,build/tests/%,$(wildcard tests/programs/*.cc)) \
	build/tests/make_golden
BENCH_PROGRAMS := $(patsubst scripts/bench.d/%.c,build/bench/%,$(filter-out %_shim.c,$(wildcard scripts/bench.d/*.c))) \
	$(patsubst scripts/bench.d/%.c,build/bench/%.so,$(filter %_shim.c,$(wildcard scripts/bench.d/*.c))) \
	$(patsubst scripts/bench.d/%.cc,build/bench/%,$(wildcard scripts/bench.d/*.cc))

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all preload reader api unit unit-programs test-programs check check-real corpus fuzz fuzzer bench \
	bench-programs calibration calibrate layers hdr-check tidy shellcheck docs docs-check install \
	uninstall clean help FORCE

all: preload reader api ## libraries and command
preload: $(B)/libheaptally.so $(B)/libheaptally-cxx.so
reader: $(B)/heaptally
api: $(B)/$(API_SONAME) $(B)/libheaptally-reader.a

# ---- objects ----

# Rebuilds all when compiler or flags change.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(filter-out -Werror,$(BASE)) $(CFLAGS) $(SANITIZE_FLAGS) $(PRELOAD_CFLAGS) $(API_CFLAGS) $(READER_DEFINES)' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BASE) $(CFLAGS) $(SANITIZE_FLAGS) $(READER_CFLAGS) $(READER_DEFINES) $(CPPFLAGS) -c -o $@ $<

$(B)/pic/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC-PIC,$<)
	$(Q)$(CC) $(BASE) $(CFLAGS) $(PRELOAD_CFLAGS) $(CPPFLAGS) -c -o $@ $<

$(B)/api/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC-API,$<)
	$(Q)$(CC) $(BASE) $(CFLAGS) $(SANITIZE_FLAGS) $(API_CFLAGS) $(READER_DEFINES) $(CPPFLAGS) -c -o $@ $<

# nodelete: the handler of SIGBUS points here.
$(B)/$(API_SONAME): $(API_OBJECTS) reader/api/exports.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE_FLAGS) -shared -Wl,-z,now -Wl,-z,nodelete $(if $(SANITIZE),,-Wl,-z,defs) \
		-Wl,-soname,$(@F) -Wl,--version-script=$(filter %.map,$^) $(LDFLAGS) -pthread -o $@ $(filter %.o,$^)

# One object in which only what is public has a name for others.
$(B)/libheaptally-reader.a: $(API_OBJECTS)
	$(call say,AR,$@)
	$(Q)$(CC) -r -nostdlib -o $(B)/api/heaptally-reader.o $^
	$(Q)$(OBJCOPY) --localize-hidden $(B)/api/heaptally-reader.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(B)/api/heaptally-reader.o

$(B)/libheaptally.so: $(PRELOAD_OBJECTS) preload/exports.map
$(B)/libheaptally-cxx.so: $(CXX_OBJECTS) preload/cxx/exports.map
$(B)/libheaptally.so $(B)/libheaptally-cxx.so:
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(PRELOAD_LDFLAGS) -Wl,-soname,$(@F) \
		-Wl,--version-script=$(filter %.map,$^) $(LDFLAGS) -o $@ $(filter %.o,$^)

# dlopen has to end in a jump, whatever CFLAGS say: see there.
$(B)/pic/preload/interpose_dlopen.o: private PRELOAD_CFLAGS += -O2 -foptimize-sibling-calls
# Exceptions of the C++ library pass through, and a program's own new is to
# be found from here as well.
$(CXX_OBJECTS): private PRELOAD_CFLAGS += -fexceptions -fsemantic-interposition

$(B)/heaptally: $(READER_OBJECTS) $(B)/libheaptally-reader.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE_FLAGS) $(LDFLAGS) -pthread -o $@ $^ $(READER_LIBS) -lm

# ---- tests ----

unit-programs: $(UNIT_PROGRAMS)

# These test parts of the reader as well.
$(B)/unit/test_cgroup $(B)/unit/test_kernel: \
	$(patsubst %,$(B)/obj/reader/%.o,cgroup kernel process procfile tasks)
$(B)/unit/test_stacks: $(patsubst %,$(B)/obj/reader/%.o,mappings pagemap procfile sort stacks)
$(B)/unit/test_api: $(patsubst %.c,$(B)/obj/%.o,$(API_SOURCES))

$(B)/unit/%: tests/unit/%.c $(UNIT_OBJECTS) $(SHM_OBJECTS) $(B)/flags
	@mkdir -p $(@D)
	$(call say,UNIT,$<)
	$(Q)$(CC) $(BASE) $(CFLAGS) $(SANITIZE_FLAGS) -pthread -o $@ $(filter %.c %.o,$^) $(UNIT_LIBS)

# The reader's own code under test, by program.
$(B)/unit/test_elf: $(B)/obj/reader/elf.o $(B)/obj/reader/report.o
$(B)/unit/test_elf: UNIT_LIBS := $(READER_LIBS)
CHECK_UNITS := $(patsubst %,$(B)/unit/test_%,rank trend judge)
$(CHECK_UNITS): $(CHECK_OBJECTS)
$(CHECK_UNITS): UNIT_LIBS := -lm
$(B)/unit/test_quantity: $(B)/obj/reader/quantity.o
# An output of a check may use whatever the command has.
REPORT_UNITS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_report*.c))
$(REPORT_UNITS): $(filter-out %/reader/main.o,$(READER_OBJECTS)) \
	$(patsubst %.c,$(B)/obj/%.o,$(API_SOURCES))
$(REPORT_UNITS): UNIT_LIBS := $(READER_LIBS) -lm

unit: unit-programs ## unit tests, one TAP stream each
	@failed=0; for t in $(UNIT_PROGRAMS); do echo "# $$t"; $$t || failed=1; done; exit $$failed

test-programs: $(TEST_PROGRAMS)

# Unoptimised and without built-ins: every call that is written is made.
TEST_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -O0 -g -fno-builtin -Wall -Wextra -pthread -MMD -MP

build/tests/%: tests/programs/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,TEST,$<)
	$(Q)$(CC) $(TEST_CFLAGS) -o $@ $<
build/tests/%: tests/golden/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,TEST,$<)
	$(Q)$(CC) $(TEST_CFLAGS) -o $@ $<
build/tests/%: tests/programs/%.cc $(B)/flags
	@mkdir -p $(@D)
	$(call say,TEST,$<)
	$(Q)$(CXX) -std=gnu++17 -D_GNU_SOURCE -I. -O0 -g -fno-builtin -Wall -Wextra -pthread -MMD -MP -o $@ $<
build/tests/%.so: tests/programs/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,TEST,$<)
	$(Q)$(CC) $(TEST_CFLAGS) -fPIC -shared -o $@ $<

check: ## everything that scripts/test runs
	scripts/test

CHECK_REAL_RUNS ?= 10
CHECK_REAL_SECONDS ?= 95
check-real: all test-programs ## verdicts on real services, ten times (CHECK_REAL_RUNS) a minute and a half each
	@for i in $$(seq $(CHECK_REAL_RUNS)); do \
		CHECK_REAL_SECONDS=$(CHECK_REAL_SECONDS) bats tests/67-check-real.bats || exit 1; done

corpus: all ## real programs with and without the tally; packages: scripts/setup --corpus
	tests/corpus/run --readme

FUZZ_CC ?= clang
FUZZ_SECONDS ?= 60
fuzzer: build/fuzz/fuzz_segment build/fuzz/make_seeds

build/fuzz/fuzz_segment: tests/fuzz/fuzz_segment.c $(SHM_SOURCES) $(wildcard shm/*.h shm/*.def tests/fuzz/*.h)
	@mkdir -p $(@D)
	$(call say,FUZZ,$<)
	$(Q)$(FUZZ_CC) -std=gnu11 -D_GNU_SOURCE -I. -g -O1 -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -pthread -o $@ $(filter %.c,$^)
build/fuzz/make_seeds: tests/fuzz/make_seeds.c tests/fuzz/segments.c $(SHM_SOURCES) $(wildcard shm/*.h shm/*.def tests/fuzz/*.h)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -I. $(CFLAGS) -pthread -o $@ $(filter %.c,$^)

fuzz: fuzzer ## segment parser under libFuzzer for FUZZ_SECONDS (60)
	@mkdir -p build/fuzz/corpus build/fuzz/seeds
	build/fuzz/make_seeds build/fuzz/seeds
	build/fuzz/fuzz_segment -max_total_time=$(FUZZ_SECONDS) -max_len=131072 \
		-dict=tests/fuzz/segment.dict -artifact_prefix=build/fuzz/ \
		build/fuzz/corpus build/fuzz/seeds

bench-programs: $(BENCH_PROGRAMS)
build/bench/%: scripts/bench.d/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,BENCH,$<)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -fno-builtin -Wall -Wextra -pthread -o $@ $<
build/bench/%: scripts/bench.d/%.cc $(B)/flags
	@mkdir -p $(@D)
	$(call say,BENCH,$<)
	$(Q)$(CXX) -std=gnu++17 -O2 -fno-builtin -Wall -Wextra -o $@ $<
build/bench/%.so: scripts/bench.d/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,BENCH,$<)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -fno-builtin -fno-plt -Wall -Wextra -fPIC -shared -Wl,-z,now -o $@ $<

bench: all bench-programs ## measured overhead, as ratios
	scripts/bench

calibration: $(B)/calibrate/calibrate
$(B)/calibrate/%: scripts/calibrate.d/%.c $(CHECK_OBJECTS) $(B)/flags
	@mkdir -p $(@D)
	$(call say,CALIB,$<)
	$(Q)$(CC) $(BASE) $(CFLAGS) $(SANITIZE_FLAGS) -o $@ $< $(CHECK_OBJECTS) -lm

calibrate: calibration ## how often the verdict of a check is right, into README
	scripts/calibrate

# ---- hygiene ----

layers: ## preload and reader meet in shm only
	scripts/check-layers

HEADERS := $(wildcard shm/*.h preload/*.h reader/*.h reader/*/*.h tests/unit/*.h tests/fuzz/*.h)
hdr-check: ## every header compiles on its own
	$(Q)for h in $(HEADERS); do \
		$(CC) -std=gnu11 -D_GNU_SOURCE -I. $(WARNINGS) $(READER_CFLAGS) -Wno-unused \
			-fsyntax-only -include $$h -x c /dev/null || exit 1; done

tidy: ## clang-tidy over all C sources
	$(Q)clang-tidy --quiet $(SHM_SOURCES) $(PRELOAD_SOURCES) $(wildcard preload/cxx/*.c) $(READER_SOURCES) \
		-- -std=gnu11 -D_GNU_SOURCE -I. $(READER_CFLAGS) $(READER_DEFINES)

shellcheck: ## all shell scripts
	$(Q)shellcheck scripts/setup scripts/demo scripts/test scripts/check-layers \
		scripts/update-docs scripts/calibrate .ci/run scripts/completion/heaptally.bash
	$(Q)shellcheck -s bash -e SC2030,SC2031,SC2314,SC2315 tests/*.bash
	$(Q)shellcheck -x -P . tests/corpus/run tests/corpus/table tests/corpus/*.bash

docs: reader ## regenerate the parts of README and manual that come from metrics.def
	scripts/update-docs
docs-check: reader
	scripts/update-docs --check

# ---- installation ----

install: all ## to DESTDIR/PREFIX
	install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(LIBDIR)' '$(DESTDIR)$(MANDIR)/man1' '$(DESTDIR)$(COMPDIR)'
	install -m 755 $(B)/heaptally '$(DESTDIR)$(BINDIR)/heaptally'
	install -m 755 $(B)/libheaptally.so $(B)/libheaptally-cxx.so '$(DESTDIR)$(LIBDIR)'
	install -m 644 reader/heaptally.1 '$(DESTDIR)$(MANDIR)/man1/heaptally.1'
	install -m 644 scripts/completion/heaptally.bash '$(DESTDIR)$(COMPDIR)/heaptally'
	install -d '$(DESTDIR)$(INCLUDEDIR)' '$(DESTDIR)$(PKGDIR)' '$(DESTDIR)$(MANDIR)/man3'
	install -m 755 $(B)/$(API_SONAME) '$(DESTDIR)$(APIDIR)'
	ln -sf $(API_SONAME) '$(DESTDIR)$(APIDIR)/libheaptally-reader.so'
	install -m 644 $(B)/libheaptally-reader.a '$(DESTDIR)$(APIDIR)'
	install -m 644 reader/api/heaptally.h '$(DESTDIR)$(INCLUDEDIR)'
	install -m 644 reader/api/heaptally.3 '$(DESTDIR)$(MANDIR)/man3'
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' reader/api/heaptally.pc.in >'$(DESTDIR)$(PKGDIR)/heaptally.pc'

uninstall: ## what install put there
	rm -f '$(DESTDIR)$(BINDIR)/heaptally' '$(DESTDIR)$(LIBDIR)/libheaptally.so' \
		'$(DESTDIR)$(LIBDIR)/libheaptally-cxx.so' \
		'$(DESTDIR)$(MANDIR)/man1/heaptally.1' '$(DESTDIR)$(COMPDIR)/heaptally' \
		'$(DESTDIR)$(APIDIR)/$(API_SONAME)' '$(DESTDIR)$(APIDIR)/libheaptally-reader.so' \
		'$(DESTDIR)$(APIDIR)/libheaptally-reader.a' '$(DESTDIR)$(INCLUDEDIR)/heaptally.h' \
		'$(DESTDIR)$(MANDIR)/man3/heaptally.3' '$(DESTDIR)$(PKGDIR)/heaptally.pc'
	-rmdir '$(DESTDIR)$(LIBDIR)' 2>/dev/null

clean: ## all of build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

-include $(API_OBJECTS:.o=.d) $(API_SOURCES:%.c=$(B)/obj/%.d) $(SHM_OBJECTS:.o=.d) $(READER_OBJECTS:.o=.d) $(PRELOAD_OBJECTS:.o=.d) \
	$(UNIT_OBJECTS:.o=.d) $(UNIT_PROGRAMS:=.d) $(B)/calibrate/calibrate.d $(wildcard build/tests/*.d)
