# SPDX-License-Identifier: MIT
#
# Millrace: one file, no configure, nothing generated into the tree. Each MODE
# has a directory of its own below build/. V=1 shows the commands; config.mk,
# if there is one, holds local settings.

-include config.mk

VERSION = 0.1.0
MODE   ?= release
MODES   = release debug asan tsan fuzz aarch64
ifeq ($(filter $(MODE),$(MODES)),)
$(error MODE=$(MODE): it is one of $(MODES))
endif
PREFIX ?= /usr/local
# openssl, or none: then TLS is refused, politely.
TLS    ?= openssl
FUZZ_SECONDS ?= 20
ifeq ($(origin CC),default)
CC = gcc
endif

OUT  := build/$(MODE)$(if $(filter none,$(TLS)),-tls-none)
ARCH := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))

CPPFLAGS = -I. -D_GNU_SOURCE -MMD -MP
CFLAGS = -std=gnu11 -g -fPIC -fvisibility=hidden -fno-omit-frame-pointer \
	-mno-omit-leaf-frame-pointer -fno-semantic-interposition \
	-fstack-clash-protection -Wall -Wextra -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla $(FLAGS_$(MODE)) $(EXTRA_CFLAGS)
FLAGS_release = -O2
FLAGS_aarch64 = -O2
FLAGS_debug   = -Og -Werror
FLAGS_asan    = -Og -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
FLAGS_tsan    = -Og -Werror -fsanitize=thread
FLAGS_fuzz    = -O1 -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined

LIBS_core = -lev -lconfuse -lpthread -ldl
LIBS_io   = $(LIBS_core) $(if $(filter openssl,$(TLS)),-lssl -lcrypto)
LIBS_http = $(LIBS_io) -lhttp_parser -lcrypt -lwslay -lz -lbrotlienc \
	-lbrotlidec -lzstd -lpsl -lidn2
LIBS_apps = $(LIBS_http)
LINK = $(CC) $(CFLAGS) -fno-lto $(LDFLAGS) -Wl,--as-needed

# The server is optimised as a whole when it is linked (http/README.md); its
# objects hold machine code too, for all else that is made of them. LTO=no: not.
ifeq ($(MODE)-$(notdir $(firstword $(CC))),release-gcc)
LTO ?= yes
endif
LTO_COMPILE = $(if $(filter yes,$(LTO)),-flto -ffat-lto-objects)
LINK_lto = $(if $(filter yes,$(LTO)),$(filter-out -fno-lto,$(LINK)) \
	-flto=auto -Wno-maybe-uninitialized,$(LINK))

# --- what there is ---

# The sanitizers must see the calls that move data; elsewhere they are raw.
not_here = $(if $(filter asan tsan fuzz,$(MODE)),core/sys_raw.c,core/sys_libc.c) \
	io/patch.c $(if $(filter openssl,$(TLS)),io/tls_none.c io/digest_none.c,\
	io/digest.c $(filter-out io/tls_none.c,$(wildcard io/tls*.c)))
