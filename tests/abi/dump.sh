#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# usage: dump.sh LIBRARY.so INCLUDE OUT.abi: the public interface of a library, as the baseline has it.
# Both sides of a comparison are made here: abidiff with --headers-dir on a baseline without locations takes
# every type for a private one and sees nothing.
exec abidw --headers-dir "$2" --drop-private-types --exported-interfaces-only --no-corpus-path \
  --no-comp-dir-path --no-show-locs --out-file "$3" "$1"
