# SPDX-License-Identifier: BSD-3-Clause
# Sourced by the tests of this folder: installs the build into a folder of its own and finds what a user
# would find. usage of each: TEST.sh BUILD-DIR SOURCE-DIR
# shellcheck shell=bash
set -eu -o pipefail
build=$1 source=$2
here=$source/tests/install
stage=$(mktemp -d "${TMPDIR:-/tmp}/vdev-install.XXXXXX")
trap 'rm -rf "$stage"' EXIT

need() {
  if ! command -v "$1" >/dev/null; then
    echo "skip: $1 is not installed"
    exit 77
  fi
}

stage_it() {
  # DESTDIR, and pkg-config's word for the same, so that nothing outside of the folder is touched.
  meson install -C "$build" --no-rebuild --quiet --destdir "$stage" >"$stage.log" 2>&1 || {
    cat "$stage.log"
    exit 1
  }
  rm -f "$stage.log"
  local pc
  pc=$(find "$stage" -name vdevmgmt.pc)
  # Behind it the system's, for what our libraries need.
  PKG_CONFIG_LIBDIR=${pc%/*}:$(pkg-config --variable=pc_path pkg-config)
  export PKG_CONFIG_SYSROOT_DIR=$stage PKG_CONFIG_LIBDIR
  # A prefix of /usr would otherwise count as a system path and be left out.
  export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
  export libdir=$stage$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=libdir vdevmgmt)
}

expect_output() { # COMMAND...: runs it and compares with what the consumer has to print
  local got
  got=$("$@")
  echo "$got"
  [ "$(echo "$got" | tail -n 1)" = "removed" ] || {
    echo "FAIL: the consumer did not get as far as 'removed'"
    exit 1
  }
}