sources  = $(filter-out $(not_here),$(wildcard $(1)/*.c))
obj      = $(patsubst %,$(OUT)/%.o,$(basename $(1)))

core_obj := $(call obj,$(call sources,core) $(wildcard core/*_$(ARCH).S))
io_obj   := $(call obj,$(call sources,io))
http_obj := $(call obj,$(call sources,http))
app_obj   = $(call obj,$(wildcard apps/$(1)/*.c))

# Apps that are a file to load, and are also in the server; and the server.
BUILTIN  := $(foreach a,chat echo events fanout files hello proxy redirect upload,$(if $(wildcard apps/$(a)/*.c),$(a)))
app_so   := $(BUILTIN:%=$(OUT)/%.so)
# An example with a library of its own, where that is installed.
json_so  := $(if $(wildcard /usr/include/jansson.h),$(OUT)/json.so,json-left-out)
server   := $(if $(wildcard apps/millrace/*.c),$(OUT)/millrace)
archives := $(OUT)/libhttp.a $(OUT)/libio.a $(OUT)/libcore.a
library  := $(OUT)/libmillrace.a $(OUT)/libmillrace.so
umbrella := $(if $(wildcard http/millrace.h),$(OUT)/include/millrace/app.h)

# The tour's programs, one file each; the other files there are theirs.
tour     := $(patsubst %.c,$(OUT)/%,$(wildcard apps/tour/[0-9]*.c))
tour_obj := $(call obj,$(filter-out %/site.c,$(wildcard apps/tour/[a-z]*.c)))
# Those that fetch: they stand on http, and a server is in them.
tour_web := $(OUT)/apps/tour/14-download $(OUT)/apps/tour/15-videos

factory  := $(OUT)/factory
mrget    := $(OUT)/mrget

# mrget without its main: what its tests and fuzzers link.
get_obj  := $(filter-out %/main.o,$(call app_obj,get))

tests_of   = $(filter-out $(no_tls),\
	$(patsubst %.c,$(OUT)/%,$(wildcard tests/$(1)/test_*.c)))
no_tls    := $(if $(filter none,$(TLS)),$(OUT)/tests/io/test_tls% \
	$(OUT)/tests/io/test_digest $(OUT)/tests/http/test_client_tls \
	$(OUT)/tests/apps/test_get_tls $(OUT)/tests/http/test_tls%)
test_bins := $(foreach l,core io http apps,$(call tests_of,$(l)))
test_sh   := $(wildcard tests/*/test_*.sh)
# What takes longest begins first, or the end waits for it alone.
test_long := apps/test_get_bad.sh http/test_corpus core/test_scale \
	http/test_rfc.sh apps/test_faults http/test_coding http/test_client_bad
test_all  := $(test_bins) $(test_sh)
test_first := $(foreach t,$(test_long),$(filter $(OUT)/tests/$(t) tests/$(t),\
	$(test_all)))
test_list := $(test_first) $(filter-out $(test_first),$(test_all))
ifneq ($(TESTS),)
test_list := $(foreach t,$(TESTS),$(filter $(OUT)/tests/$(t) tests/$(t),\
	$(test_all)))
$(if $(filter-out $(words $(TESTS)),$(words $(test_list))),\
	$(error TESTS=$(TESTS): not all of them are tests, as apps/test_get and \
		apps/test_tour.sh are))
endif
site      := $(call obj,$(filter-out $(wildcard tests/apps/test_*.c),\
	$(wildcard tests/apps/*.c)))
test_apps := $(patsubst %.c,$(OUT)/%.so,$(wildcard tests/apps/apps/*.c))
wire      := $(if $(wildcard tests/wire/wire.c),$(OUT)/tests/wire/wire)
wires     := $(sort $(wildcard tests/wire/*.wire))
enemy     := $(OUT)/tests/e2e/enemy
bad       := $(OUT)/tests/bad/bad
bad_obj   := $(call obj,$(filter-out %/main.c,$(wildcard tests/bad/*.c)))
benches   := $(patsubst %.c,$(OUT)/%,$(wildcard tests/bench/bench_*.c))
core_bench := $(OUT)/tests/bench/bench_core $(OUT)/tests/bench/echo_io
timed     := $(OUT)/tests/bench/timed
bench_app := $(OUT)/tests/bench/peers/http/work.so
fuzzers   := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all run test test-run test-core test-bins tour lint load bench \
	bench-core bench-get bench-small check-instructions fuzz \
	fuzz-bins factory e2e valgrind check-all install clean deps test-aarch64 help
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

all: $(server) $(mrget) $(app_so) $(json_so) $(library) ## build the server, mrget and the apps (MODE=release|debug|asan|tsan)

# --- how it is built ---

$(OUT)/libcore.a: $(core_obj)
$(OUT)/libio.a: $(io_obj)
$(OUT)/libhttp.a: $(http_obj)
$(OUT)/libmillrace.a: $(core_obj) $(io_obj) $(http_obj)

# The link line is the layering rule: the tests of a layer link that layer and
# those below it, so an upward call does not link.
below_core = $(OUT)/libcore.a
below_io   = $(OUT)/libio.a $(below_core)
below_http = $(OUT)/libhttp.a $(below_io)
below_apps = $(below_http)
with_apps  = $(site) $(get_obj) $(bad_obj)
with_http  = $(bad_obj) $(call obj,$(filter-out \
	$(wildcard tests/http/test_*.c),$(wildcard tests/http/*.c)))

define test_rules
$(call tests_of,$(1)): %: %.o $(OUT)/tests/test.o $(with_$(1)) $(below_$(1))
	$$(call say,LINK,$$@)
	$$(Q)$$(LINK) -o $$@ $$^ $(LIBS_$(1)) -lcunit
endef
$(foreach l,core io http apps,$(if $(call tests_of,$(l)),\
	$(eval $(call test_rules,$(l)))))

# The server holds the whole runtime and shows apps what is MR_API.
$(OUT)/millrace: $(call app_obj,millrace) $(foreach a,$(BUILTIN),$(call app_obj,$(a))) $(archives)
	$(call say,LINK,$@)
	$(Q)$(LINK_lto) -rdynamic -o $@ $(filter %.o,$^) -Wl,--whole-archive \
		$(archives) -Wl,--no-whole-archive $(LIBS_apps)

# Without the library it is left out, and named.
.PHONY: json-left-out
json-left-out:
	@echo '  apps/json is left out: apt-get install libjansson-dev' >&2
$(OUT)/json.so: $(call app_obj,json)
	$(call say,LINK,$@)
	$(Q)$(LINK) -shared -o $@ $^ -ljansson
$(call app_obj,json): | $(umbrella)

# An app leaves mr_ undefined: it resolves to the copy of its server.
define app_rule
$(OUT)/$(1).so: $(call app_obj,$(1))
	$$(call say,LINK,$$@)
	$$(Q)$$(LINK) -shared -o $$@ $$^
endef
$(foreach a,$(BUILTIN),$(eval $(call app_rule,$(a))))
$(test_apps) $(bench_app): %.so: %.o
	$(call say,LINK,$@)
	$(Q)$(LINK) -shared -o $@ $^

$(filter-out $(tour_web),$(tour)): %: %.o $(tour_obj) $(below_core)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS_core)
$(tour_web): %: %.o $(tour_obj) $(OUT)/apps/tour/site.o $(below_http)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS_http)

$(mrget): $(OUT)/apps/get/main.o $(get_obj) $(below_http)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS_http)

$(factory): $(call app_obj,factory) $(below_core)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS_core)

$(OUT)/libmillrace.so: $(archives)
	$(call say,LINK,$@)
	$(Q)printf 'MILLRACE_0 { global: mr_*; local: *; };\n' >$(OUT)/millrace.map
	$(Q)$(LINK) -shared -Wl,-soname,libmillrace.so -o $@ \
		-Wl,--version-script,$(OUT)/millrace.map -Wl,--whole-archive $^ \
		-Wl,--no-whole-archive $(LIBS_http)

# Apps name the umbrella as they will once it is installed.
$(OUT)/include/millrace/app.h: http/millrace.h
	$(Q)mkdir -p $(@D) && cp $< $@
$(OUT)/apps/%.o: CPPFLAGS += -I$(OUT)/include -DMR_VERSION='"$(VERSION)"'
$(OUT)/tests/apps/%.o $(bench_app:.so=.o): CPPFLAGS += -I$(OUT)/include
$(foreach a,millrace $(BUILTIN),$(call app_obj,$(a))) \
	$(test_apps:.so=.o) $(bench_app:.so=.o): | $(umbrella)

$(wire): $(call obj,$(wildcard tests/wire/*.c))
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^
$(benches): %: %.o $(below_http)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS_http)
$(OUT)/tests/bench/echo_io: %: %.o $(below_io)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS_io)
$(OUT)/tests/bench/ask $(OUT)/tests/bench/timed: %: %.o
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^
$(patsubst %.c,$(OUT)/%,$(wildcard tests/fuzz/fuzz_get_*.c)): $(get_obj)
$(OUT)/tests/fuzz/fuzz_%: $(OUT)/tests/fuzz/fuzz_%.o $(below_http)
	$(call say,LINK,$@)
	$(Q)$(LINK) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(filter %.a,$^) \
		$(LIBS_http)

$(core_obj) $(io_obj) $(http_obj) \
$(foreach a,millrace $(BUILTIN),$(call app_obj,$(a))): CFLAGS += $(LTO_COMPILE)
$(OUT)/%.o: %.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(OUT)/%.o: %.S Makefile
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) -g -c -o $@ $<
%.a:
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

# --- what one asks for ---

# make waits in the shell's place: signals reach the server itself.
run: deps ## build and run the server on conf/millrace.conf (ARGS= is appended)
	@$(MAKE) --no-print-directory all
	@exec $(OUT)/millrace -c conf/millrace.conf $(ARGS)

test: deps ## run all tests (TESTS="io/test_fd ...": these programs; TEST_ONLY=name: one test; V=1: with output)
	@$(MAKE) --no-print-directory test-run

test-bins: all $(tour) $(factory) $(filter $(test_list),$(test_bins)) \
	$(test_apps) $(wire) $(bad)
test-run: test-bins
	@MODE=$(MODE) CC="$(CC)" MR_BUILD=$(OUT) MILLRACE=$(OUT)/millrace \
		RUN="$(RUN)" tests/run.sh \
		$(foreach t,$(test_list),$(if $(filter %.sh,$(t)),'sh $(t)',$(t))) \
		$(if $(and $(wire),$(wires),$(server),$(if $(TESTS),,all)),\
			'$(wire) $(wires)')

test-core: $(call tests_of,core)
	@MODE=$(MODE) MR_BUILD=$(OUT) RUN="$(RUN)" tests/run.sh $^

tour: $(tour) ## run the tutorial's programs, in its order (ARGS=--fast)
	@for t in $(tour); do printf '\n--- %s ---\n' $${t##*/}; \
		$$t $(ARGS) || exit 1; done

factory: $(factory) ## make scissors by processes, threads, coroutines (ARGS=--help)
	@$(factory) make $(ARGS)

lint: ## check layers, doors, headers, style
	@CC="$(CC)" sh tests/lint.sh

load: all ## load the server with wrk and print a table (DURATION=, YES=1)
	@YES=$(YES) sh tests/e2e/install.sh wrk
	@MILLRACE=$(abspath $(OUT)/millrace) sh tests/bench/load.sh

# What is not installed, and not wanted, is left out and named.
bench: all $(bench_app) ## the server beside its peers (PEERS=, SCENARIOS=, ROUNDS=, DURATION=, RESULTS=1: keep it, YES=1)
	@YES=$(YES) sh tests/e2e/install.sh taskset=util-linux curl wrk strace \
		openssl
	@YES=$(YES) sh tests/e2e/install.sh nginx h2o lighttpd haproxy caddy \
		h2load=nghttp2-client \
		node=nodejs /usr/lib/go-1.19/bin/go=golang-1.19-go \
		/usr/share/gocode/src/github.com/valyala/fasthttp=$(\
		)golang-github-valyala-fasthttp-dev \
		/usr/lib/python3/dist-packages/gevent=python3-gevent || :
	@CC="$(CC)" MR_BUILD=$(OUT) MILLRACE=$(abspath $(OUT)/millrace) \
		RESULTS=$(RESULTS) $(if $(PEERS),PEERS='$(PEERS)') \
		$(if $(SCENARIOS),SCENARIOS='$(SCENARIOS)') \
		$(if $(ROUNDS),ROUNDS=$(ROUNDS)) \
		$(if $(DURATION),DURATION=$(DURATION)) sh tests/bench/servers.sh

bench-get: all $(bench_app) $(bad) $(timed) ## mrget beside its peers (PEERS=, SCENARIOS=, ROUNDS=, RESULTS=1: keep it, YES=1)
	@YES=$(YES) sh tests/e2e/install.sh taskset=util-linux curl openssl nginx
	@YES=$(YES) sh tests/e2e/install.sh aria2c=aria2 wget2 \
		/usr/lib/python3/dist-packages/gevent=python3-gevent || :
	@MR_BUILD=$(OUT) MILLRACE=$(abspath $(OUT)/millrace) \
		MRGET=$(abspath $(OUT)/mrget) CC="$(CC)" RESULTS=$(RESULTS) \
		$(if $(PEERS),PEERS='$(PEERS)') \
		$(if $(SCENARIOS),SCENARIOS='$(SCENARIOS)') \
		$(if $(ROUNDS),ROUNDS=$(ROUNDS)) sh tests/bench/get.sh

bench-small: $(benches) ## run the small benchmarks, ours alone
	@for b in $(benches); do $$b || exit 1; done

# What is not installed, and not wanted, is left out and named.
bench-core: all $(core_bench) ## the core beside its peers (RESULTS=1: keep it; ROWS=, ROUNDS=, YES=1)
	@YES=$(YES) sh tests/e2e/install.sh taskset=util-linux \
		/usr/include/boost/context/detail/fcontext.hpp=libboost-context-dev \
		/usr/include/st.h=libst-dev /usr/include/pcl.h=libpcl1-dev \
		/usr/lib/go-1.19/bin/go=golang-1.19-go \
		/usr/lib/python3/dist-packages/greenlet=python3-greenlet \
		/usr/lib/python3/dist-packages/gevent=python3-gevent || :
	@CC="$(CC)" MR_BUILD=$(OUT) MILLRACE=$(abspath $(OUT)/millrace) \
		RESULTS=$(RESULTS) $(if $(ROWS),ROWS='$(ROWS)') \
		$(if $(ROUNDS),ROUNDS=$(ROUNDS)) sh tests/bench/core.sh

check-instructions: all $(OUT)/tests/bench/ask ## a request costs no more instructions than its budget (UPDATE=1: write it anew)
	@YES=$(YES) sh tests/e2e/install.sh valgrind
	@MR_BUILD=$(OUT) MILLRACE=$(abspath $(OUT)/millrace) \
		$(if $(UPDATE),UPDATE=$(UPDATE)) sh tests/bench/instructions.sh

fuzz: ## fuzz each parser for FUZZ_SECONDS (needs clang)
	@command -v clang >/dev/null || { echo 'make fuzz needs clang:' \
		'apt-get install clang' >&2; exit 1; }
	@$(MAKE) --no-print-directory MODE=fuzz CC=clang fuzz-bins
	@$(MAKE) --no-print-directory -k -j$$(nproc) $(fuzzers:%=fuzz-one-%)
fuzz-one-%:
	@mkdir -p build/fuzz/$* tests/fuzz/corpus/$*
	@build/fuzz/tests/fuzz/fuzz_$* -timeout=10 \
		-max_total_time=$(FUZZ_SECONDS) \
		-artifact_prefix=build/fuzz/$*/ build/fuzz/$* \
		tests/fuzz/corpus/$* >build/fuzz/$*.log 2>&1 || \
		{ tail -n 40 build/fuzz/$*.log; exit 1; }
	@printf '%s: %s\n' $* "$$(tail -n 1 build/fuzz/$*.log)"
fuzz-bins: $(fuzzers:%=$(OUT)/tests/fuzz/fuzz_%)

$(enemy): $(call obj,tests/e2e/enemy.c)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^
$(bad): $(call obj,tests/bad/main.c) $(bad_obj) $(below_http)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS_http)

e2e: all $(core_bench) $(bench_app) $(enemy) $(bad) $(timed) $(OUT)/tests/http/test_corpus ## run what needs browsers and other peers (YES=1: install unasked)
	@YES=$(YES) sh tests/e2e/install.sh curl wget wrk strace chromium \
		nginx openssl slowhttptest gdb python3 ab=apache2-utils \
		testssl=testssl.sh \
		h2load=nghttp2-client node=nodejs npm \
		/usr/lib/go-1.19/bin/go=golang-1.19-go
	@YES=$(YES) sh tests/e2e/browser/install.sh $(OUT)/browser
	@MODE=$(MODE) CC="$(CC)" MR_BUILD=$(OUT) \
		MILLRACE=$(abspath $(OUT)/millrace) JOBS=1 V=1 \
		tests/run.sh $(patsubst %,'sh %',$(wildcard tests/e2e/check_*.sh))

valgrind: test-bins ## run the tests under Valgrind's memcheck
	@$(MAKE) --no-print-directory test-run \
		RUN='valgrind -q --error-exitcode=9 --leak-check=full'

check-all: deps ## the full matrix; takes a while (YES=1: do not ask)
	@for t in clang clang-format valgrind; do command -v $$t >/dev/null || \
		{ echo "make check-all needs $$t: apt-get install $$t" >&2; \
		exit 1; }; done
	$(MAKE) lint
	$(MAKE) MODE=release test-run
	$(MAKE) MODE=debug test-run
	$(MAKE) MODE=asan test-run
	$(MAKE) MODE=tsan test-run
	MR_STACK_GUARD=mprotect $(MAKE) MODE=release test-run
	$(MAKE) CC=clang OUT=build/clang test-run
	$(MAKE) valgrind
	$(MAKE) test-aarch64
	$(MAKE) fuzz FUZZ_SECONDS=120
	$(MAKE) e2e

clean: ## remove build/
	rm -rf build

help: ## print this
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 14

inc   = $(DESTDIR)$(PREFIX)/include/millrace
lib   = $(DESTDIR)$(PREFIX)/lib
share = $(DESTDIR)$(PREFIX)/share/millrace
install: all ## install below PREFIX (DESTDIR is put before it)
	install -d $(inc)/core $(inc)/io $(inc)/http $(lib)/millrace \
		$(lib)/pkgconfig $(DESTDIR)$(PREFIX)/bin $(share)
	for d in core io http; do for h in $$d/*.h; do case $$h in \
		*_priv.h | http/millrace.h) ;; \
		*) install -m 644 $$h $(inc)/$$h || exit 1 ;; esac; done; done
	install -m 644 http/millrace.h $(inc)/app.h
	install -m 644 $(OUT)/libmillrace.a $(lib)
	install -m 755 $(OUT)/libmillrace.so $(lib)
	install -m 755 $(app_so) $(lib)/millrace
	install -m 755 $(OUT)/millrace $(mrget) $(DESTDIR)$(PREFIX)/bin
	cp -R conf $(share)
	install -m 644 core/millrace-gdb.py $(share)
	printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$${prefix}/include' \
		'libdir=$${prefix}/lib' 'appdir=$${libdir}/millrace' '' \
		'Name: millrace' 'Version: $(VERSION)' \
		'Description: coroutines, an event hub and an HTTP server' \
		'Cflags: -I$${includedir} -I$${includedir}/millrace' \
		'Libs: -L$${libdir} -lmillrace' 'Libs.private: $(LIBS_http)' \
		>$(lib)/pkgconfig/millrace.pc

# --- what it needs ---

# Debian's package, and the shell test that tells whether it is there.
has = printf '\#include <$(1)>\n' | $(CC) -E - >/dev/null 2>&1
apt = $(if $(filter 0,$(shell id -u)),,sudo )env DEBIAN_FRONTEND=noninteractive apt-get

deps: ## install what the build needs, if anything is missing (apt-get)
	@need=; want() { need="$$need $$1"; }; \
	command -v $(firstword $(CC)) >/dev/null || want $(firstword $(CC)); \
	$(call has,stdio.h) || want libc6-dev; \
	$(call has,ev.h) || want libev-dev; \
	$(call has,http_parser.h) || want libhttp-parser-dev; \
	$(call has,confuse.h) || want libconfuse-dev; \
	$(call has,wslay/wslay.h) || want libwslay-dev; \
	$(call has,zlib.h) || want zlib1g-dev; \
	$(call has,brotli/encode.h) || want libbrotli-dev; \
	$(call has,zstd.h) || want libzstd-dev; \
	$(call has,libpsl.h) || want libpsl-dev; \
	$(call has,idn2.h) || want libidn2-dev; \
	test '$(TLS)' = none || $(call has,openssl/ssl.h) || want libssl-dev; \
	$(call has,CUnit/CUnit.h) || want libcunit1-dev; \
	command -v ar >/dev/null || want binutils; \
	command -v pkg-config >/dev/null || want pkg-config; \
	test -z "$$need" || { echo "installing:$$need"; \
		$(apt) -qq update && \
		$(apt) -qq -y --no-install-recommends install $$need >/dev/null; \
	} || { echo "make: could not install$$need; install them yourself" \
		"(the names are Debian's), then try again" >&2; exit 1; }

# The core for aarch64, run by qemu-user. The libraries come from Debian's own
# arm64 packages, beside those of this machine; libc too: with -L naming the
# cross compiler's, each fork hangs in the child (qemu 7.2).
cross    = aarch64-linux-gnu
arm_pkgs = gcc-$(cross) libc6-dev-arm64-cross qemu-user libev-dev:arm64 \
	libconfuse-dev:arm64 libcunit1-dev:arm64
arm_ready = command -v $(cross)-gcc qemu-aarch64 >/dev/null && \
	for l in ev confuse cunit; do \
		test -e /usr/lib/$(cross)/lib$$l.so || exit 1; done
test-aarch64: ## run the core's tests as aarch64 under qemu (YES=1: do not ask)
	@($(arm_ready)) || { \
		echo 'To be installed, with arm64 added to dpkg: $(arm_pkgs)'; \
		test "$(YES)" = 1 || { printf 'Go on? [y/N] '; read -r yes; \
			test "$$yes" = y; } || exit 1; \
		$(if $(filter 0,$(shell id -u)),,sudo )dpkg --add-architecture arm64 && \
		$(apt) -qq update && \
		$(apt) -qq -y --no-install-recommends install $(arm_pkgs) >/dev/null; }
	@MR_TEST_SCALE=$${MR_TEST_SCALE-10} $(MAKE) --no-print-directory \
		MODE=aarch64 CC=$(cross)-gcc test-core \
		RUN=qemu-aarch64

# --- how it talks ---

ifeq ($(V),1)
say = @:
export V
else
Q   = @
say = @printf '  %-5s %s\n' $(1) $(2)
endif

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
