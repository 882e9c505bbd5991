# policypool - one non-recursive Makefile.  Everything is built under $(B).
#
#   make              programs
#   make check        unit and system tests
#   make bench        measures against other stacks; ./run bench installs them first
#   make browser      the status page in headless Chromium
#   make valgrind     both suites under valgrind
#   make fuzz         the harnesses of fuzz/, with clang; tools/fuzz runs them
#   make lint         headers alone, format, cppcheck, manuals, keys against manuals and samples
#   make install      DESTDIR= PREFIX=/usr/local
#   make deb          a Debian package
#   make SAN=address,undefined check      the same under sanitizers, in a folder of its own
#   make CC=clang WERROR=1                warnings are errors

VERSION  := 0.2.0
PREFIX   ?= /usr/local
SBINDIR  ?= $(PREFIX)/sbin
BINDIR   ?= $(PREFIX)/bin
MANDIR   ?= $(PREFIX)/share/man
DOCDIR   ?= $(PREFIX)/share/doc/policypool
SAMPLES  ?= $(DOCDIR)/examples
BASHCOMP ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMP  ?= $(PREFIX)/share/zsh/vendor-completions
UNITDIR  ?= $(PREFIX)/lib/systemd/system

comma := ,
B := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(filter clang%,$(CC)),-clang)

CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wold-style-definition -Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla -Wundef \
           -Wcast-qual -Wimplicit-fallthrough -Wswitch-enum
HARDEN  := -fstack-protector-strong -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
STD     := -std=c17 -D_GNU_SOURCE -DPOLICYPOOL_VERSION='"$(VERSION)"'
SANITIZE := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
# The programs are optimized as wholes: a small request calls many small functions of many files.  Objects
# serve both ways, for units are not; and clang would need a linker of its own for it.
LTO     := $(if $(SAN)$(filter clang%,$(CC)),,-flto=auto)
ALL_CFLAGS  = $(STD) $(WARN) $(if $(WERROR),-Werror) $(HARDEN) $(SANITIZE) -MMD -MP $(LTO:%=% -ffat-lto-objects) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,--as-needed $(SANITIZE) $(LDFLAGS)
LIBS := -levent -lgnutls -lconfuse -ljson-c -lnettle -lm -lseccomp

LAYERS   := server proxy client ctl
PROGRAMS := $(LAYERS:%=$(B)/ppool-%)
BENCHES  := $(B)/bench/load $(B)/bench/answer

# What every packet goes through byte by byte is worth more of the compiler, unless CFLAGS asks for less.
HOT := buf conn conn_input frame glance jsontext packet
$(HOT:%=$(B)/common/%.o): ALL_CFLAGS += $(if $(filter -O2,$(CFLAGS)),-O3)

# A layer is compiled with its own folder and common/ to include from; common/ with itself alone.
INC.common := -Icommon
$(foreach l,$(LAYERS),$(eval INC.$(l) := -Icommon -I$(l)))

