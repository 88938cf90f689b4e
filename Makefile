# What a newcomer and a developer run.  `make` alone lists it.
#
# Needs python3 (3.11 or newer) with venv, git and make; everything else goes into .venv, in the versions of constraints.txt.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq --no-build-isolation -c constraints.txt
SAMPLE := data/sample
# Names of extra arguments: make test PYTEST='-k settings', make bench BENCH='--scale 100k'
PYTEST ?=
BENCH ?=
SOAK ?=

.PHONY: help machine demo test lint wheel pytest soak bench clean

help: ## list what there is (the default)
	@sed -n 's/^\([a-z][a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile

machine: ## see whether this machine has what is needed
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { echo "$(PYTHON) is missing.  On Debian: apt-get install python3 python3-venv" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$("$(PYTHON)" -V 2>&1), and 3.11 or newer is needed.  On Debian 12 or newer: apt-get install python3 python3-venv;" >&2; \
	  echo "or name a newer one: make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv.  On Debian: apt-get install python3-venv" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ctypes, sqlite3, ssl' || { \
	  echo "$(PYTHON) was built without a module of the standard library (above).  On Debian: apt-get install python3" >&2; exit 1; }
	@command -v git >/dev/null 2>&1 || { echo "git is missing.  On Debian: apt-get install git" >&2; exit 1; }

# A stamp file per set of packages: as long as nothing changed, nothing is installed again.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(MAKE) --no-print-directory machine
	@echo "Installing into $(VENV); this takes about a minute ..."
	@rm -f $(VENV)/.installed $(VENV)/.installed-*
	@"$(PYTHON)" -m venv $(VENV)
	@$(PIP) setuptools
	@$(PIP) -e .
	@touch $@

$(VENV)/.installed-%: $(VENV)/.installed
	@echo "Installing what '$*' needs ..."
	@$(PIP) -e '.[$*]'
	@touch $@

demo: export LOCKER_DATA = data
demo: export LOCKER_OWNER = me
demo: $(VENV)/.installed ## install, import the sample archives into ./data and ask three questions
	@echo; echo "== Import: each archive becomes records in an append-only log (again: nothing is added)"
	$(BIN)/locker import mbox $(SAMPLE)/mail.mbox
	$(BIN)/locker import vcard $(SAMPLE)/contacts.vcf
	$(BIN)/locker import bookmarks $(SAMPLE)/bookmarks.html
	$(BIN)/locker import icalendar $(SAMPLE)/calendar.ics
	$(BIN)/locker import feed $(SAMPLE)/feed.xml $(SAMPLE)/subscriptions.opml
	$(BIN)/locker import twitter-archive $(SAMPLE)/twitter
	$(BIN)/locker import json $(SAMPLE)/people.ndjson --option mapping=$(SAMPLE)/people.map.json
	$(BIN)/locker import json $(SAMPLE)/imap.ndjson $(SAMPLE)/photos.ndjson
	@echo; echo "== Mails to Rand from Jason, at either address, with the tag singly"
	$(BIN)/locker get message --subtypes '[IMAP]' "[to:'rand.fitzpatrick@gmail.com', (from:'jason@singly.com' OR from:'jasoncavnar@gmail.com'), tag:'singly']"
	@echo; echo "== Photos of Jason or Jeremie at the Hashable Party"
	$(BIN)/locker get photo "[(tagged:'Jason Cavnar' OR tagged:'Jeremie Miller'), event:'Hashable Party']"
	@echo; echo "== Contacts in California, 21 or older, who have node.js in their bio"
	$(BIN)/locker get contact "[age:21+., address.state:'CA', bio:'node.js']" --limit 30
	@echo; echo "== Next: your locker lives in ./data.  Start the server (Ctrl-C ends it):"
	@echo "  $(BIN)/locker serve --trust-loopback"
	@echo "and ask the same over HTTP, in another terminal:"
	@echo "  curl -g \"http://127.0.0.1:8042/getMessages?subtypes=[IMAP]&terms=[to:'rand.fitzpatrick@gmail.com',%20(from:'jason@singly.com'%20OR%20from:'jasoncavnar@gmail.com'),%20tag:'singly']\""
	@echo "  curl -g \"http://127.0.0.1:8042/getPhotos?terms=[(tagged:'Jason%20Cavnar'%20OR%20tagged:'Jeremie%20Miller'),%20event:'Hashable%20Party']\""
	@echo "  curl -g \"http://127.0.0.1:8042/getContacts?terms=[age:21+.,%20address.state:'CA',%20bio:'node.js']&limit=30\""
	@echo "To ask a service for what is new:  $(BIN)/locker connect github   then   $(BIN)/locker sync   (docs/connectors.md: all services)"
	@echo "What became of a record:  $(BIN)/locker via vcard:1    Its history:  $(BIN)/locker show vcard:1    All commands:  $(BIN)/locker --help"

test: lint wheel pytest ## check everything: style, types, layers, the wheel, then the tests

lint: $(VENV)/.installed-test ## ruff, mypy (strict) and the layers
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

wheel: $(VENV)/.installed-test ## build the wheel and try it in an environment of its own
	tests/smoke_wheel.sh $(BIN)/python

# The last line of `make test` is pytest's, so this comes last.
pytest: $(VENV)/.installed-test ## the tests alone, on all cores, with coverage
	$(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered $(PYTEST)

soak: $(VENV)/.installed-test ## kill a sender of notifications 150 times, then count what ten thousand mixed requests left (SOAK='--kills 50 --rounds 3 --seed N')
	$(BIN)/python -m tests.faults $(SOAK)
	$(BIN)/python -m tests.mixed

bench: $(VENV)/.installed-test $(VENV)/.installed-bench ## measure against peers (BENCH='--scale 10k|100k|1m')
	$(BIN)/python -m tests.bench $(BENCH)

clean: ## remove what was built or cached, and .venv; never ./data
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
