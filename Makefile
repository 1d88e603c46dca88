# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make help` lists the targets. The work is done by scripts/ and tests/: here
# are the names, and what needs what.

K ?= $(if $(KSRC),$(shell scripts/tree-version $(KSRC)),6.12)
ARCH ?= x86_64
V ?=
SLOTS ?= y
STOCK ?=
CPUS ?= 2

# SLOTS=n and STOCK=1 are the variants that have a name of their own.
variant := $(if $(STOCK),stock,$(if $(filter n,$(SLOTS)),noslots,$(V)))

# kbuild and the tools take their own ARCH and V, if any.
MAKEOVERRIDES :=
unexport ARCH V K
ifdef KSRC
override KSRC := $(abspath $(KSRC))
export KSRC
endif

tool_dir := tools/tracing/uprobe-slots
selftests_dir := tests/selftests/uprobe_slots

.PHONY: help
help: ## list the targets
	@echo 'Targets:'
	@awk -F ':.*## ' '/^[a-z][a-z0-9_-]*:.*## / { printf "  %-21s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'Variables:'
	@echo '  K=6.12|7.3           kernel version (default 6.12)'
	@echo '  KSRC=DIR             use this kernel source, not the distribution'"'"'s'
	@echo '  ARCH=x86_64|arm64    architecture (default x86_64)'
	@echo '  SLOTS=n              build with CONFIG_UPROBE_SLOTS=n'
	@echo '  STOCK=1              build without our changes'
	@echo '  V=NAME               build with tests/vm/debug-NAME.config'
	@echo
	@echo "Suites of make test T='NAME...':"
	@tests/run -l | fmt -w 76 | sed 's/^/  /'

.PHONY: deps
deps: ## install the Debian packages that the targets below need (as root)
	scripts/install-deps

.PHONY: source
source: ## fetch the kernel source K into the cache
	@scripts/fetch-source $(K)

.PHONY: tree
tree: ## lay the private kernel tree build/tree-K: source, hooks, links to the new files
	@scripts/lay-tree $(K) $(if $(STOCK),stock)

.PHONY: refresh
refresh: ## write what was edited in build/tree-K back to kernel/hooks/K
	@scripts/refresh-hooks $(K)

.PHONY: kernel
kernel: ## build the test kernel K for ARCH (SLOTS=n, STOCK=1, V=NAME: variants)
	@scripts/build-kernel $(K) $(ARCH) $(variant)

.PHONY: root-arm64
root-arm64: ## make the root file system of arm64 guests
	@tests/vm/root-arm64

.PHONY: tool
tool: ## build the command-line tool
	@$(MAKE) -C $(tool_dir) O=$(CURDIR)/build/tool

.PHONY: perf
perf: ## build perf of kernel K, with Python: build/perf-K/perf
	@scripts/build-perf $(K)

.PHONY: install-perf-scripts
install-perf-scripts: ## put the perf script where the installed perf looks (as root; DESTDIR)
	@$(MAKE) -C tools/perf install

.PHONY: selftests
selftests: ## build the tests that run in a guest
	@$(MAKE) -C $(selftests_dir) ARCH=$(ARCH)

.PHONY: shell
shell: kernel $(if $(filter arm64,$(ARCH)),root-arm64,tool) ## boot kernel K and give a shell in it, with the tool (Ctrl-A X ends it)
	@tests/vm/run -i -k $(K) -a $(ARCH) -c $(CPUS) $(if $(variant),-V $(variant)) \
		-e PATH=$(CURDIR)/build/tool:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

.PHONY: demo
demo: ## show the main job on redis: reuse off, on, tuned at run time
	@tests/demo/run -k $(K)

.PHONY: test
test: ## build all kernels and run the suites, on 6.12, 7.3 and 6.12 arm64 (T='NAME...': these)
	@tests/run $(T)

.PHONY: check
check: ## the quick suites: no kernel is built that is not there (5 minutes)
	@tests/run quick

.PHONY: test-off
test-off: ## the tests that need no slots, on 7.3 built with CONFIG_UPROBE_SLOTS=n
	@tests/run 7.3-x86_64-noslots cli-off

.PHONY: test-debug
test-debug: ## all tests and long stresses of K on debug kernels: KASAN, lockdep, ..., and KCSAN (hours)
	@tests/debug/run -k $(K)

.PHONY: test-peers
test-peers: ## the kernel's own tests of what uprobes live with, K stock and ours: the same results?
	@tests/peers/run $(K)

.PHONY: test-perf
test-perf: perf ## the tests of perf, trace-cmd and bpftrace with perf of K, on K (CI has Debian's perf)
	@tests/perf/run -p $(K) $(K)

.PHONY: series
series: ## make a series for git am of build/tree-K (default 7.3); CHECK=1 builds each commit
	@kernel/series/mkseries.sh $(if $(CHECK),-b) $(if $(KSRC)$(filter-out file,$(origin K)),$(K),7.3)

.PHONY: test-tool
test-tool: ## the tool's tests with sanitizers, then under valgrind: no root, no guest
	@tests/cli/run -s asan
	@tests/cli/run -s valgrind

.PHONY: unit
unit: ## run the allocator in userspace, under sanitizers: no root, no guest
	@$(MAKE) -C tests/unit

.PHONY: mutants
mutants: ## break the allocator in listed ways; make unit has to notice each
	@$(MAKE) -C tests/unit mutants

.PHONY: kunit
kunit: kernel ## run the KUnit suites in the test kernel K, by kunit.py
	@tests/vm/kunit $(K) $(ARCH)

.PHONY: litmus
litmus: ## check the orderings of the protocol with herd7
	@tests/litmus/run

.PHONY: spin
spin: ## check all interleavings of a small model with spin
	@tests/spin/run

# K and ARCH narrow these down only if they were given.
given = $(filter command environment,$(firstword $(origin $1)))
bench_words := --build $(if $(call given,K)$(KSRC),-k $(K)) $(if $(call given,ARCH),-a $(ARCH))

.PHONY: bench-cost
bench-cost: ## instructions and shared accesses per hit, against the stock kernel
	@tests/bench/cost $(bench_words) --json build/bench/cost.json

.PHONY: bench-trig
bench-trig: ## hits a second, emulated, against the stock kernel (QUICK=1: a few)
	@tests/bench/trig $(bench_words) --json build/bench/trig.json $(if $(QUICK),--quick)

.PHONY: coverage
coverage: ## how many traps probes on entries and rets of real programs take (7.3; downloads 20 MB)
	@tests/coverage/run

.PHONY: lengths
lengths: ## the lengths of instructions that may share a slot, against this machine's CPU
	@tests/lengths/run

.PHONY: differential
differential: kernel ## instructions of real programs, native against probed, on K, all of them (hours)
	@tests/differential/run -k $(K) full

.PHONY: lint
lint: ## check style: shell, python, the new kernel files
	@tests/lint/run

.PHONY: clean
clean: ## remove build/ (the cache of downloads stays)
	rm -rf build
	@for dir in $(tool_dir) $(selftests_dir); do \
		if [ -e $$dir/Makefile ]; then $(MAKE) -C $$dir clean; fi; \
	done
