#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# usage: listed.sh CRASHES NAME...: each input below the folder is one of the names, so that each is a test.
folder=$1
shift
status=0
for file in "$folder"/*/*; do
  case " $* " in
  *" ${file#"$folder"/} "*) ;;
  *)
    echo "FAIL $file is not in tests/fuzz/meson.build"
    status=1
    ;;
  esac
done
echo "$# inputs that once crashed"
exit $status
