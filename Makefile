# policypool - one non-recursive Makefile.  Everything is built under $(B).
#
#   make              programs
#   make check        unit and system tests
#   make bench        measures against other stacks; ./run bench installs them first
#   make browser      the status page in headless Chromium
#   make valgrind     both suites under valgrind
#   make coverage     what both suites run of the sources, a folder at a time; COVERAGE_ARGS=--html; with SAN= too
#   make faults       daemons with system calls and allocations that fail: some minutes
#   make mutate       errors put into the programs, one at a time: does a test notice?  half an hour
#   make fuzz         the harnesses of fuzz/, with clang; tools/fuzz runs them
#   make lint         headers alone, format, cppcheck, manuals, keys against manuals and samples
#   make install      DESTDIR= PREFIX=/usr/local
#   make deb          a Debian package
#   make SAN=address,undefined check      the same under sanitizers, in a folder of its own
#   make CC=clang WERROR=1                warnings are errors

VERSION  := $(or $(file <VERSION),$(error VERSION is missing))
PREFIX   ?= /usr/local
SBINDIR  ?= $(PREFIX)/sbin
BINDIR   ?= $(PREFIX)/bin
MANDIR   ?= $(PREFIX)/share/man
DOCDIR   ?= $(PREFIX)/share/doc/policypool
SAMPLES  ?= $(DOCDIR)/examples
BASHCOMP ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMP  ?= $(PREFIX)/share/zsh/vendor-completions
UNITDIR  ?= $(PREFIX)/lib/systemd/system
INCLUDEDIR ?= $(PREFIX)/include
PKGCONFIGDIR ?= $(PREFIX)/lib/pkgconfig
MODULEDIR ?= $(PREFIX)/lib/policypool
# Where Debian's python3 looks: for /usr the same of every version, otherwise by the version.
PYTHON    ?= /usr/bin/python3
PYTHONDIR ?= $(PREFIX)/lib/$(or $(if $(filter-out /usr,$(PREFIX)),$(shell $(PYTHON) -c 'import sys; print("python%d.%d" % sys.version_info[:2])' \
             2>/dev/null)),python3)/dist-packages

comma := ,
B := build$(if $(COVERAGE),-coverage)$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(filter clang%,$(CC)),-clang)

CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wold-style-definition -Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla -Wundef \
           -Wcast-qual -Wimplicit-fallthrough -Wswitch-enum
HARDEN  := -fstack-protector-strong -fPIE $(if $(SAN)$(COVERAGE),,-D_FORTIFY_SOURCE=2)
STD     := -std=c17 -D_GNU_SOURCE -DPOLICYPOOL_VERSION='"$(VERSION)"'
SANITIZE := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
# A program of a coverage build counts what it runs; tests/coverage.h.
COUNT   := $(if $(COVERAGE),--coverage -include tests/coverage.h)
COUNTERS := $(if $(COVERAGE),$(B)/tests/coverage.o)
# The programs are optimized as wholes: a small request calls many small functions of many files.  Objects
# serve both ways, for units are not; and clang would need a linker of its own for it.
LTO     := $(if $(SAN)$(COVERAGE)$(filter clang%,$(CC)),,-flto=auto)
ALL_CFLAGS  = $(STD) $(WARN) $(if $(WERROR),-Werror) $(HARDEN) $(SANITIZE) $(COUNT) -MMD -MP $(LTO:%=% -ffat-lto-objects) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,--as-needed $(SANITIZE) $(LDFLAGS)

