#!/bin/sh
# Makes the disk of the virtual machine of `make vm-test`: Debian 12 as it is before pulsarack is
# there, with its own kernel, udev and systemd, and an ssh server to command it by. What the
# package of pulsarack asks apt for lies in apt's cache, as from a mirror; the network of the
# guest is cut off. Needs root and Debian's mirror; takes some minutes.
# usage: image.sh DIR
set -eu
directory=$1
here=$(cd "$(dirname "$0")" && pwd)
control=$here/../../packaging/control

fail() {
    printf 'vm-test: %s\n' "$1" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail "making a disk for the virtual machine needs root"
missing=
for program in qemu-system-x86_64 qemu-img mmdebstrap mke2fs ssh-keygen; do
    command -v "$program" >/dev/null 2>&1 || missing=$program
done
if [ -n "$missing" ]; then
    apt-get update -q &&
        apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=400 \
            qemu-system-x86 qemu-utils mmdebstrap e2fsprogs openssh-client ||
        fail "qemu-system-x86 qemu-utils mmdebstrap e2fsprogs openssh-client cannot be installed"
fi

mkdir -p "$directory"
cd "$directory"
[ -f key ] || ssh-keygen -q -t ed25519 -N '' -f key

without=
for what in drivers/gpu drivers/media drivers/infiniband drivers/net/wireless \
    drivers/net/ethernet drivers/iio sound; do
    without="$without --dpkgopt=path-exclude=/lib/modules/*/kernel/$what/*"
done
for what in doc man locale; do
    without="$without --dpkgopt=path-exclude=/usr/share/$what/*"
done
packages=systemd-sysv,udev,dbus,kmod,initramfs-tools,linux-image-amd64,zstd,python3
packages=$packages,systemd-timesyncd,ca-certificates,openssh-server,iproute2,procps,bash-completion
# All that the package depends on and recommends; of alternatives the first.
needed=$(sed -n -e 's/^Depends: //p' -e 's/^Recommends: //p' "$control" |
    tr ',' '\n' | sed -e 's/[(|].*//' | tr -d ' ' | tr '\n' ' ')
rm -rf --one-file-system root
# shellcheck disable=SC2086
mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" $without \
    --skip=cleanup/apt \
    --aptopt='Acquire::Languages "none"' \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' \
    --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"
        printf "MODULES=list\nCOMPRESS=zstd\n" >"$1/etc/initramfs-tools/conf.d/pulsarack"
        printf "virtio_pci\nvirtio_blk\next4\ncrc32c_generic\n" >"$1/etc/initramfs-tools/modules"' \
    --customize-hook='chroot "$1" apt-get clean' \
    --customize-hook="APT_CONFIG=\"\$MMDEBSTRAP_APT_CONFIG\" apt-get -qq install --download-only $needed" \
    bookworm root

echo rack >root/etc/hostname
printf '127.0.0.1 localhost rack\n' >root/etc/hosts
printf '/dev/vda / ext4 defaults 0 1\n' >root/etc/fstab
printf '[Match]\nName=en* eth*\n[Network]\nDHCP=ipv4\n' >root/etc/systemd/network/10.network
printf 'vhci_hcd\noption\nftdi_sio\n' >root/etc/modules-load.d/rack.conf
# There is no disk on this bus, and loading half of what a disk needs takes its time.
printf 'blacklist usb_storage\nblacklist uas\n' >root/etc/modprobe.d/rack.conf
mkdir -p -m 700 root/root/.ssh
cp key.pub root/root/.ssh/authorized_keys
: >root/etc/machine-id
chroot root systemctl -q enable systemd-networkd ssh
chroot root systemctl -q mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer dpkg-db-backup.timer systemd-networkd-wait-online.service

cp -L root/boot/vmlinuz-* vmlinuz
cp -L root/boot/initrd.img-* initrd.img
rm -f base.raw disk.qcow2 booted.qcow2
mke2fs -q -t ext4 -F -d root base.raw 4G
rm -rf --one-file-system root
cat "$here/image.sh" "$control" >base.done
