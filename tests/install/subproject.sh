#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A consumer with the library as a meson subproject: found by its pkg-config name, without tests,
# examples and docs, which a subproject's user did not ask for.
. "$(dirname "$0")/stage.sh"

mkdir -p "$stage/subprojects/libvdevmgmt"
cp -r "$source"/{meson.build,meson_options.txt,include,lib} "$stage/subprojects/libvdevmgmt/"
cp "$here/consumer.c" "$stage/"
cat >"$stage/meson.build" <<'MESON'
project('consumer', 'c')
vdev = dependency('vdevmgmt', fallback: 'libvdevmgmt')
executable('consumer', 'consumer.c', dependencies: vdev)
if host_machine.system() == 'linux'
  vdev_linux = dependency('vdevmgmt-linux', fallback: 'libvdevmgmt')
  executable('consumer-linux', 'consumer.c', c_args: '-DUSE_LINUX', dependencies: vdev_linux)
  if dependency('numa', required: false).found()
    vdev_host = dependency('vdevmgmt-host', fallback: 'libvdevmgmt')
    executable('consumer-host', 'consumer.c', c_args: '-DUSE_HOST', dependencies: [vdev, vdev_host])
  endif
  if get_option('use_bpf')
    vdev_bpf = dependency('vdevmgmt-bpf', fallback: 'libvdevmgmt')
    executable('consumer-bpf', 'consumer.c', c_args: '-DUSE_BPF', dependencies: [vdev, vdev_linux, vdev_bpf])
  endif
endif
MESON
echo "option('use_bpf', type: 'boolean', value: false)" >"$stage/meson_options.txt"
# Built here, so what it needs is there.
bpf=false
[ -z "$(find "$build/lib" -name 'libvdevmgmt-bpf.so')" ] || bpf=true
# An installed copy must not stand in for the subproject.
meson setup --wrap-mode=forcefallback -Duse_bpf=$bpf "$stage/build" "$stage"
ninja -C "$stage/build" consumer
expect_output "$stage/build/consumer"
if [ "$(uname -s)" = Linux ]; then
  ninja -C "$stage/build" consumer-linux
  expect_output "$stage/build/consumer-linux"
  if pkg-config --exists numa; then
    ninja -C "$stage/build" consumer-host
    expect_output "$stage/build/consumer-host"
  fi
  if [ $bpf = true ]; then
    ninja -C "$stage/build" consumer-bpf
    expect_output "$stage/build/consumer-bpf"
  fi
fi
