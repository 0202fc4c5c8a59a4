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
CMAKE
cmake -S "$stage/cmake" -B "$stage/cmake/build" -G 'Unix Makefiles'
cmake --build "$stage/cmake/build"
expect_output env LD_LIBRARY_PATH="$libdir" "$stage/cmake/build/consumer"
