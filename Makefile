# SPDX-License-Identifier: GPL-2.0-or-later
# ringfence: one archive per layer, linked highest first, so that a call upwards does not link.
#   make [CC=clang] [SAN=address,undefined|thread] [WERROR=1] [V=1]     programs, into build/
#   make check | check-unit … check-lint | demo | bench | fuzz SECONDS=60 | tidy | install DESTDIR= | deb
VERSION   := 1.0.0
LAYERS    := base net policy ident engine event store kern run ship app
PROGRAMS  := ringfenced ringfence ringfence-ship
SKIP_ringfence-ship := policy ident engine kern run     # the shipper must link without them
LIBS_base   := -lurcu-qsbr -lurcu-common -lmd
LIBS_policy := -lyaml
LIBS_store  := -lsqlite3
LIBS_kern   := -lnetfilter_queue -lnetfilter_conntrack -lnetfilter_log -lnftnl -lmnl
LIBS_ship   := $(foreach p,gnutls libcurl rdkafka,$(shell pkg-config --silence-errors --libs $p))

prefix    ?= /usr
sysconfdir ?= /etc
ifeq ($(origin CC),default)
CC        := gcc
endif
comma     := ,
SAN       :=
SECONDS   ?= 60
O         := build/$(if $(SAN),$(subst $(comma),-,$(SAN)),plain)$(if $(findstring clang,$(CC)),-clang)
Q         := $(if $(V),,@)
say       = $(if $(V),,@echo '  $1	$2')

WARN      := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
	     -Wwrite-strings -Wvla -Wformat=2 $(if $(WERROR),-Werror)
CFLAGS    ?= -O2 -g
# _FORTIFY_SOURCE hides accesses from the sanitizers, so it is one or the other.
HARDEN    := -fPIE -fstack-protector-strong $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
CPPFLAGS  += -D_GNU_SOURCE -DRINGFENCE_VERSION='"$(VERSION)"' -Isrc -MMD -MP
ALL_CFLAGS := -std=gnu11 -pthread -fno-strict-aliasing $(WARN) $(HARDEN) $(if $(findstring undefined,$(SAN)),-fno-sanitize-recover=undefined) $(CFLAGS)
LINK      := -pthread -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

rev       = $(if $1,$(call rev,$(wordlist 2,$(words $1),$1)) $(firstword $1))
below_    = $(firstword $2) $(if $(filter $1,$(firstword $2)),,$(call below_,$1,$(wordlist 2,$(words $2),$2)))
below     = $(call below_,$1,$(LAYERS))                 # a layer and those under it
archives  = $(patsubst %,$O/%.a,$(call rev,$1))         # highest first: a call upwards finds nothing
libs      = $(foreach l,$(call rev,$1),$(LIBS_$l))
uses      = $(filter-out $(SKIP_$1),$(LAYERS))
main      = src/app/$(subst -,_,$1).c
obj       = $(patsubst src/%.c,$O/%.o,$1)
xobj      = $(patsubst tests/%.c,$O/x/%.o,$1)
HAVE      := $(foreach p,$(PROGRAMS),$(if $(wildcard $(call main,$p)),$p))
CHECKS    := lint unit golden agree fuzz package netns vm

.PHONY: all clean deps check demo bench fuzz tidy install deb golden-update tests unit-tests fuzzers $(CHECKS:%=check-%)
.DELETE_ON_ERROR:
.SECONDARY:
all: $(HAVE:%=$O/%) $(LAYERS:%=$O/%.a)

