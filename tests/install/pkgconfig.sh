#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A consumer through pkg-config, shared and static, of each library. Also: what is installed is complete
# and names itself right.
. "$(dirname "$0")/stage.sh"
need pkg-config
need readelf
stage_it

build_and_run() { # PACKAGE... (in one word) shared|static FLAGS...
  local package=$1 how=$2 exe=$stage/consumer-$2 flags
  shift 2
  if [ "$how" = static ]; then
    # shellcheck disable=SC2086
    flags="-static $(pkg-config --static --cflags --libs $package)"
  else
    # shellcheck disable=SC2086
    flags=$(pkg-config --cflags --libs $package)
  fi
  echo "cc $* consumer.c $flags" | sed "s|$stage||g"
  # shellcheck disable=SC2086
  ${CC:-cc} -Wall -Wextra -Werror "$@" -o "$exe" "$here/consumer.c" $flags
  if [ "$how" = static ]; then
    # With set -e a mere `! command` would not count.
    if readelf -d "$exe" | grep 'NEEDED.*vdevmgmt'; then
      echo "FAIL: the static consumer needs the shared library"
      exit 1
    fi
    expect_output "$exe"
  else
    readelf -d "$exe" | grep 'NEEDED.*libvdevmgmt\.so\.[0-9]'
    expect_output env LD_LIBRARY_PATH="$libdir" "$exe"
  fi
}

for how in shared static; do
  build_and_run vdevmgmt $how
  [ ! -f "$libdir/pkgconfig/vdevmgmt-linux.pc" ] || build_and_run vdevmgmt-linux $how -DUSE_LINUX
  [ ! -f "$libdir/pkgconfig/vdevmgmt-host.pc" ] || build_and_run 'vdevmgmt vdevmgmt-host' $how -DUSE_HOST
  [ ! -f "$libdir/pkgconfig/vdevmgmt-bpf.pc" ] || build_and_run 'vdevmgmt-linux vdevmgmt-bpf' $how -DUSE_BPF
done

version=$(pkg-config --modversion vdevmgmt)
readelf -d "$libdir/libvdevmgmt.so.$version" | grep 'SONAME.*libvdevmgmt\.so\.[0-9]*\]'
# Every header that users may include is there, and only those.
(cd "$source/include/vdev" && ls -- *.h && echo version.h) | sort >"$stage/wanted"
(cd "$stage$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=includedir vdevmgmt)/vdev" && ls) |
  sort >"$stage/got"
if [ -f "$libdir/pkgconfig/vdevmgmt-linux.pc" ] && [ -f "$libdir/pkgconfig/vdevmgmt-host.pc" ] &&
  [ -f "$libdir/pkgconfig/vdevmgmt-bpf.pc" ]; then
  diff "$stage/wanted" "$stage/got"
fi
echo "version $version, $(wc -l <"$stage/got") headers"
