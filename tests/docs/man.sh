#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# usage: man.sh MAN3-FOLDER INCLUDE: each call of the headers has a man page with its full text, which man
# formats without a complaint; none is a stub that leads to another page.
set -u
pages=$1 include=$2 failed=0 seen=0
if ! command -v man >/dev/null; then
  echo "skip: man is not installed (Debian: man-db)"
  exit 77
fi
if [ ! -d "$pages" ]; then
  echo "skip: the man pages have not been built (ninja -C build docs/man3)"
  exit 77
fi
export LC_ALL=C.UTF-8 MANWIDTH=100 MANROFFOPT=-ww

wrong() {
  echo "FAIL $1"
  failed=1
}

for name in $(sed -n '/^VDEV_API/,/;/p' "$include"/vdev/*.h | grep -o '\bvdev_[a-z_]*(' | tr -d '(' | sort -u); do
  seen=$((seen + 1))
  page=$pages/$name.3
  if [ ! -s "$page" ]; then
    wrong "$name has no page"
    continue
  fi
  grep -q '^\.so ' "$page" && wrong "$name is a stub"
  text=$(man --warnings=w -l "$page" 2>&1 </dev/null | col -b)
  for section in NAME SYNOPSIS DESCRIPTION; do
    grep -qx "$section" <<<"$text" || wrong "$name: no section $section"
  done
  grep -q "warning:" <<<"$text" && wrong "$name: $(grep -m1 'warning:' <<<"$text")"
done
# The text of the header is in the page, not only its frame.
man -l "$pages/vdev_removal_request.3" </dev/null | col -b | tr -s ' \n' ' ' |
  grep 'Asking again joins the pending operation' >/dev/null || wrong "vdev_removal_request: text of the header is missing"
man -l "$pages/vdev_removal_config.3" </dev/null | col -b | grep 'max_units' >/dev/null ||
  wrong "vdev_removal_config: fields are missing"
echo "$seen calls have a page"
[ "$seen" -gt 0 ] || failed=1
exit $failed
