#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs a command where there is a /dev/kvm although this machine has none: in an emulated machine whose
# processor has AMD's virtualisation (QEMU without an accelerator; Debian's kernel and its kvm_amd).
#   scripts/kvm-vm.sh [-t SECONDS] COMMAND [ARGUMENT]...
# The command finds this machine's files, read-only below memory: what it writes is gone with the emulated machine, but
# for the folder build-kvm-vm. Its exit code is the script's; 124 when it took longer than SECONDS
# (600), 77 when a part is missing here (scripts/setup.sh --for vm installs them).
# VDEV_KVM_VM_DEVICES are more of QEMU's arguments, VDEV_KVM_VM_MODULES more modules, VDEV_KVM_VM_MEMORY its memory.
# Times mean little there: one emulated processor takes turns for both.
. "$(dirname "$0")/common.sh"

seconds=600
if [ "${1:-}" = -t ]; then
  seconds=${2:-}
  shift 2
fi
if [ $# = 0 ] || ! [ "$seconds" -gt 0 ] 2>/dev/null; then
  sed -n '3,10s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi

skip() {
  echo "skip: $*; scripts/setup.sh --for vm" >&2
  exit 77
}
have qemu-system-x86_64 || skip "qemu-system-x86_64 is not installed"
have cpio || skip "cpio is not installed"
busybox=$(command -v busybox) || skip "busybox is not installed"
version=$(cd /lib/modules 2>/dev/null && for v in *-amd64; do
  [ -e "$v/kernel/arch/x86/kvm/kvm-amd.ko" ] && [ -r "/boot/vmlinuz-$v" ] && echo "$v"; done | sort -V | tail -n 1)
[ -n "$version" ] || skip "no Debian kernel (linux-image-amd64) in /boot and /lib/modules"

share=$root/build-kvm-vm
work=$(mktemp -d "${TMPDIR:-/tmp}/vdev-kvm-vm.XXXXXX")
trap 'rm -rf "$work" "$VDEV_RESULTS"' EXIT
mkdir -p "$share" "$work/root/bin" "$work/root/mod" "$work/root"/{dev,proc,sys,low,up,new}
rm -f "$share/exit-code"
cp "$busybox" "$work/root/bin/busybox"

# In the order in which they need each other.
modules="drivers/virtio/virtio_ring drivers/virtio/virtio drivers/virtio/virtio_pci_modern_dev
  drivers/virtio/virtio_pci_legacy_dev drivers/virtio/virtio_pci net/9p/9pnet net/9p/9pnet_virtio
  fs/netfs/netfs fs/fscache/fscache fs/9p/9p fs/overlayfs/overlay virt/lib/irqbypass arch/x86/kvm/kvm
  drivers/crypto/ccp/ccp arch/x86/kvm/kvm-amd ${VDEV_KVM_VM_MODULES:-}"
for module in $modules; do
  cp "/lib/modules/$version/kernel/$module.ko" "$work/root/mod/" || exit 1
done

{
  printf 'cd %q\n' "$PWD"
  printf 'export VDEV_SETUP=no VDEV_TEST_SLOW=1 VDEV_TIMEOUT_MULTIPLIER=%q\n' "${VDEV_TIMEOUT_MULTIPLIER:-6}"
  printf '%q ' "$@"
  echo
} >"$work/root/command"

cat >"$work/root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in MODULES; do insmod /mod/${module##*/}.ko; done
options=trans=virtio,version=9p2000.L,msize=524288
mount -t 9p -o $options,cache=loose,ro host /low
mount -t tmpfs -o size=60% up /up; mkdir /up/data /up/work
mount -t overlay -o lowerdir=/low,upperdir=/up/data,workdir=/up/work overlay /new
for dir in dev proc sys; do mount --move /$dir /new/$dir; done
mkdir -p /new/dev/shm /new/dev/pts
mount -t tmpfs shm /new/dev/shm; mount -t devpts pts /new/dev/pts; mount -t tmpfs run /new/run
mount -t 9p -o $options,cache=none share SHARE
ifconfig lo 127.0.0.1 up
cp /command /new/run/command
chroot /new /usr/bin/env -i HOME=/root TERM=dumb LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /bin/bash /run/command </new/dev/null
code=$?
echo $code >SHARE/exit-code
sync
poweroff -f
INIT
sed -i "s|SHARE|/new$share|g; s|MODULES|$(echo $modules)|" "$work/root/init"
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initrd" || exit 1

# One thread for all processors: with several, those that enter a guest were seen to stop for ever.
timeout "$seconds" qemu-system-x86_64 -M q35 -accel tcg,thread=single,tb-size=1024 \
  -cpu max,+svm,+npt,-la57 -smp 2 -m "${VDEV_KVM_VM_MEMORY:-5G}" -display none -monitor none -nic none \
  -serial stdio -no-reboot -kernel "/boot/vmlinuz-$version" -initrd "$work/initrd" \
  -append "console=ttyS0 quiet panic=-1 rdinit=/init mitigations=off rcupdate.rcu_cpu_stall_suppress=1 nowatchdog" \
  -virtfs "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap" \
  -virtfs "local,path=$share,mount_tag=share,security_model=none" ${VDEV_KVM_VM_DEVICES:-} </dev/null | tr -d '\r'
status=${PIPESTATUS[0]}
[ "$status" = 0 ] || exit "$status"
if ! code=$(cat "$share/exit-code" 2>/dev/null); then
  echo "kvm-vm: the emulated machine ended before the command did" >&2
  exit 1
fi
exit "$code"
