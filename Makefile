# The front door. The build itself is meson's; this names what one does with it.
#
#	make demo      build, put python3 into an enclave and run a program in it
#	make demo-hypervisor   the hypervisor in an emulated machine: a secret that root can't get at
#	make check     build and run every test
#	make bench     measure against native Linux; writes docs/PERFORMANCE.md
#	make bench-hypervisor   count what the hypervisor costs a Linux, in an emulated machine
#	make stress    stress-ng inside an enclave, each class for two minutes
#	make fuzz      each fuzzer, and the lying host, for FUZZ_SECONDS (60)
#	make fuzz-hypervisor    its calls at random, from the kernel, a program and an enclave, for FUZZ_SECONDS each
#	make install   DESTDIR= PREFIX=/usr/local
#	make format    clang-format every file;  make lint: the slower static checks
#	make docs      regenerate docs/COMPATIBILITY.md
#	make prove     the hypervisor's frames, page tables and protocols, and that planted mistakes are found
#	make tcb       count the lines of the hypervisor, which its enclaves trust
#	make clean

PREFIX ?= /usr/local
BUILD := build
JOBS ?= $(shell nproc)
export CASEMATE_LIBOS ?= $(CURDIR)/$(BUILD)/platform/libos-simulation.elf
C_FILES = $(shell git ls-files '*.c' '*.h')

.PHONY: all demo demo-hypervisor check bench bench-hypervisor fuzz-hypervisor stress deps install docs format lint fuzz prove tcb clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) -j$(JOBS)

$(BUILD)/build.ninja:
	@tools/install-deps.sh build
	@meson setup $(BUILD)

demo:
	@BUILD=$(BUILD) JOBS=$(JOBS) tools/demo.sh

.PHONY: hypervisor-build
hypervisor-build: deps-check
	@[ -f $(BUILD)/build.ninja ] || meson setup -Dhypervisor=true $(BUILD)
	@meson configure -Dhypervisor=true $(BUILD)
	@ninja -C $(BUILD) -j$(JOBS) --quiet

demo-hypervisor: hypervisor-build
	@BUILD=$(CURDIR)/$(BUILD) python3 tests/hypervisor/boot.py --machines 2 --tests demo --tell

check:
	@tools/install-deps.sh check
	@tests/run -j$(JOBS)

bench: deps-bench all
	@bench/run.py --build $(BUILD)

bench-hypervisor: hypervisor-build
	@BUILD=$(CURDIR)/$(BUILD) python3 tests/hypervisor/boot.py --machines counted

STRESS_SECONDS ?= 120
stress: deps-check all
	@STRESS_SECONDS=$(STRESS_SECONDS) tests/run --timeout $$((16 * ($(STRESS_SECONDS) + 300))) applications/stress-ng

deps: deps-build deps-check deps-bench
deps-%:
	@tools/install-deps.sh $*

install: $(BUILD)/build.ninja
	@meson configure $(BUILD) --prefix=$(PREFIX)
	@ninja -C $(BUILD) -j$(JOBS)
	@DESTDIR=$(DESTDIR) meson install --no-rebuild -C $(BUILD)

docs:
	@tools/compatibility.py >docs/COMPATIBILITY.md.new
	@mv docs/COMPATIBILITY.md.new docs/COMPATIBILITY.md

format:
	@clang-format -i $(C_FILES)

lint: deps-lint all
	@cppcheck --quiet --enable=warning,portability --inline-suppr --error-exitcode=1 \
		--std=c11 -I . $(filter %.c,$(C_FILES))
	@clang-tidy -p $(BUILD) --quiet $(filter %.c,$(C_FILES))

FUZZ_SECONDS ?= 60
fuzz: deps-check all
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run -j$(JOBS) --timeout $$(($(FUZZ_SECONDS) + 600)) \
		unit/clang/fuzz system/run_hostile_host

fuzz-hypervisor: hypervisor-build
	@BUILD=$(CURDIR)/$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) python3 tests/hypervisor/boot.py --machines fuzz,fuzz-debug

prove: deps-prove
	@PROVE=all tests/run --timeout 7200 checks/spin checks/frama_c checks/eva

tcb:
	@tools/tcb.py

clean:
	rm -rf $(BUILD) build-clang build-asan
