#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Makes tests/inventory/qemu-sriov anew: a captured sysfs of an emulated machine with two NUMA nodes, an NVMe controller
# with four virtual functions, two of them bound to vfio-pci, and a port with a hot-plug slot.
#   scripts/inventory-vm.sh [FOLDER]     (default: build-kvm-vm/capture)
# Needs what scripts/kvm-vm.sh needs (scripts/setup.sh --for vm) and build/tools/vdevctl/vdevctl. Takes about a minute.
. "$(dirname "$0")/common.sh"
cd "$root" || exit 1

if [ "${1:-}" = --inside ]; then # in the emulated machine
  set -e
  pf=$(basename "$(dirname "$(grep -l 0x010802 /sys/bus/pci/devices/*/class | head -n 1)")")
  cd /sys/bus/pci
  echo 0 >devices/$pf/sriov_drivers_autoprobe
  echo 4 >devices/$pf/sriov_numvfs
  for n in 0 1; do
    vf=$(basename "$(readlink devices/$pf/virtfn$n)")
    echo vfio-pci >devices/$vf/driver_override
    echo "$vf" >drivers_probe
  done
  cd "$root"
  build/tools/vdevctl/vdevctl inventory --capture build-kvm-vm/capture
  build/tools/vdevctl/vdevctl inventory --json >build-kvm-vm/live.json
  exit
fi

drive=$(mktemp "${TMPDIR:-/tmp}/vdev-nvme.XXXXXX")
trap 'rm -f "$drive" "$VDEV_RESULTS"' EXIT
truncate -s 16M "$drive"
rm -rf build-kvm-vm/capture build-kvm-vm/live.json

export VDEV_KVM_VM_MEMORY=2G
VDEV_KVM_VM_MODULES="$(echo drivers/vfio/{vfio,vfio_virqfd,vfio_iommu_type1} drivers/vfio/pci/{vfio-pci-core,vfio-pci} \
  crypto/crct10dif_common lib/{crc-t10dif,crc64,crc64-rocksoft} block/t10-pi drivers/nvme/host/{nvme-core,nvme})"
VDEV_KVM_VM_DEVICES="-machine kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on
  -object memory-backend-ram,id=m0,size=1G -object memory-backend-ram,id=m1,size=1G
  -numa node,nodeid=0,cpus=0,memdev=m0 -numa node,nodeid=1,cpus=1,memdev=m1 -numa dist,src=0,dst=1,val=21
  -device pxb-pcie,id=far,bus=pcie.0,bus_nr=64,numa_node=1,addr=8
  -device pcie-root-port,id=rp1,bus=far,chassis=1,slot=1,addr=0
  -device pcie-root-port,id=rp2,bus=pcie.0,chassis=2,slot=2,addr=9
  -device pcie-root-port,id=rp3,bus=pcie.0,chassis=3,slot=3,addr=a
  -blockdev file,node-name=disk,filename=$drive
  -device nvme-subsys,id=ss
  -device nvme,id=nv,bus=rp1,subsys=ss,serial=VDEV0001,sriov_max_vfs=4,sriov_vq_flexible=8,sriov_vi_flexible=4,max_ioqpairs=26,msix_qsize=27
  -device nvme-ns,drive=disk,bus=nv
  -device virtio-net-pci,bus=rp2,iommu_platform=on,ats=on -device edu,bus=pcie.0,addr=b"
export VDEV_KVM_VM_MODULES VDEV_KVM_VM_DEVICES

scripts/kvm-vm.sh -t 400 scripts/inventory-vm.sh --inside || exit
to=${1:-build-kvm-vm/capture}
if [ "$to" != build-kvm-vm/capture ]; then
  rm -rf "$to"
  cp -a build-kvm-vm/capture "$to"
fi
