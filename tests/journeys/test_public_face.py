from __future__ import annotations

import ast
import inspect
import subprocess
import sys

import pytest

import twinnet


@pytest.mark.parametrize("name", twinnet.__all__)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    value = getattr(twinnet, name)
    assert value.__doc__
    assert value.__name__ == name


def test_the_types_that_checkers_see_are_the_names_that_run() -> None:
    tree = ast.parse(inspect.getsource(twinnet))
    typed = next(node for node in tree.body if isinstance(node, ast.If))
    names = {alias.name for node in typed.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names == set(twinnet.__all__) == set(twinnet._HOME)
    assert dir(twinnet) == twinnet.__all__
    assert list(twinnet._HOME) == sorted(twinnet._HOME)


def test_every_error_can_be_caught_by_its_public_name() -> None:
    from twinnet.core import errors

    found = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert found <= set(twinnet.__all__)
    assert all(issubclass(getattr(twinnet, name), twinnet.TwinnetError) for name in found)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'twinnet' has no attribute 'trian'"):
        twinnet.trian  # noqa: B018


def test_importing_twinnet_loads_nothing_heavy() -> None:
    program = "import sys, twinnet; print(sorted({'torch', 'numpy', 'sklearn', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
