#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# vdevctl runs from the installed tree; its man page and its completion are where they are looked for.
. "$(dirname "$0")/stage.sh"
stage_it

tool=$(find "$stage" -path '*/bin/vdevctl' -type f)
env LD_LIBRARY_PATH="$libdir" "$tool" topology
env LD_LIBRARY_PATH="$libdir" "$tool" --version
# The program that reads PCI devices is found below the same prefix, wherever that was put.
if [ -n "$(find "$stage" -path '*/libexec/libvdevmgmt/vdev-pci-reader' -type f)" ]; then
  env LD_LIBRARY_PATH="$libdir" "$tool" inventory --from-dump "$source/tests/inventory/dumps/sriov.txt" | grep 'VF of 3b:00.0'
fi
for path in man/man1/vdevctl.1 bash-completion/completions/vdevctl; do
  test -n "$(find "$stage" -path "*/share/$path" -type f -size +0)" || {
    echo "FAIL: share/$path is not installed"
    exit 1
  }
done
