# omega: a shared-state cluster scheduler framework
#
#   make              build the command (build/omega) and the modules (build/schedulers/*.so)
#   make run          install what is missing, build, run the main experiment
#   make install      build, and install below PREFIX (/usr/local); DESTDIR=stage for packages
#   make uninstall    remove from PREFIX what make install has put there
#   make test         install what is missing, build, run all tests; TESTS="t1 unit/cellstate"
#   make test-full    the same with gcc and clang, and with sanitizers and valgrind
#   make test-soak    the long random histories, 1,000 kills, every shipped experiment
#   make bench-sim    the simulator beside a bare loop of the same placements
#   make bench-store  the lmdb store beside bare loops of LMDB calls, in each mode
#   make bench-live   schedulers as processes on one cell: placements a second, idle cost
#   make bench-conflicts  one-step counterfactuals beside real runs of each mode
#   make bench-mapreduce  what MapReduce jobs gain from idle resources, by policy
#   make bench-sweep  two workers of one run beside two runs
#   make bench-reference  figures of the published Omega simulator beside ours (20 minutes)
#   make bench-live-agreement  live runs beside what the simulator predicts for them (4 minutes)
#   make figures      the figures of the README, from first.json with five seeds
#   make check-style  layers, line lengths, function lengths, banned calls, format
#   make fuzz         each fuzz target for FUZZ_SECONDS seconds (clang)
#   make clean        remove build/
#   make help         this text
#
# Variables: CC=clang, OPT=-O0, SANITIZER=address|undefined|thread, FUZZ_SECONDS=60, JOBS=2, V=1,
# PREFIX=/usr/local, DESTDIR=
# Each combination has a build folder of its own: build/, build/clang, build/gcc-O0-address, ...

.DEFAULT_GOAL := all
ifeq ($(origin CC),default)
CC := gcc
endif
OPT ?= -O2
SANITIZER ?=
FUZZ_SECONDS ?= 60
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
DESTDIR ?=

VARIANT := $(subst $() ,-,$(notdir $(CC)))$(subst $() ,,$(filter-out -O2,$(OPT)))$(if $(SANITIZER),-$(SANITIZER))
B := build$(if $(filter-out gcc,$(VARIANT)),/$(VARIANT))

sanitize_address := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
sanitize_undefined := -fsanitize=undefined -fno-sanitize-recover=all
sanitize_thread := -fsanitize=thread
ifneq ($(SANITIZER),)
ifeq ($(sanitize_$(SANITIZER)),)
$(error unknown SANITIZER '$(SANITIZER)', expected address, undefined or thread)
endif
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wconversion -Werror
# Yours to add to: CFLAGS. The rest is what the code needs; -ffp-contract=off gives the same bits on
# CPUs with and without fused multiply-add.
CFLAGS ?= -g
# Structures of up to some hundred bytes are cleared and copied all the time. On x86-64 gcc takes
# string instructions for that, which need as long to begin as a loop takes in all.
ifeq ($(VARIANT)-$(shell uname -m),gcc-x86_64)
loops := unrolled_loop:512:noalign,libcall:-1:noalign
LOOPS := -mmemset-strategy=$(loops) -mmemcpy-strategy=$(loops)
endif
BUILD_CFLAGS := -std=c11 -D_GNU_SOURCE $(OPT) $(WARN) -ffp-contract=off -fPIC -I. $(LOOPS) \
                $(sanitize_$(SANITIZER)) $(if $(SANITIZER),-DOMEGA_DEBUG) $(CFLAGS)
LDFLAGS := $(sanitize_$(SANITIZER))
# What a run spends its time in are small functions of several layers, so the command and the benches
# are optimised across files (30 % faster); tests are linked the plain, quick way.
ifeq ($(VARIANT),gcc)
LTO_OBJECTS := -flto=auto -ffat-lto-objects
LTO_LINK := $(OPT) -flto=auto -ffp-contract=off $(LOOPS)
LTO_NONE := -fno-lto
endif
LIBS := -ljansson -lxxhash -llmdb -lnanomsg -lmicrohttpd -lncursesw -ltinfo -lurcu-bp -lurcu-common -lpthread -ldl

