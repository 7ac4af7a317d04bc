# SPDX-License-Identifier: Apache-2.0
"""Paths as other libraries take them: a text that is the path and nothing else."""

from __future__ import annotations

import os

StrOrBytesPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]


def address_of(path: StrOrBytesPath) -> bytes:
    """The address of exactly this path: "fd:3" and "@name" are files here. A leading NUL is an
    abstract name."""
    name = os.fsencode(path)
    return b"@" + name[1:] if name.startswith(b"\0") else b"unix:" + name
