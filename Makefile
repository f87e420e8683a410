# Two commands matter: `make up` sets up what is missing and serves; `make test` sets up what is missing and checks everything.
# The work is done by scripts/ (plain Python); settings such as PORT=8001 or TOWN=empty reach it through the environment.
ROOT := $(shell cd "$$(dirname "$(strip $(MAKEFILE_LIST))")" && pwd)
RUN = cd "$(ROOT)" && exec python3 -m scripts

.DEFAULT_GOAL := help
.PHONY: up test bench soak lock messages down fresh clean help python

up: python ## set up what is missing and serve on 127.0.0.1:8000 (PORT=8001, TOWN=empty, DATABASE_URL=...)
	@$(RUN) up

test: python ## set up what is missing; lint, types, imports, migrations, catalogues, all tests (TESTS="tests/ops -k port")
	@$(RUN) test

bench: python ## run the benchmarks and print their table
	@$(RUN) bench

soak: python ## property tests with full counts, load and fault tests
	@$(RUN) soak

down: python ## stop what runs in this folder
	@$(RUN) down

fresh: python ## put the database cluster aside (kept, not deleted), so that the next `make up` starts over
	@$(RUN) fresh

lock: python ## renew the lock files from pyproject.toml and package.json
	@$(RUN) lock

messages: python ## bring the Chinese catalogue up to the strings of the sources; lists what is left to translate
	@$(RUN) messages

clean: python ## remove packages and caches; databases and secrets stay
	@$(RUN) clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' "$(ROOT)/Makefile" | expand -t 16

python:
	@command -v python3 >/dev/null || { \
	  echo "Python 3.11 or newer is needed, and there is no python3 here."; \
	  echo "  -> Run: sudo apt-get update && sudo apt-get install -y --no-install-recommends python3 python3-venv"; exit 1; }
