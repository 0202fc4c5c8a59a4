#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The replayer must be able to fail: a recording with one word changed, one line missing, one
# line too many, an event that it does not know, and time that goes back.
replay=$1
good=$2
bad=$(mktemp) || exit 99
trap 'rm -f "$bad"' EXIT
try() {
	if cmp -s "$good" "$bad"; then
		echo "$1: the recording was not changed" >&2
		exit 1
	fi
	if "$replay" "$bad" 2>/dev/null >&2; then
		echo "$1: a damaged recording passed" >&2
		exit 1
	fi
}
sed 's/HIDE:aL/HIDE:a/' "$good" >"$bad" && try 'word changed'
sed '0,/ < /{/ < /d}' "$good" >"$bad" && try 'line missing'
{ cat "$good" && echo '9s < REMOVED:aFG'; } >"$bad" && try 'line too many'
{ cat "$good" && echo '9s explode a'; } >"$bad" && try 'unknown event'
{ cat "$good" && echo '1s ack a'; } >"$bad" && try 'time goes back'
sed 's/^2\.2s </2.3s </' "$good" >"$bad" && try 'another time'
"$replay" "$good" >/dev/null