define layer
$O/$1.a: $(call obj,$(filter-out $(foreach p,$(PROGRAMS),$(call main,$p)),$(wildcard src/$1/*.c)))
TESTS_$1 := $(patsubst tests/unit/%.c,$O/t/%,$(wildcard tests/unit/$1/*_test.c))
$$(TESTS_$1): $(call archives,$(call below,$1))
$$(TESTS_$1): LDLIBS += -lcheck -lsubunit -lrt -lm $(call libs,$(call below,$1))
endef
$(foreach l,$(LAYERS),$(eval $(call layer,$l)))
UNIT      := $(foreach l,$(LAYERS),$(TESTS_$l))

define program
$O/$1: $(call obj,$(call main,$1)) $(call archives,$(call uses,$1))
$O/$1: LDLIBS += $(call libs,$(call uses,$1))
endef
$(foreach p,$(HAVE),$(eval $(call program,$p)))

# A test tool: its name below $O, its sources; linked with every layer.
define tool
$O/$1: $(call xobj,$2) $(call archives,$(LAYERS))
$O/$1: LDLIBS += $(call libs,$(LAYERS)) -lm $(LIBS_$1)
TOOLS     += $(if $2,$O/$1)
endef
TOOLS     :=
$(eval $(call tool,netprobe,$(wildcard tests/netns/*.c)))
$(eval $(call tool,agree,$(wildcard tests/agree/*.c)))
$(eval $(call tool,agree-kernel,$(wildcard tests/agree/kernel/*.c) tests/agree/gen.c tests/agree/gen_policy.c))
$(eval $(call tool,agree-plan,$(wildcard tests/agree/plan/*.c) tests/agree/gen.c tests/agree/gen_policy.c))
$(eval $(call tool,loadpolicy,$(wildcard tests/golden/*.c)))
$(foreach b,$(wildcard tests/bench/*.c),$(eval $(call tool,bench/$(basename $(notdir $b)),$b)))
# A fuzz target: real fuzzing with SAN=fuzzer-no-link,…; else with a main that runs its seeds.
FUZZ      := $(patsubst tests/%.c,$O/%,$(filter-out tests/fuzz/main.c,$(wildcard tests/fuzz/*.c)))
FUZZMAIN  := $(if $(findstring fuzzer-no-link,$(SAN)),,tests/fuzz/main.c)
$(foreach f,$(FUZZ),$(eval $(call tool,fuzz/$(notdir $f),tests/fuzz/$(notdir $f).c $(FUZZMAIN))))
$(FUZZ): LDLIBS += $(if $(FUZZMAIN),,-fsanitize=fuzzer)

$O/%.o: src/%.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<
$O/x/%.o: tests/%.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -c -o $@ $<
$O/%.a:
	$(call say,AR,$@)
	@mkdir -p $(@D)
	$Qrm -f $@ && ar rcs $@ $^
$O/t/%: tests/unit/%.c Makefile
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -MF $@.d $(LINK) -o $@ $(filter %.c %.a,$^) $(LDLIBS)
$(HAVE:%=$O/%) $(TOOLS):
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(LINK) -o $@ $(filter %.o %.a,$^) $(LDLIBS)

unit-tests: $(UNIT)
fuzzers: $(FUZZ)
tests: all $(UNIT) $(TOOLS)

# Packages first, then everything else in a make of its own, which sees what was installed.
deps:
	@packaging/deps.sh packaging/debian-packages.txt
check demo bench: deps
	+@$(MAKE) --no-print-directory run-$@
run-check: tests
	@O=$O LAYERS='$(LAYERS)' CC='$(CC)' tests/check.sh $(CHECKS)
run-demo: all $O/netprobe
	@O=$O tests/demo/run.sh
run-bench: tests
	@O=$O tests/bench/run.sh
$(CHECKS:%=check-%): check-%: tests
	@O=$O LAYERS='$(LAYERS)' CC='$(CC)' tests/check.sh $*
golden-update: all
	@O=$O UPDATE=1 tests/golden/run.sh
fuzz:
	@SECONDS_EACH=$(SECONDS) tests/fuzz/run.sh $(TARGETS)
tidy: all
	@O=$O tests/tidy.sh
install: all
	@O=$O DESTDIR='$(DESTDIR)' PREFIX='$(prefix)' SYSCONFDIR='$(sysconfdir)' packaging/install.sh
deb:
	@VERSION=$(VERSION) packaging/deb.sh
clean:
	rm -rf build

-include $(shell find $O -name '*.d' 2>/dev/null)
