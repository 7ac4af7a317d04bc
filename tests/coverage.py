#!/usr/bin/env python3
"""Prints line and branch coverage per layer, and fails below the bounds.

usage: coverage.py SUMMARY     what `gcovr --json-summary` wrote, with paths relative to the root

A layer is its folder below src/ and the public headers that name it in a comment "// Layer: ...".
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYER_COMMENT = re.compile(r'^// Layer: (\w+)$', re.MULTILINE)

# Least percentage of branches.
BOUNDS = {'wire': 95.0, 'all': 85.0}


def layer_of(filename):
    parts = Path(filename).parts
    if parts[0] == 'src':
        return parts[1]
    if 'layers' in parts:  # a private header, by its include root in the build tree
        return parts[parts.index('layers') + 1]
    named = LAYER_COMMENT.search((ROOT / filename).read_text())
    return named[1] if named else None


def percentage(covered, total):
    return 100.0 * covered / total if total else 100.0


def main():
    layers = {}
    for file in json.loads(Path(sys.argv[1]).read_text())['files']:
        for layer in (layer_of(file['filename']), 'all'):
            if layer is None:
                continue
            sums = layers.setdefault(layer, [0, 0, 0, 0])
            for i, key in enumerate(('line_covered', 'line_total', 'branch_covered',
                                     'branch_total')):
                sums[i] += file[key]
    if not set(BOUNDS) <= set(layers):
        sys.exit('coverage: nothing was measured')

    print(f'{"layer":<10} {"lines":>7} {"branches":>9}')
    failed = False
    for layer in sorted(layers, key=lambda name: (name == 'all', name)):
        lines = percentage(*layers[layer][:2])
        branches = percentage(*layers[layer][2:])
        below = branches < BOUNDS.get(layer, 0.0)
        failed = failed or below
        note = f'  below the bound of {BOUNDS[layer]} %' if below else ''
        print(f'{layer:<10} {lines:6.1f}% {branches:8.1f}%{note}')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
