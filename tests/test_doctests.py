"""Every example in a docstring prints what it says."""

import doctest
import importlib

import pytest
from test_layers import modules

EXAMPLES = {
    name: tests
    for name in modules()
    if name not in ("__init__", "__main__")
    and (tests := [t for t in doctest.DocTestFinder().find(
        importlib.import_module(f"simlevel.{name}")) if t.examples])
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_a_file_run(name):
    for test in EXAMPLES[name]:
        result = doctest.DocTestRunner().run(test)
        assert result.failed == 0


def test_a_wrong_example_would_fail():
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(wrong, out=lambda _: None).failed == 1
