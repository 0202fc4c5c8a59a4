#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A consumer that uses CMake (pkg_check_modules) against the installed tree.
. "$(dirname "$0")/stage.sh"
need cmake
need make
stage_it

mkdir "$stage/cmake"
cp "$here/consumer.c" "$stage/cmake/"
cat >"$stage/cmake/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.16)
project(consumer C)
find_package(PkgConfig REQUIRED)
pkg_check_modules(VDEV REQUIRED IMPORTED_TARGET vdevmgmt)
add_executable(consumer consumer.c)
target_link_libraries(consumer PkgConfig::VDEV)
option(USE_BPF "libvdevmgmt-bpf was built")
if(USE_BPF)
  pkg_check_modules(VDEV_BPF REQUIRED IMPORTED_TARGET vdevmgmt-linux vdevmgmt-bpf)
  add_executable(consumer-bpf consumer.c)
  target_compile_definitions(consumer-bpf PRIVATE USE_BPF)
  target_link_libraries(consumer-bpf PkgConfig::VDEV_BPF)
endif()
CMAKE
# The folder of staging comes before the system's include folder, too, of which libbpf speaks, and CMake wants it to be there.
mkdir -p "$stage/usr/include"
bpf=OFF
[ ! -f "$libdir/pkgconfig/vdevmgmt-bpf.pc" ] || bpf=ON
cmake -S "$stage/cmake" -B "$stage/cmake/build" -G 'Unix Makefiles' -DUSE_BPF=$bpf
cmake --build "$stage/cmake/build"
expect_output env LD_LIBRARY_PATH="$libdir" "$stage/cmake/build/consumer"
[ "$bpf" = OFF ] || expect_output env LD_LIBRARY_PATH="$libdir" "$stage/cmake/build/consumer-bpf"
