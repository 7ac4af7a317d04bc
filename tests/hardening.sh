#!/usr/bin/env bash
# What a shipped program has to be: position independent, with read-only relocations bound at its
# start, and with glibc's checked functions. Usage: hardening.sh PROGRAM
set -euo pipefail

program=$1
failed=0

# expect WHAT PATTERN READELF-ARGS...
expect() {
  if [[ $(readelf -W "${@:3}" "$program" | grep -cE "$2") != 0 ]]; then
    echo "$program: $1"
  else
    echo "$program: not $1" >&2
    failed=1
  fi
}

expect 'position independent' 'Type:[[:space:]]+DYN' --file-header
expect 'relocations read-only' 'GNU_RELRO' --program-headers
expect 'bound at its start' 'FLAGS.*NOW' --dynamic
expect 'checked by _FORTIFY_SOURCE' '__[a-z]+_chk@' --dyn-syms
expect 'guarded against smashed stacks' '__stack_chk_fail' --dyn-syms
expect 'its stack not executable' 'GNU_STACK.* RW ' --program-headers
exit "$failed"
