#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# With docs=enabled the reference is installed, and `man vdev_removal_request` gives its full text.
. "$(dirname "$0")/stage.sh"
need doxygen
need dot
need man

# A build of its own: docs are built and installed only when asked for.
own=$(mktemp -d "${TMPDIR:-/tmp}/vdev-manual.XXXXXX")
trap 'rm -rf "$stage" "$own"' EXIT
meson setup "$own/build" "$source" -Ddocs=enabled -Dtests=false -Dexamples=false -Dbench=disabled \
  --prefix /usr >"$own/log" 2>&1 && ninja --quiet -C "$own/build" >>"$own/log" 2>&1 || {
  tail -n 60 "$own/log"
  exit 1
}
build=$own/build
stage_it

wrong() {
  echo "FAIL: $*"
  exit 1
}

# says PAGE TEXT: an installed page holds the text, however man breaks its lines
says() {
  man -M "$stage/usr/share/man" "$1" </dev/null | col -b | tr -s ' \n' ' ' | grep -F "$2" >/dev/null ||
    wrong "man $1 does not say '$2'"
}

export MANWIDTH=100 LC_ALL=C.UTF-8
says vdev_removal_request 'Asking again joins the pending operation'
says vdev_runtime_dispatch EDEADLK
other=$(find "$stage/usr/share/man" -type f ! -name 'vdev*.3' ! -name vdevctl.1)
[ -z "$other" ] || wrong "not a page of ours: $other"
if grep -rl '^\.so ' "$stage/usr/share/man"; then
  wrong "a page that only leads to another one"
fi
test -s "$stage/usr/share/doc/libvdevmgmt/html/index.html" || wrong "no HTML"
echo "$(find "$stage/usr/share/man" -type f | wc -l) man pages, $(find "$stage/usr/share/doc" -type f | wc -l) files of HTML"
