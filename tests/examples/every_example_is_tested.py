# SPDX-License-Identifier: Apache-2.0
"""No example without a test here, and none that was not built."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import EXAMPLES, SOURCE_DIR, main


def test_every_example_is_named_by_a_test(directory):
    tests = [path.read_text() for path in pathlib.Path(__file__).parent.glob("*.py")]
    for source in (SOURCE_DIR / "examples").glob("*.cpp"):
        assert os.access(f"{EXAMPLES}/{source.stem}", os.X_OK), f"{source.stem} was not built"
        assert any(f'"{source.stem}"' in test for test in tests), f"{source.stem} has no test"
    for source in (SOURCE_DIR / "examples/c").glob("*.c"):
        assert f'"{source.stem}"' in pathlib.Path(__file__).with_name("in_c.py").read_text(), f"{source} has no test"


main(globals())