# Libraries by the names of their .pc files, with the Debian packages that have those; read when first needed.
LIBRARIES := libevent gnutls json-c nettle libseccomp libcurl
DEB.libevent   := libevent-dev
DEB.gnutls     := libgnutls28-dev
DEB.json-c     := libjson-c-dev
DEB.nettle     := nettle-dev
DEB.libseccomp := libseccomp-dev
DEB.libcurl    := libcurl4-gnutls-dev
DEB.criterion  := libcriterion-dev
PKG_CONFIG     ?= pkg-config
missing = $(strip $(foreach l,$(1),$(shell $(PKG_CONFIG) --exists $(l) 2>/dev/null || echo $(l))))
absent  = $(error $(PKG_CONFIG) finds no $(1): apt-get install pkgconf $(foreach l,$(1),$(DEB.$(l))))
pkg     = $(if $(call missing,$(2)),$(call absent,$(call missing,$(2))))$\
          $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) $(1) $(2)))
LIB_CFLAGS  = $(eval LIB_CFLAGS := $(call pkg,--cflags,$(LIBRARIES)))$(LIB_CFLAGS)
LIBS        = $(eval LIBS := $(call pkg,--libs,$(LIBRARIES)) -lm $(if $(COVERAGE),$(COUNTERS) -lgcov))$(LIBS)
UNIT_CFLAGS = $(eval UNIT_CFLAGS := $(call pkg,--cflags,criterion))$(UNIT_CFLAGS)
UNIT_LIBS   = $(eval UNIT_LIBS := $(call pkg,--libs,criterion))$(UNIT_LIBS)

LAYERS   := server proxy client ctl handler
PROGRAMS := $(LAYERS:%=$(B)/ppool-%)
# Handlers: the examples that are compiled, and those that the tests load.
MODULES  := $(B)/modules/upper $(patsubst %.c,$(B)/modules/%.so,$(notdir $(wildcard tests/modules/*.c examples/handlers/redact/redact.c bench/sha1.c)))
BENCHES  := $(patsubst %,$(B)/bench/%,load answer answer_http relay once)
# Workers of other stacks, for whose libraries nothing but the bench has a use: what is not there is left out.
PEERS.gearman_worker := gearmand
PEERS.nats_worker    := libnats
PEERS                := $(patsubst PEERS.%,$(B)/bench/%,$(filter PEERS.%,$(.VARIABLES)))

# What every packet goes through byte by byte is worth more of the compiler, unless CFLAGS asks for less.
HOT := base/buf conn/conn conn/conn_read conn/conn_write packet/frame packet/packet packet/packet_read json/json_fast json/json_text
$(HOT:%=$(B)/common/%.o): ALL_CFLAGS += $(if $(filter -O2,$(CFLAGS)),-O3)

# The folders, the lowest first, and which others each may use: include from and call.  What is not there does not compile, for
# nothing else is given with -I, and what is above does not link, for archives are linked from the top to the bottom, once.
# make lint draws it into ARCHITECTURE.md and finds what is used and not said, or said and not used.
FOLDERS := common/base common/json common/job common/log common/conf common/packet common/conn common/worker common/supervisor \
             common/control common/daemon \
            handler server handler/tool client ctl \
            proxy/conf proxy/store proxy/registry proxy/stats proxy/auth proxy/balance proxy/upstream proxy/health proxy/relay \
             proxy/client proxy/admin proxy/master
USES.common/base      :=
USES.common/json      := common/base
USES.common/job       := common/base common/json
USES.common/log       := common/base common/json
USES.common/conf      := common/base common/json
USES.common/packet    := common/base common/json
USES.common/conn      := common/base common/json common/log common/packet
USES.common/worker    := common/base common/log
USES.common/supervisor:= common/base common/log common/worker
USES.common/control   := common/base common/json common/log common/conf common/conn common/supervisor
USES.common/daemon    := common/base common/log common/conf common/conn common/worker common/supervisor \
             common/control
USES.handler          := common/base common/json common/packet common/worker
USES.server           := common/base common/json common/job common/log common/conf common/packet common/conn \
             common/worker common/supervisor common/control common/daemon handler
USES.client           := common/base common/json common/job common/log common/conf common/packet common/conn
USES.handler/tool     := common/base common/json common/job common/packet common/worker common/daemon common/log server
USES.ctl              := common/base common/json common/log common/conf common/packet common/daemon
USES.proxy/conf       := common/base common/conf common/packet common/conn common/daemon
USES.proxy/store      := common/base common/json common/log common/packet common/worker common/supervisor proxy/conf
USES.proxy/registry   := common/base common/json common/log common/packet
USES.proxy/stats      := common/base common/packet proxy/registry
USES.proxy/auth       := common/base common/json common/packet proxy/registry proxy/stats
USES.proxy/balance    := common/base
USES.proxy/upstream   := common/base common/json common/job common/log common/packet common/conn proxy/conf \
             proxy/registry proxy/stats
USES.proxy/health     := common/base common/job common/log proxy/conf proxy/registry proxy/stats proxy/upstream
USES.proxy/relay      := common/base common/log common/packet common/control proxy/conf \
             proxy/registry proxy/stats proxy/balance proxy/upstream proxy/health
USES.proxy/client     := common/base common/json common/log common/packet common/conn common/worker proxy/conf \
             proxy/registry proxy/stats proxy/upstream proxy/relay
USES.proxy/admin      := common/base common/log common/supervisor common/control proxy/conf proxy/registry \
             proxy/stats proxy/upstream proxy/health proxy/relay
USES.proxy/master     := common/base common/json common/log common/conf common/packet common/conn common/supervisor common/control \
             common/daemon proxy/conf proxy/store proxy/registry proxy/stats proxy/auth proxy/balance proxy/upstream \
             proxy/health proxy/client proxy/admin

# With those that they use in turn, for a header may need the headers of what it stands on.
$(foreach f,$(FOLDERS),$(eval UNDER.$(f) := $(sort $(f) $(foreach u,$(USES.$(f)),$(UNDER.$(u))))))
$(foreach f,$(FOLDERS),$(eval INC.$(f) := $(UNDER.$(f):%=-I%)))
INC.handler += -Iinclude
COMMON     := $(filter common/%,$(FOLDERS))
INC.bench  := $(COMMON:%=-I%) -Ibench
# A program's main stands on all of its folders.
USES.proxy := $(filter proxy/%,$(FOLDERS))
INC.proxy  := $(sort $(foreach f,$(USES.proxy),$(INC.$(f))))

reverse   = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
# The archives of these folders in the order in which they are linked.
archives  = $(patsubst %,$(B)/%.a,$(call reverse,$(filter $(1),$(FOLDERS))))
objects   = $(patsubst %.c,$(B)/%.o,$(sort $(filter-out %/main.c,$(wildcard $(1)/*.c))))
folder_of = $(patsubst %/,%,$(dir $(1)))

UNITS   := $(patsubst tests/unit/%.c,$(B)/unit/%,$(sort $(wildcard $(FOLDERS:%=tests/unit/%/*.c))))
MANUALS := $(sort $(wildcard man/*.[13578]))

.PHONY: all check unit units peers system browser valgrind coverage covered faults mutate fuzz fuzzers lint bench install \
        uninstall dist deb clean FORCE
.DELETE_ON_ERROR:
all: $(PROGRAMS) $(BENCHES) $(MODULES)

$(B)/proxy/admin/proxy_pages.o: proxy/admin/page.html
$(B)/server/server_pages.o: server/page.html
$(B)/handler/tool/handler_new.o: $(wildcard handler/tool/new/*)

# What compiles and links, VERSION included: when that is not what it was, everything is built anew.
COMMANDS := $(strip $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LIBRARIES))
ifneq ($(COMMANDS),$(strip $(file <$(B)/flags)))
$(B)/flags: FORCE
endif
$(B)/flags: export COMMANDS := $(COMMANDS)
$(B)/flags:
	@mkdir -p $(@D)
	@printf '%s\n' "$$COMMANDS" >$@

# Which program's a key is, for what is said of it in the settings of the other.
KEYS.ppool-proxy  := proxy/master/proxy_settings_keys.c
KEYS.ppool-server := server/server_conf.c server/handler_keys.c
$(B)/common/daemon/keys_of_daemons.c: Makefile $(KEYS.ppool-proxy) $(KEYS.ppool-server)
	@mkdir -p $(@D)
	@{ echo '#include "keys_of_daemons.h"'; echo 'const struct conf_elsewhere keys_of_daemons[] = {'; \
	$(foreach p,proxy server,sed -n 's/^\t{\.name = \("[a-z0-9_]*"\).*/\t{\1, "ppool-$(p)"},/p' $(KEYS.ppool-$(p));) \
	printf '\t{NULL, NULL}};\n'; } >$@
$(B)/common/daemon/keys_of_daemons.o: $(B)/common/daemon/keys_of_daemons.c $(B)/flags
	$(CC) $(ALL_CFLAGS) $(LIB_CFLAGS) $(INC.common/daemon) -c -o $@ $<
$(B)/common/daemon.a: $(B)/common/daemon/keys_of_daemons.o

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LIB_CFLAGS) $(INC.$(call folder_of,$<)) -c -o $@ $<

$(PROGRAMS) $(BENCHES) $(UNITS): | $(COUNTERS)

define folder
$(B)/$(1).a: $(call objects,$(1))
	@rm -f $$@
	$$(AR) rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call folder,$(f))))

# A program, the folders that it is linked of, and that of its main.
define program
$(B)/ppool-$(1): $(B)/$(or $(3),$(1))/main.o $(call archives,$(2) $(COMMON))
	$$(CC) $$(ALL_LDFLAGS) $$(LTO) -o $$@ $$^ $$(LIBS)
endef
$(eval $(call program,server,server handler))
$(foreach l,client ctl,$(eval $(call program,$(l),$(l))))
$(eval $(call program,proxy,proxy/%))
$(eval $(call program,handler,handler/tool server handler,handler/tool))

# As a module's author compiles it.
vpath %.c tests/modules examples/handlers/redact bench
$(B)/modules/%.so: %.c include/policypool/handler.h $(B)/flags
	@mkdir -p $(@D)
	$(CC) -std=gnu17 $(WARN) $(if $(WERROR),-Werror) $(CFLAGS) -fPIC -shared -Iinclude -o $@ $< $(MODULE_LDFLAGS)
$(B)/modules/upper: examples/handlers/c/upper.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) -std=gnu17 $(WARN) $(if $(WERROR),-Werror) $(CFLAGS) $(call pkg,--cflags,json-c) -o $@ $< $(call pkg,--libs,json-c)
$(B)/modules/sha1.so: MODULE_LDFLAGS = $(call pkg,--libs,nettle)
$(B)/modules/textrel.so: MODULE_LDFLAGS := -Wl,-z,notext
$(B)/modules/needy.so: MODULE_LDFLAGS := -Wl,--no-as-needed -L$(B)/modules -l:absent.so
$(B)/modules/needy.so: $(B)/modules/absent.so

# The load generator of the bench stands on common/ as the programs do.
$(B)/bench/load: $(B)/bench/plan.o $(B)/bench/protocol.o $(B)/bench/wire.o $(B)/bench/link.o $(B)/bench/counts.o
$(B)/bench/relay $(B)/bench/answer_http: $(B)/bench/ends.o
$(PEERS): $(B)/bench/prefork.o
$(PEERS): private PEER_LIBS = $(shell $(PKG_CONFIG) --libs $(PEERS.$(@F)))
$(PEERS:=.o): ALL_CFLAGS += $(shell $(PKG_CONFIG) --cflags $(PEERS.$(*F)))
peers: all
	@for p in $(foreach p,$(PEERS),$(if $(call missing,$(PEERS.$(notdir $(p)))),,$(p))); do $(MAKE) $$p || exit; done
$(BENCHES) $(PEERS): %: %.o $(call archives,$(COMMON))
	$(CC) $(ALL_LDFLAGS) $(LTO) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS) $(PEER_LIBS)

# A unit test lies in the folder of its module, and is compiled and linked with that one and what lies below it.  These stand on
# more: a worker's tests take the settings as the master loads them.
UNIT_USES.proxy/client := proxy/master
$(B)/unit/handler/% $(B)/unit/server/handler_conf: ALL_CFLAGS += -DMODULES='"$(abspath $(B))/modules/"'
$(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/handler/*.c)) $(B)/unit/server/handler_conf: | $(MODULES)
$(B)/unit/common/packet/signature_vectors: ALL_CFLAGS += -DVECTORS='"$(abspath tests/vectors)/"'
define units_of
$(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/$(1)/*.c)): $(B)/unit/%: tests/unit/%.c $(B)/flags \
    $(call archives,$(UNDER.$(1)) $(UNDER.$(UNIT_USES.$(1))))
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) $$(LIB_CFLAGS) $$(UNIT_CFLAGS) -Itests/unit $(INC.$(1)) $(INC.$(UNIT_USES.$(1))) $$(ALL_LDFLAGS) $$(LTO:%=-fno-lto) \
	    -MF $$@.d -o $$@ $$< $$(filter %.a,$$^) $$(UNIT_LIBS) $$(LIBS)
endef
$(foreach f,$(FOLDERS),$(if $(wildcard tests/unit/$(f)/*.c),$(eval $(call units_of,$(f)))))

# A harness is linked as a unit test is; everything below it is compiled for the fuzzer too.
FUZZERS := $(patsubst fuzz/%.c,$(B)/fuzz/%,$(sort $(wildcard fuzz/*.c)))
fuzz:
	@$(MAKE) CC=clang SAN=fuzzer-no-link,address,undefined fuzzers
fuzzers: $(FUZZERS)
$(B)/fuzz/%: fuzz/%.c $(B)/flags $(call archives,common/% handler server proxy/%)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LIB_CFLAGS) -Ifuzz $(sort $(INC.proxy) $(INC.server) $(INC.handler)) $(filter-out $(SANITIZE),$(ALL_LDFLAGS)) \
	    -fsanitize=fuzzer -MF $@.d -o $@ $< $(filter %.a,$^) $(LIBS)

# Against the programs people would otherwise run; BENCH_ARGS="--help" tells what can be asked for.
bench: peers
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

# Both suites on programs that count what they run.
coverage:
	@$(MAKE) COVERAGE=1 LTO= CFLAGS="$(if $(SAN),-O1,-O0) -g" covered
covered: all $(UNITS)
	@tests/run-coverage --programs $(B) $(COVERAGE_ARGS) $(UNITS)

# Each call of a start failing once, and calls of running daemons at random; needs strace and fiu-utils.
faults: all
	@tests/faults --programs $(B)

# Each error of tests/mutations alone in a copy of the tree.
mutate:
	@tests/run-mutations

lint: all
	@tools/lint --programs $(B)

# ---- installing ----

ETC := $(sort $(wildcard etc/*.conf)) etc/keyring etc/pseudonyms packaging/ppool-server-jit.conf \
       packaging/policypool.logrotate examples/keepalived.conf
HANDLERS := $(sort $(filter-out %.so,$(wildcard examples/handlers/*/* examples/clients/*/*)))
SERVICES := $(sort $(wildcard etc/*.service etc/*.socket))
install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(BINDIR) $(DESTDIR)$(DOCDIR) $(DESTDIR)$(SAMPLES)
	install -m 755 $(B)/ppool-server $(B)/ppool-proxy $(B)/ppool-ctl $(DESTDIR)$(SBINDIR)
	install -m 755 $(B)/ppool-client $(B)/ppool-handler $(DESTDIR)$(BINDIR)
	install -m 644 README.md CHANGES.md SECURITY.md LICENSE $(DESTDIR)$(DOCDIR)
	install -m 644 $(ETC) $(DESTDIR)$(SAMPLES)
	install -D -m 644 include/policypool/handler.h $(DESTDIR)$(INCLUDEDIR)/policypool/handler.h
	install -D -m 644 clients/python/policypool.py $(DESTDIR)$(PYTHONDIR)/policypool.py
	install -m 644 doc/packets.schema.json $(DESTDIR)$(DOCDIR)
	install -d $(DESTDIR)$(MODULEDIR) $(DESTDIR)$(PKGCONFIGDIR)
	install -m 755 $(B)/modules/redact.so $(B)/modules/upper $(DESTDIR)$(MODULEDIR)
	printf '%s\n' 'includedir=$(INCLUDEDIR)' 'moduledir=$(MODULEDIR)' 'Name: policypool-handler' \
	    'Description: handlers of ppool-server as modules' 'Version: $(VERSION)' 'Cflags: -I$${includedir}' \
	    >$(DESTDIR)$(PKGCONFIGDIR)/policypool-handler.pc
	for f in $(HANDLERS); do \
	    install -D -m $$(test -x $$f && echo 755 || echo 644) $$f $(DESTDIR)$(SAMPLES)/$${f#examples/} || exit 1; done
	sed -i -e 's|/usr/local/share/doc/policypool/examples|$(SAMPLES)|' -e 's|/usr/local/lib/policypool|$(MODULEDIR)|' \
	    $(addprefix $(DESTDIR)$(SAMPLES)/,$(patsubst examples/%,%,$(filter %.conf,$(HANDLERS))))
	install -D -m 644 completions/policypool.bash $(DESTDIR)$(BASHCOMP)/ppool-ctl
	for p in proxy server client handler; do ln -sf ppool-ctl $(DESTDIR)$(BASHCOMP)/ppool-$$p || exit 1; done
	install -D -m 644 completions/_policypool $(DESTDIR)$(ZSHCOMP)/_policypool
	install -d $(DESTDIR)$(UNITDIR)
	for u in $(notdir $(SERVICES)); do \
	    sed 's|/usr/local/sbin/|$(SBINDIR)/|' etc/$$u >$(DESTDIR)$(UNITDIR)/$$u &&\
	    chmod 644 $(DESTDIR)$(UNITDIR)/$$u || exit 1; done
	for m in $(MANUALS); do \
	    install -D -m 644 /dev/null $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/} && \
	    sed 's/^\.Os$$/.Os policypool $(VERSION)/' $$m >$(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/} || exit 1; done

uninstall:
	rm -f $(addprefix $(DESTDIR)$(SBINDIR)/,ppool-server ppool-proxy ppool-ctl) $(addprefix $(DESTDIR)$(BINDIR)/,ppool-client ppool-handler)
	for m in $(MANUALS); do rm -f $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/} || exit 1; done
	rm -f $(LAYERS:%=$(DESTDIR)$(BASHCOMP)/ppool-%) $(DESTDIR)$(ZSHCOMP)/_policypool
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(SERVICES)))
	rm -rf $(DESTDIR)$(DOCDIR) $(DESTDIR)$(INCLUDEDIR)/policypool $(DESTDIR)$(PYTHONDIR)/policypool.py
	rm -f $(DESTDIR)$(PKGCONFIGDIR)/policypool-handler.pc $(addprefix $(DESTDIR)$(MODULEDIR)/,redact.so upper)

# The tree as committed, with the version in its name.
dist:
	git archive --prefix=policypool-$(VERSION)/ -o policypool-$(VERSION).tar.gz HEAD

# A Debian package of the programs, in build/; needs dpkg-dev.
deb: all
	+packaging/build $(VERSION) $(B)

clean:
	rm -rf build build-*

-include $(shell find $(B) -name '*.d' 2>/dev/null)
