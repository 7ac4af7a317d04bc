#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the page and the pictures that show what bench/run measured.

usage: report.py [RESULTS [OUT]]    bench/results and docs/benchmarks, by default

The same results make the same files, byte for byte.
"""

import sys
from pathlib import Path

from reporting import page, pictures, results

ROOT = Path(__file__).resolve().parent.parent


def write_report(results_dir: Path, out_dir: Path) -> list[Path]:
    """Writes index.html and the pictures into out_dir, and returns what it wrote."""
    rows = results.load(results_dir)
    files = pictures.pictures(rows) | {'index.html': page.page(rows)}
    out_dir.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in sorted(files.items()):
        path = out_dir / name
        path.write_text(text, encoding='utf-8')
        written.append(path)
    return written


def main():
    if len(sys.argv) > 3 or any(word.startswith('-') for word in sys.argv[1:]):
        sys.exit(__doc__)
    given = [Path(word) for word in sys.argv[1:]]
    directories = given + [ROOT / 'bench/results', ROOT / 'docs/benchmarks'][len(given):]
    try:
        for path in write_report(*directories):
            print(path)
    except results.Unusable as error:
        sys.exit(f'report: {error}')


if __name__ == '__main__':
    main()