OBJS.common := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard common/*.c)))
$(foreach l,$(LAYERS),$(eval OBJS.$(l) := $(patsubst %.c,$(B)/%.o,$(sort $(filter-out $(l)/main.c,$(wildcard $(l)/*.c))))))

HEADERS := $(sort $(wildcard common/*.h $(LAYERS:%=%/*.h)))
SOURCES := $(sort $(wildcard common/*.c $(LAYERS:%=%/*.c) tests/unit/*.c))
UNITS   := $(patsubst tests/unit/%.c,$(B)/unit/%,$(sort $(wildcard tests/unit/*.c)))
MANUALS := $(sort $(wildcard man/*.[1578]))

.PHONY: all check unit units system browser valgrind fuzz fuzzers lint bench install uninstall dist deb \
        clean
.DELETE_ON_ERROR:
all: $(PROGRAMS) $(BENCHES)

$(B)/proxy/pages.o: proxy/page.html

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(INC.$(firstword $(subst /, ,$<))) -c -o $@ $<

$(B)/libcommon.a: $(OBJS.common)
	@rm -f $@
	$(AR) rcs $@ $^

define layer
$(B)/lib$(1).a: $$(OBJS.$(1))
	@rm -f $$@
	$$(AR) rcs $$@ $$(OBJS.$(1))
$(B)/ppool-$(1): $(B)/$(1)/main.o $(B)/lib$(1).a $(B)/libcommon.a
	$$(CC) $$(ALL_LDFLAGS) $$(LTO) -o $$@ $$^ $$(LIBS)
endef
$(foreach l,$(LAYERS),$(eval $(call layer,$(l))))

# The load generator of the bench stands on common/ as the programs do.
INC.bench := -Icommon -Ibench
$(B)/bench/load: $(B)/bench/plan.o $(B)/bench/protocol.o $(B)/bench/wire.o
$(BENCHES): %: %.o $(B)/libcommon.a
	$(CC) $(ALL_LDFLAGS) $(LTO) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

# A unit test names the module it tests; the archives add that one and what it calls, which lies below
# it, and nothing else.
$(B)/unit/%: tests/unit/%.c $(B)/libcommon.a $(B)/libserver.a $(B)/libproxy.a $(B)/libclient.a $(B)/libctl.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Icommon -Iserver -Iproxy -Iclient -Ictl $(ALL_LDFLAGS) $(LTO:%=-fno-lto) -MF $@.d -o $@ $< \
	    $(B)/libserver.a $(B)/libproxy.a $(B)/libclient.a $(B)/libctl.a $(B)/libcommon.a \
	    -lcriterion $(LIBS)

# A harness is linked as a unit test is; everything below it is compiled for the fuzzer too.
FUZZERS := $(patsubst fuzz/%.c,$(B)/fuzz/%,$(sort $(wildcard fuzz/*.c)))
fuzz:
	@$(MAKE) CC=clang SAN=fuzzer-no-link,address,undefined fuzzers
fuzzers: $(FUZZERS)
$(B)/fuzz/%: fuzz/%.c $(B)/libcommon.a $(B)/libserver.a $(B)/libproxy.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Ifuzz -Icommon -Iproxy -Iserver $(filter-out $(SANITIZE),$(ALL_LDFLAGS)) \
	    -fsanitize=fuzzer -MF $@.d -o $@ $< $(B)/libserver.a $(B)/libproxy.a $(B)/libcommon.a $(LIBS)

# Against the programs people would otherwise run; BENCH_ARGS="--help" tells what can be asked for.
bench: all
	@bench/run --programs $(B) $(BENCH_ARGS)

check: unit system
units: $(UNITS)
unit: $(UNITS)
	@tests/run-units $(UNITS)
system: all
	@tests/run-system --programs $(B)

# The status page in headless Chromium.
browser: all
	@tests/run-system --programs $(B) --suite browser

# Both suites under valgrind: some ten minutes.
valgrind: all $(UNITS)
	@tests/run-units --valgrind $(UNITS)
	@tests/run-system --programs $(B) --valgrind

lint: all
	@tools/lint --programs $(B)

# ---- installing ----

ETC := $(sort $(wildcard etc/*.conf)) etc/keyring
SERVICES := $(sort $(wildcard etc/*.service etc/*.socket))
install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(BINDIR) $(DESTDIR)$(DOCDIR) $(DESTDIR)$(SAMPLES)
	install -m 755 $(B)/ppool-server $(B)/ppool-proxy $(B)/ppool-ctl $(DESTDIR)$(SBINDIR)
	install -m 755 $(B)/ppool-client $(DESTDIR)$(BINDIR)
	install -m 644 README.md CHANGES.md LICENSE $(DESTDIR)$(DOCDIR)
	install -m 644 $(ETC) $(DESTDIR)$(SAMPLES)
	install -D -m 644 completions/policypool.bash $(DESTDIR)$(BASHCOMP)/ppool-ctl
	for p in proxy server client; do ln -sf ppool-ctl $(DESTDIR)$(BASHCOMP)/ppool-$$p || exit 1; done
	install -D -m 644 completions/_policypool $(DESTDIR)$(ZSHCOMP)/_policypool
	install -d $(DESTDIR)$(UNITDIR)
	for u in $(notdir $(SERVICES)); do \
	    sed 's|/usr/local/sbin/|$(SBINDIR)/|' etc/$$u >$(DESTDIR)$(UNITDIR)/$$u &&\
	    chmod 644 $(DESTDIR)$(UNITDIR)/$$u || exit 1; done
	for m in $(MANUALS); do \
	    install -D -m 644 $$m $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/} || exit 1; done

uninstall:
	rm -f $(addprefix $(DESTDIR)$(SBINDIR)/,ppool-server ppool-proxy ppool-ctl) $(DESTDIR)$(BINDIR)/ppool-client
	for m in $(MANUALS); do rm -f $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/} || exit 1; done
	rm -f $(LAYERS:%=$(DESTDIR)$(BASHCOMP)/ppool-%) $(DESTDIR)$(ZSHCOMP)/_policypool
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(SERVICES)))
	rm -rf $(DESTDIR)$(DOCDIR)

# The tree as committed, with the version in its name.
dist:
	git archive --prefix=policypool-$(VERSION)/ -o policypool-$(VERSION).tar.gz HEAD

# A Debian package of the programs, in build/; needs dpkg-dev.
deb: all
	+packaging/build $(VERSION) $(B)

clean:
	rm -rf build build-*

-include $(shell find $(B) -name '*.d' 2>/dev/null)
