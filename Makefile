# Two commands do everything on a fresh machine: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SAMPLE := samples/mysql97_cli_wrong-password.pcap
# Parts of the test run may be left out on a small machine: make test SERVERS=no
SERVERS ?= yes

# Tests start Python thousands of times: what they import is translated once, whatever is set outside.
unexport PYTHONDONTWRITEBYTECODE

# Many tests wait for servers and browsers: more of them at once than there are processors.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)

.PHONY: demo docs test lint format types collected pytest bench fuzz sanitize servers servers-stop tools samples golden clean example

# What is compiled where there is a C compiler: each module with a .pxd beside it. Installed anew when one changes.
HOT := $(shell find analyzer -name '*.pxd')

SOURCES := pyproject.toml analyzer/build_hook.py $(HOT) $(HOT:.pxd=.py)

$(BIN)/handshark: $(SOURCES)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@$(BIN)/handshark --version
	touch $@

# What tests need comes from the network while the processors compile. What runs for tests runs for others too.
$(VENV)/.test: $(SOURCES)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m tests.requirements dev > $(VENV)/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement $(VENV)/dev.txt & others=$$!; \
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .; code=$$?; wait $$others && exit $$code
	@$(BIN)/handshark --version
	touch $(BIN)/handshark $@

demo: $(BIN)/handshark ## Analyse a bundled sample, print, write reports/demo.html
	$(BIN)/handshark analyze -v $(SAMPLE)
	$(BIN)/handshark report $(SAMPLE) samples/mysql97_cli_full-auth-rsa.pcapng -o reports/demo.html
	@echo "reports/demo.html: open it in a browser"

tools: ## What tests need besides Python: tshark, tcpdump, a browser, a C compiler
	sh tests/install_tools.sh

docs: $(VENV)/.test ## Make the references, man pages and completions anew; build the documentation into docs/_build
	$(BIN)/python -m tests.docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build
	@echo "docs/_build/index.html: open it in a browser"

servers: $(VENV)/.test
	$(BIN)/python -m tests.servers up

servers-stop: $(VENV)/.test
	$(BIN)/python -m tests.servers down

lint: format types

format: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

test: ## Everything: tools, servers, all tests
	@sh tests/install_tools.sh compiler
	@$(MAKE) --jobs 2 --output-sync=recurse tools $(VENV)/.test
	@$(MAKE) --jobs 2 $(if $(filter yes,$(SERVERS)),servers) format collected || { \
	  if [ "$(SERVERS)" = yes ]; then $(MAKE) servers-stop; fi; exit 1; }
	@$(MAKE) --jobs 2 types pytest; code=$$?; \
	if [ "$(SERVERS)" = yes ]; then $(MAKE) servers-stop; fi; exit $$code
	$(BIN)/handshark corpus verify

# Each worker reads all tests: that they are translated, one does while servers start.
collected: $(VENV)/.test
	@said=$$($(BIN)/pytest --collect-only --quiet --quiet 2>&1) || { echo "$$said"; exit 1; }

pytest: $(VENV)/.test
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

bench: $(VENV)/.test ## The tables of docs/measured.md (ARGS=--large for 2 GB)
	$(BIN)/python -m tests.bench $(ARGS)

fuzz: $(BIN)/handshark ## Each target for a minute (SECONDS_EACH=60)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS_EACH),60)

sanitize: $(VENV)/.test ## The compiled modules with GCC's sanitizers: their tests, then changed captures for a minute
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	$(BIN)/python -m tests.fuzz.sanitized --seconds $(or $(SECONDS_EACH),60)

samples: $(VENV)/.test servers ## Make samples/ anew from real servers (as root, for tcpdump)
	$(BIN)/python -m tests.servers.make_samples
	$(MAKE) golden

golden: $(VENV)/.test ## Write the golden files anew; look at git diff before you commit
	$(BIN)/handshark corpus update
	$(BIN)/python -m tests.tables.make_answers

clean:
	find analyzer -name '*.so' -delete
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache build dist

EXAMPLE := mysql97_cli_fast-auth.pcap mysql97_cli_full-auth-rsa.pcapng mysql97_cli_wrong-password.pcap \
	mysql97_cli_tls12.pcapng mariadb118_cli_tls13.pcapng mariadb118_cli_parsec.pcapng mariadb1011_cli_native.pcap \
	mariadb1011_cli_unknown-user.pcap mysql97_raw_fault-silence-after-greeting.pcapng \
	mysql97_raw_fault-http-request.pcapng mysql97_raw_fault-drop-after-full-auth-request.pcapng

example: $(VENV)/.test ## Make reports/example.html and the README's pictures anew
	$(BIN)/handshark report $(addprefix samples/,$(EXAMPLE)) --title "Logins of every kind" -o reports/example.html
	$(BIN)/python -m tests.report.html.screenshots
