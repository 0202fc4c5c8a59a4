#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what is missing to build and test on Debian or Ubuntu. Does nothing when nothing is missing.
#   scripts/setup.sh [--for build|test|all|vm]     (default: all)
#     build  the library, the mini-VMM and the demo
#     test   the suites of `scripts/test.sh` without arguments
#     all    everything that CI runs
#     vm     what scripts/kvm-vm.sh needs: a /dev/kvm, emulated, where there is none
set -u -o pipefail

# package | needed for | how to see that it is there on other systems | why
packages() {
  grep -v '^#' <<'LIST'
gcc|build|cmd:gcc|C compiler
libc6-dev|build|hdr:stdio.h|C library headers, also for static linking
make|test|cmd:make|cmake's default generator in the install suite
meson|build|cmd:meson|build system
ninja-build|build|cmd:ninja|build system
pkg-config|build|cmd:pkg-config|finds libraries; the install suite tests our own .pc files
libjson-c-dev|build|pc:json-c|report of the mini-VMM, JSON of vdevctl
libnuma-dev|build|pc:numa|libvdevmgmt-host: distances of NUMA nodes
libpci-dev|build|pc:libpci|vdev-pci-reader, by which libvdevmgmt-host reads PCI devices
libbpf-dev|build|pc:libbpf|libvdevmgmt-bpf: loads its program (which clang compiles)
libsmartcols-dev|build|pc:smartcols|tables of vdevctl
python3|build|cmd:python3|meson, and reports of demo and tests
python3-jsonschema|test|deb|tools suite: files and output of vdevctl against the published schemas
g++|test|cmd:g++|public headers as C++11
libcmocka-dev|test|pc:cmocka|unit tests
clang|test|cmd:clang|public headers under a second compiler; the program of libvdevmgmt-bpf
clang-format|test|cmd:clang-format|format check
abigail-tools|test|cmd:abidiff|ABI comparison with the committed baseline
cmake|test|cmd:cmake|install suite: a consumer that uses CMake
doxygen|test|cmd:doxygen|API reference and man pages
graphviz|test|cmd:dot|diagrams in the reference
man-db|test|cmd:man|docs suite: man pages are readable
bsdextrautils|test|cmd:col|install suite: installed man pages as plain text
spin|test|cmd:spin|model suite
gnuplot-nox|test|cmd:gnuplot|picture of a timeline, plots of benchmarks
libglib2.0-dev|test|pc:glib-2.0|peer in benchmarks
valgrind|all|cmd:valgrind|leaks, and instruction counts by callgrind
llvm|all|cmd:llvm-symbolizer|readable reports of clang's sanitizers
afl++|all|cmd:afl-clang-fast|second fuzzer: scripts/fuzz.sh --afl
gcovr|all|cmd:gcovr|line and branch coverage
clang-tidy|all|cmd:clang-tidy|static analysis
cppcheck|all|cmd:cppcheck|static analysis
libclang-rt-14-dev|all|deb|run-time of clang's sanitizers and of libFuzzer
clang-19|all|cmd:clang-19|MC/DC coverage
llvm-19|all|cmd:llvm-cov-19|MC/DC coverage
libclang-rt-19-dev|all|deb|profiling run-time of clang-19
patch|all|cmd:patch|planted bugs are patches
git|all|cmd:git|planted bugs are tried on a copy of the tracked files
qemu-system-x86|all|cmd:qemu-system-x86_64|tools suite: vdevctl follows its vCPUs
qemu-system-x86|vm|cmd:qemu-system-x86_64|a machine with /dev/kvm, emulated
linux-image-amd64|vm|deb|its kernel, with kvm_amd
busybox-static|vm|cmd:busybox|its first process
cpio|vm|cmd:cpio|its initial file system
LIST
}

usage() { sed -n '3,8s/^# \{0,1\}//p' "$0"; }

wanted() { # packages of a profile
  case $1 in
  build) packages | awk -F'|' '$2 == "build"' ;;
  test) packages | awk -F'|' '$2 == "build" || $2 == "test"' ;;
  all) packages | awk -F'|' '$2 != "vm"' ;;
  vm) packages | awk -F'|' '$2 == "vm"' ;;
  *) return 1 ;;
  esac
}

is_there() { # probe of a system without dpkg
  case $1 in
  cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
  pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
  hdr:*) echo "#include <${1#hdr:}>" | gcc -E - >/dev/null 2>&1 ;;
  *) return 0 ;; # cannot be seen from outside; what needs it says so
  esac
}

installed() {
  dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

missing() { # lines of the table that this machine lacks
  local line package probe
  wanted "$1" | while IFS= read -r line; do
    IFS='|' read -r package _ probe _ <<<"$line"
    if [ "$is_debian" = 1 ]; then
      installed "$package" || echo "$line"
    else
      is_there "$probe" || echo "$line"
    fi
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

install() {
  local apt="env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120"
  local name known=()

  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    echo "setup: neither root nor sudo here; as root run: apt-get install $*" >&2
    return 1
  fi
  echo "setup: apt-get update, then apt-get install --no-install-recommends $*"
  as_root $apt update </dev/null >/dev/null ||
    echo "setup: apt-get update failed; trying with the package lists that are here" >&2
  # One unknown name would keep apt-get from installing the others.
  for name in "$@"; do
    if apt-cache show "$name" >/dev/null 2>&1; then
      known+=("$name")
    else
      echo "setup: this release has no package $name" >&2
    fi
  done
  [ "${#known[@]}" != 0 ] || return 1
  if ! as_root $apt install --no-install-recommends "${known[@]}" </dev/null; then
    echo "setup: apt-get could not install all of: ${known[*]}" >&2
    return 1
  fi
}

profile=all
case ${1:-} in
--for) profile=${2:-} ;;
--for=*) profile=${1#--for=} ;;
-h | --help) usage; exit 0 ;;
'') ;;
*) usage >&2; exit 2 ;;
esac
if ! wanted "$profile" >/dev/null; then
  echo "setup: --for takes build, test, all or vm, not '$profile'" >&2
  exit 2
fi

is_debian=0
command -v apt-get >/dev/null && command -v dpkg-query >/dev/null && is_debian=1

lines=$(missing "$profile")
if [ -z "$lines" ]; then
  echo "setup: all that is needed for '$profile' is here"
  exit 0
fi
echo "setup: missing for '$profile':"
printf '%s\n' "$lines" | awk -F'|' '{printf "  %-20s %s\n", $1, $4}'
mapfile -t names < <(printf '%s\n' "$lines" | cut -d'|' -f1)
if [ "$is_debian" = 0 ]; then
  echo "setup: this is neither Debian nor Ubuntu: please install these (Debian's names) and run again" >&2
  exit 1
fi
install "${names[@]}" || exit 1
lines=$(missing "$profile")
if [ -n "$lines" ]; then
  echo "setup: still missing: $(printf '%s\n' "$lines" | cut -d'|' -f1 | tr '\n' ' ')" >&2
  exit 1
fi
echo "setup: done"
