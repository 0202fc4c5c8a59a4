#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Checks form: clang-format, licence line, size of files, left-overs. Run from anywhere; changes nothing.
#   scripts/format.sh          check
#   scripts/format.sh --fix    let clang-format rewrite the C files
. "$(dirname "$0")/common.sh"
cd "$root" || exit 1

# Tracked files and new ones that git does not ignore; without git, all but build folders.
files() {
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files -co --exclude-standard
  else
    find . -path './build*' -prune -o -path './.git' -prune -o -type f -print | sed 's|^\./||'
  fi | while IFS= read -r file; do [ ! -f "$file" ] || echo "$file"; done | sort -u
}
c_files() { files | grep -E '\.(c|h|S)$'; }
own_c_files() { c_files | grep -E '\.(c|h)$' | grep -v '^tests/abi/old/.*/include/'; }

clang_format() {
  # Other versions break lines elsewhere.
  local name
  for name in clang-format-14 clang-format; do
    if have $name && $name --version | grep -q 'version 14\.'; then
      echo $name
      return
    fi
  done
  return 1
}

licence_lines() {
  files | grep -E '\.(c|h|h\.in|S|ld|py|sh|pml|map|build|suppr|supp|allow)$|meson_options.txt$' | xargs -r awk '
    FNR == 1 { if (NR > 1 && !found) { print name ": no SPDX line"; bad = 1 } name = FILENAME; found = 0 }
    FNR <= 3 && /SPDX-License-Identifier: BSD-3-Clause/ { found = 1 }
    END { if (NR && !found) { print name ": no SPDX line"; bad = 1 } exit bad }'
}

# Public headers are reference and code in one; their comments may need more room. The naive models and their
# generators are read beside the rules, a theme in one piece.
sizes() {
  own_c_files | grep -v '^include/' | xargs -r wc -l | awk '
    { cap = $2 ~ /^tests\/prop\// ? 600 : 400 }
    $2 != "total" && $1 > cap { print $2 ": " $1 " lines; " cap " is the cap: split it"; bad = 1 }
    END { exit bad }'
}

left_overs() {
  local bad=0
  # The words are put together here so that this file does not find itself.
  files | grep -vE '^tests/(planted|fuzz/corpus)|\.(png|abi|bin)$' |
    xargs -r grep -nE "\b(TO""DO|FIX""ME|X""XX)\b|<<<<<<""<|>>>>>>"">" && bad=1
  files | grep -E '\.(c|h|S|py|sh|build|md|map)$' | xargs -r grep -nE '[[:space:]]+$' &&
    echo "trailing space" && bad=1
  return $bad
}

scripts_parse() {
  local file
  while IFS= read -r file; do
    bash -n "$file" || return 1
  done < <(files | grep -E '\.sh$|^\.ci/run$')
  files | grep -E '\.py$' | xargs -r python3 -c '
import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name).read(), name)'
}

if tool=$(clang_format); then
  if [ "${1:-}" = --fix ]; then
    own_c_files | xargs -r $tool -i
    exit
  fi
  check_format() {
    own_c_files | xargs -r -P "$jobs" -n 40 $tool --dry-run -Werror 2>&1 | { grep -oE '^[^ :]+:[0-9]+:' || true; } | uniq |
      sed 's/$/ is not as clang-format would have it (scripts\/format.sh --fix)/' | tee /dev/fd/2 |
      (! grep -q .)
  }
  check "format: clang-format" check_format
else
  case_skip "format: clang-format" "clang-format 14 is not installed; other versions format differently"
fi
check "format: licence lines" licence_lines
check "format: size of files" sizes
check "format: left-overs" left_overs
check "format: scripts parse" scripts_parse
exit 0
