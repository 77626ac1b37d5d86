# Everything is set up by the target itself: `make demo` and `make test` work in a fresh clone.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test check format venv docs bench help clean

help:
	@echo "make demo    train twins on invented characters and judge them on real digits (under 5 minutes on 2 cores)"
	@echo "make test    install what the tests need, and run them"
	@echo "make check   lint, types, import contract"
	@echo "make venv    the environment only, in .venv"
	@echo "make docs    write docs/cli.md anew from the commands"
	@echo "make bench   the Omniglot table: make bench OMNIGLOT=images_background.zip"

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"twinnet needs Python 3.11 or newer; this is {v[0]}.{v[1]}. Next: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	# torch first and by its pin: asked for as a range, a newer build with gigabytes of GPU libraries may be chosen.
	$(BIN)/pip install -q -c constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: venv
	$(BIN)/twinnet demo -o demo

test: venv
	$(BIN)/python -m pytest -n 2 --dist loadscope

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: venv
	$(BIN)/python -m twinnet.cli.reference > docs/cli.md

bench: venv
	@test -n "$(OMNIGLOT)" || (echo "say where the data is: make bench OMNIGLOT=images_background.zip"; exit 2)
	$(BIN)/python benchmarks/omniglot.py --data "$(OMNIGLOT)"

clean:
	rm -rf $(VENV) demo build .pytest_cache .ruff_cache .mypy_cache