# Debian packages: what building, testing and style checks need
CLANG := clang libclang-rt-14-dev
PACKAGES := gcc make pkg-config libjansson-dev libxxhash-dev liblmdb-dev liburcu-dev libnanomsg-dev \
            libmicrohttpd-dev libncurses-dev check gnuplot-nox \
            $(if $(findstring clang,$(CC)),$(CLANG))
PACKAGES_FULL := $(PACKAGES) $(CLANG) clang-format valgrind

sources = $(filter-out core/cli/main.c,$(wildcard core/*/*.c cellstate/*.c))
modules := $(patsubst schedulers/%.c,%,$(wildcard schedulers/*.c))
test_modules := $(patsubst tests/modules/%.c,%,$(wildcard tests/modules/*.c))
units := $(patsubst tests/%.c,%,$(shell find tests/unit tests/model -name 'check_*.c' 2>/dev/null | sort))
benches := $(patsubst bench/%.c,%,$(wildcard bench/*.c))
fuzzers := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
objects = $(patsubst %.c,$(B)/%.o,$(sources))
so = $(addprefix $(B)/schedulers/,$(addsuffix .so,$(modules))) \
     $(addprefix $(B)/tests/modules/,$(addsuffix .so,$(test_modules)))

# make, in parallel; used after `deps`, which must have ended before anything is compiled. The lock is
# for `make -j run test`: two of these at once would write the same objects.
build = mkdir -p build && flock build/.lock $(MAKE) --no-print-directory \
        $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS))

Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)")

.PHONY: FORCE all run install uninstall test test-full test-soak bench-sim bench-store bench-live bench-live-agreement bench-conflicts bench-mapreduce bench-sweep bench-reference figures check-style fuzz clean help deps deps-full tests
all: $(B)/omega $(so) $(B)/.files

# Stamps hold what was built with; they change only when that does. Other flags: all is built anew.
# Other source files: what no longer has a source goes from the archive and the module folders.
flags := $(CC) $(BUILD_CFLAGS) $(LTO_OBJECTS)
files = $(sort $(sources) $(modules) $(test_modules))
$(B)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(flags)' | cmp -s - $@ || echo '$(flags)' >$@
$(B)/.files: FORCE
	@mkdir -p $(@D)
	@rm -f $(filter-out $(so),$(wildcard $(B)/schedulers/*.so $(B)/tests/modules/*.so))
	@echo '$(files)' | cmp -s - $@ || echo '$(files)' >$@
FORCE:

$(B)/%.o: %.c $(B)/.flags
	$(call say,CC   $<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BUILD_CFLAGS) $(LTO_OBJECTS) -MMD -MP -c $< -o $@

# What 'omega new-scheduler' writes: the files as they are, under symbols made of their paths.
template := $(addprefix schedulers/template/,my_scheduler.c Makefile test.sh experiment.json README.md)
$(B)/core/kit/template_files.o: $(template) $(B)/.flags
	$(call say,LD   $@)
	$(Q)mkdir -p $(@D)
	$(Q)ld -r -z noexecstack -b binary $(template) -o $@

$(B)/libomega.a: $(objects) $(B)/core/kit/template_files.o $(B)/.files
	$(call say,AR   $@)
	$(Q)rm -f $@ && ar rcs $@ $(objects) $(B)/core/kit/template_files.o

$(B)/omega: $(B)/core/cli/main.o $(B)/libomega.a
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) $(LTO_LINK) $^ $(LIBS) -o $@

# Modules link to nothing: what they need of omega is in headers.
$(B)/schedulers/%.so: schedulers/%.c $(B)/.flags
	$(call say,SO   $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BUILD_CFLAGS) -MMD -MP -MF $(@:.so=.d) -shared $< -o $@

$(B)/tests/modules/%.so: tests/modules/%.c $(B)/.flags
	$(call say,SO   $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BUILD_CFLAGS) -MMD -MP -MF $(@:.so=.d) -shared $< -o $@

# What test programs share: every C file beside them that is no program itself.
test_support = $(filter-out tests/model/check_%,$(wildcard tests/support/*.c tests/model/*.c))
$(B)/tests/libtests.a: $(patsubst %.c,$(B)/%.o,$(test_support))
	$(call say,AR   $@)
	$(Q)mkdir -p $(@D) && rm -f $@ && ar rcs $@ $^

$(B)/tests/%: $(B)/tests/%.o $(B)/tests/libtests.a $(B)/libomega.a
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) $(LTO_NONE) $^ $(LIBS) $(shell pkg-config --libs check) -o $@

# What benches share.
$(B)/bench/libbench.a: $(patsubst %.c,$(B)/%.o,$(wildcard bench/support/*.c))
	$(call say,AR   $@)
	$(Q)mkdir -p $(@D) && rm -f $@ && ar rcs $@ $^

$(B)/bench/%: $(B)/bench/%.o $(B)/bench/libbench.a $(B)/libomega.a
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) $(LTO_LINK) $^ $(LIBS) -o $@

tests: all $(addprefix $(B)/tests/,$(units)) $(patsubst %.c,$(B)/%,$(wildcard bench/live.c tests/tools/*.c)) \
       $(addprefix $(B)/tests/fuzz/replay_,$(fuzzers:fuzz_%=%))

# A fuzz target with a main that replays files: what make test runs on the corpus.
$(B)/tests/fuzz/replay_%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c $(B)/libomega.a
	$(call say,LINK $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BUILD_CFLAGS) $(LDFLAGS) $(LTO_NONE) $^ $(LIBS) -o $@

deps:
	@tests/install-packages $(PACKAGES)

deps-full:
	@tests/install-packages $(PACKAGES_FULL)

run: deps
	+@$(build) all
	@$(B)/omega run bench/experiments/first.json --out build/out/first

install: deps
	+@$(build) all
	@B=$(B) CC='$(CC)' PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' core/kit/install

uninstall:
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' core/kit/install --remove

test: deps
	+@$(build) tests
	@B=$(B) tests/run $(TESTS)

test-full: deps-full
	@tests/run-full

test-soak: deps
	+@$(build) tests
	@OMEGA_SOAK=1 B=$(B) tests/run

bench-sim: deps
	+@$(build) all $(addprefix $(B)/bench/,$(benches))
	@B=$(B) bench/run-sim

bench-store: deps
	+@$(build) all $(addprefix $(B)/bench/,$(benches))
	@B=$(B) bench/run-store

bench-live: deps
	+@$(build) all $(addprefix $(B)/bench/,$(benches))
	@B=$(B) bench/run-live

bench-conflicts: deps
	+@$(build) all
	@B=$(B) bench/conflicts

bench-mapreduce: deps
	+@$(build) all
	@B=$(B) bench/mapreduce

bench-sweep: deps
	+@$(build) all
	@B=$(B) bench/sweep

bench-live-agreement: deps
	+@$(build) all
	@B=$(B) bench/live-agreement

bench-reference: deps
	+@$(build) all
	@B=$(B) bench/reference

figures: deps
	+@$(build) all
	@B=$(B) bench/remake-figures

check-style:
	@tests/check-layers
	@FORMAT=1 B=$(B) tests/check-style

fuzz: deps-full
	@FUZZ_SECONDS=$(FUZZ_SECONDS) LIBS='$(LIBS)' tests/run-fuzz

clean:
	rm -rf build

help:
	@sed -n '/^#/!q;s/^# \{0,1\}//p' Makefile

-include $(shell find $(addprefix $(B)/,core cellstate schedulers bench tests) -name '*.d' 2>/dev/null)
.SECONDARY:
