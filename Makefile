# What a developer asks for: `make`, `make demo`, `make test`, `make bench`, `make install`, `make uninstall`.
# `make peers` installs what `make bench` measures Netloom beside; without it those columns stay empty.

CARGO ?= cargo
PREFIX ?= /usr/local
DESTDIR ?=
TOOLS := $(CURDIR)/target/tools

.PHONY: all deps bird clients demo test check unit vm soak fuzz bench peers install uninstall clean

all: deps
	$(CARGO) build --release

# Installs what is missing, and does nothing where nothing is.
deps:
	@./tests/deps

demo: deps
	@start=$$(date +%s); \
	$(CARGO) build -q -p cli -p daemon -p acceptance --bins && target/debug/demo && \
	echo "make demo took $$(( $$(date +%s) - start )) s"

test: deps $(TOOLS)/bin/cargo-deny
	@start=$$(date +%s); $(MAKE) --no-print-directory check unit vm && \
	echo "make test took $$(( $$(date +%s) - start )) s"

check: $(TOOLS)/bin/cargo-deny
	$(CARGO) fmt --all --check
	$(CARGO) clippy -q --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc -q --workspace --no-deps --document-private-items
	$(CARGO) run -q -p xtask -- tidy
	PATH="$(TOOLS)/bin:$$PATH" $(CARGO) deny --all-features check bans licenses sources

# The programs are built with fault injection, which the tests of crashes need. The properties are tried on the same
# cases in each run; another PROPTEST_RNG_SEED tries others.
unit: bird
unit: export PROPTEST_RNG_SEED ?= 20261123
unit:
	$(CARGO) build -q --workspace --bins --all-features
	if ./tests/clients; then export NETLOOM_REQUIRE_CLIENTS=1; fi; \
	$(CARGO) test --workspace --all-features --no-fail-fast

# The routing daemon that a test runs beside Netloom; without it that test is skipped.
bird:
	-@./tests/bird

# The programs that drive netloom at a terminal and over SSH, and another NETCONF client. Where they cannot be installed,
# those tests are skipped, or fail if NETLOOM_REQUIRE_CLIENTS is set. Where they can, none of them is skipped.
clients:
	@./tests/clients

# What the host's kernel lacks, on Debian's.
vm:
	tests/vm/kinds
	tests/vm/clock

# Random work on a real daemon, and what must hold after each piece of it: make soak SECONDS=60 SEED=1.
soak: SECONDS ?= 3600
soak: deps
	$(CARGO) build -q --workspace --bins --all-features
	target/debug/soak --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

# Random requests, files and kernel states, and what must hold after each of them: make fuzz SECONDS=600 SEED=1.
fuzz: SECONDS ?= 600
fuzz: deps
	$(CARGO) build -q -p acceptance --bin fuzz
	target/debug/fuzz --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

# All cases, kept in bench/results.json and the documents; or some, for a look: make bench CASES="routes/1000 netnses".
bench: deps
	$(CARGO) build -q --release -p cli -p daemon -p acceptance --bins
	target/release/bench $(CASES)

peers:
	$(CARGO) install -q --locked --path bench/peers/nmstate --root $(TOOLS)/nmstate --target-dir $(TOOLS)/build
	rm -rf $(TOOLS)/build
	python3 -m venv $(TOOLS)/pyroute2
	$(TOOLS)/pyroute2/bin/pip install -q pyroute2==0.9.7

install: all
	install -D -m 755 target/release/netloom $(DESTDIR)$(PREFIX)/bin/netloom
	install -D -m 755 target/release/netloomd $(DESTDIR)$(PREFIX)/sbin/netloomd
	install -d $(DESTDIR)/lib/systemd/system
	sed 's|^ExecStart=.*|ExecStart=$(PREFIX)/sbin/netloomd|' dist/netloomd.service \
		> $(DESTDIR)/lib/systemd/system/netloomd.service

# The host is first given back as it was before; the configuration stays in the state directory.
uninstall:
	-@if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]; then systemctl disable --now netloomd; fi
	@if [ -z "$(DESTDIR)" ] && [ -d /var/lib/netloom ]; then $(PREFIX)/sbin/netloomd --release; fi
	rm -f $(DESTDIR)$(PREFIX)/bin/netloom $(DESTDIR)$(PREFIX)/sbin/netloomd
	rm -f $(DESTDIR)/lib/systemd/system/netloomd.service

clean:
	$(CARGO) clean

$(TOOLS)/bin/cargo-deny:
	$(CARGO) install -q --locked --root $(TOOLS) --target-dir target/tools/build cargo-deny@0.20.2
	rm -rf target/tools/build
