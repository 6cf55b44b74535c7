# The commands of this project; the build itself is Meson's. `make help` lists them.
# On a machine that lacks the tools, `./bootstrap TARGET` installs them and then does the same.

BUILD = build
# Processors to use, for the build and the studies; all that there are unless given.
JOBS =
# Options passed on to the study or studies: make init-he ARGS="--runs 2 --activation relu"
ARGS =
# Studies use OpenBLAS from one thread at a time: its own would only spin at the start.
export OPENBLAS_NUM_THREADS = 1
# What to build; everything unless given.
TARGETS =
# Options for `meson setup`, the first time.
CONFIGURE =

# In the order of studies/meson.build: the studies of first weights, and those of training. What
# init-custom and train do, their user says.
ALL := $(filter $(patsubst studies/%.c,%,$(wildcard studies/*.c)),\
                $(shell tr -s "[]', " '\n' <studies/meson.build))
CUSTOM = init-custom train
STUDIES := $(filter-out $(CUSTOM),$(filter init-%,$(ALL)))
TRAINING := $(filter-out $(CUSTOM) init-%,$(ALL))
SOURCES = $(wildcard lib/*.h lib/*/*.[ch] studies/*.c plots/*.[ch] tests/*/*.[ch])
NINJA = ninja --quiet -C $(BUILD) $(if $(JOBS),-j $(JOBS))
OPTIONS = $(if $(JOBS),--jobs $(JOBS)) $(ARGS)

.PHONY: help build studies training $(ALL) plots configured test bench mnist check-readers check-asan \
        check-portable check-tidy format-check format clean install

help:
	@echo 'make studies        build, run every study, print its table, write results/NAME.h5'
	@echo 'make training       the same for the studies of training, on MNIST after `make mnist`'
	@echo 'make NAME           one study alone: $(STUDIES)'
	@echo '                    $(TRAINING)'
	@echo 'make init-custom    your own scheme: ARGS="--initializer he_uniform:gain=1.1"'
	@echo 'make train          your own net: ARGS="--depth 3 --batch-norm on --snapshot FILE"'
	@echo 'make plots          draw plots/*.svg and *.png: of the studies, run where they are missing, and'
	@echo '                    of those of training that have been run'
	@echo 'make test           build and run the tests'
	@echo 'make bench          everything against the peak of this machine, and against NumPy and PyTorch'
	@echo 'make mnist          bring MNIST into data/, for --input data/train-images-idx3-ubyte'
	@echo 'make check-readers  read the files of the studies with h5py, xarray and Octave'
	@echo 'make check-asan     tests and small studies under AddressSanitizer and UBSan'
	@echo 'make check-portable tests with the reference BLAS, and the same numbers on other processors'
	@echo 'make check-tidy     clang-tidy; make format-check: clang-format; make format: apply it'
	@echo 'make install        programs, library and header under PREFIX (/usr/local), or DESTDIR'
	@echo 'make clean          remove the build, keep the results'
	@echo 'Variables: ARGS="--runs 2 ..." (passed on to the study), JOBS=N, BUILD=build'

$(BUILD)/build.ninja:
	@meson setup $(CONFIGURE) $(BUILD) >&2

# What builds speaks on standard error: `make init-he ARGS=--csv >file` holds the study's output.
build: $(BUILD)/build.ninja
	@mkdir -p results
	@$(NINJA) $(TARGETS) >&2

# One after the other: each uses all processors.
studies: build
	@set -e; for study in $(STUDIES); do $(BUILD)/studies/$$study $(OPTIONS); done

training: $(TRAINING)

# Its figure shows the loss by the second too.
minibatch: OPTIONS += --clock
# One after the other here too, whatever MAKEFLAGS say.
.NOTPARALLEL:
$(ALL): build
	@$(BUILD)/studies/$@ $(OPTIONS)

plots: build $(filter studies training $(STUDIES) $(TRAINING),$(MAKECMDGOALS))
	@set -e; for study in $(STUDIES); do \
	    test -e results/$$study.h5 || $(BUILD)/studies/$$study $(OPTIONS); \
	done
	@sh plots/draw.sh $(BUILD)

# Criterion may have been installed since the build was configured: then configure it again.
CONFIGURED = test "$$(meson introspect $(BUILD) --tests)" != '[]'
configured: $(BUILD)/build.ninja
	@$(CONFIGURED) || meson setup --reconfigure $(BUILD) >&2
	@$(CONFIGURED) || { echo 'make test: Criterion is missing; try ./bootstrap test' >&2; exit 1; }

test: configured build
	@probe=$$(mktemp /dev/shm/fanin.XXXXXX) && rm -f "$$probe" || \
	    { echo 'make test: Criterion needs a writable /dev/shm (mount -t tmpfs tmpfs /dev/shm)' >&2; \
	      exit 1; }
	@meson test -C $(BUILD) --print-errorlogs $(if $(TARGETS),--no-rebuild) $(ARGS); found=$$?; \
	    grep -h '^skipped: ' $(BUILD)/meson-logs/testlog.txt; exit $$found

PYTHON = $(firstword $(wildcard /usr/bin/python3) python3)
bench: build
	@$(NINJA) tests/bench/bench
	@$(BUILD)/tests/bench/bench --studies $(BUILD)/studies --scratch $(BUILD)/bench.h5 \
	    --output $(BUILD)/bench.json
	@$(PYTHON) -c "" 2>/dev/null || { echo "peers: Python is missing; nothing was compared"; exit 0; }; \
	    $(PYTHON) tests/bench/peers.py $(BUILD)/tests/bench/bench $(BUILD)/studies \
	        $(BUILD)/bench.h5 $(BUILD)/bench.json
	@echo; echo 'make bench: wrote $(BUILD)/bench.json'

mnist:
	@sh tests/data/mnist.sh data

check-readers: build
	@$(BUILD)/studies/init-he --runs 2 --quiet --output $(BUILD)/readers.h5
	@sh tests/readers/run.sh $(BUILD)/readers.h5

# Criterion forgives leaks (its workers do not end by exit): the studies themselves show them. The
# library's own products are checked by their tests; all networks by them would take minutes.
SANITIZE = -Dgemm=blas -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
           -Dc_args=-fno-sanitize-recover=all\ -g1 -Dcpp_args=-fno-sanitize-recover=all\ -g1
check-asan: export ASAN_OPTIONS = detect_leaks=1
check-asan: export UBSAN_OPTIONS = print_stacktrace=1
check-asan:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)-asan CONFIGURE='$(SANITIZE)' \
	    ARGS='--no-suite mnist' test
	@set -e; for study in $(STUDIES); do \
	    $(BUILD)-asan/studies/$$study --depth 3 --width 20 --samples 30 --runs 2 \
	        --output $(BUILD)-asan/$$study.h5; \
	done
	@set -e; for study in $(TRAINING) train; do \
	    samples=$$(test $$study = finetune && echo 2500 || echo 300); \
	    $(BUILD)-asan/studies/$$study --data synthetic --samples $$samples --validation 60 \
	        --width 10 --points 2 --output $(BUILD)-asan/$$study.h5; \
	done
	@echo 'check-asan: no error and no leak'

# With the reference BLAS and LAPACK, also where the system prefers others: what calls them.
LINEAR = test-math test-net test-data test-training updates
check-portable: export LD_LIBRARY_PATH = $(subst $() ,:,$(wildcard /usr/lib/*/blas /usr/lib/*/lapack))
check-portable: build
	@$(MAKE) --no-print-directory BUILD=$(BUILD)-blas ARGS='$(addsuffix -float,$(LINEAR:test-%=%))' \
	    TARGETS='studies/init-he $(LINEAR:%=tests/%-float)' \
	    CONFIGURE='-Dblas=blas-netlib,lapack-netlib -Dgemm=blas' test
	@sh tests/portable/processors.sh $(BUILD)/studies/init-he $(BUILD)-blas/studies/init-he

check-tidy: build
	@printf '%s\n' $(filter-out tests/%,$(filter %.c,$(SOURCES))) | \
	    xargs -n 1 -P $(or $(JOBS),$(shell nproc)) clang-tidy -p $(BUILD) --quiet

format-check:
	@clang-format --dry-run -Werror $(SOURCES)

format:
	@clang-format -i $(SOURCES)

install: build
	@$(if $(PREFIX),meson configure $(BUILD) -Dprefix=$(PREFIX))
	@meson install -C $(BUILD)

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-blas
