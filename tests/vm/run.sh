#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs a command on Debian's stock kernel: qemu under software emulation, this machine's own root
# mounted read-only over virtio-9p with a tmpfs overlay on top, so that everything installed and
# built here is there and nothing written there comes back.  The command's output is streamed to
# stdout and its exit status is ours.  No network, no disk image, no state: any number of runs may
# go on at once.
#
#	tests/vm/run.sh [-t SECONDS] [-m MEGABYTES] [-c PROCESSORS] [-e NAME=VALUE]... [-i] [-s] [-v] [--] COMMAND [ARG]...
#
# -i: the machine's clock counts instructions, one a nanosecond (one processor): what is measured in it are instructions, and
# nothing that its host does shows.
# -s: systemd is the first process, with no unit of this machine's own enabled; the command runs when
# the boot is over.  If it leaves a file /run/vm/again, the machine is booted once more after it, with
# everything that was written to its disk, and the command runs again.
#
# Exit status: the command's; 124 hard timeout; 125 the machine could not be started or died;
# 126 no usable kernel (says how to get one).
set -u

timeout_s=900
memory_mb=1536
processors=2
clock=(-accel tcg,thread=multi)
systemd=
verbose=
envs=()
while getopts 't:m:c:e:isv' opt; do
	case $opt in
	t) timeout_s=$OPTARG ;;
	m) memory_mb=$OPTARG ;;
	c) processors=$OPTARG ;;
	e) envs+=("$OPTARG") ;;
	i) clock=(-accel tcg,thread=single -icount shift=0) processors=1 ;;
	s) systemd=/lib/systemd/systemd ;;
	v) verbose=1 ;;
	*) sed -n '10,16s/^# \{0,1\}//p' "$0" >&2; exit 125 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { echo "vm: no command given" >&2; exit 125; }

# What the initramfs must insert to reach the root, in modprobe's words.
boot_modules='virtio_pci 9pnet_virtio 9p overlay'
# What the tests want once the root is there; a missing one is reported, not fatal.
test_modules='nf_tables nft_ct nft_queue nft_limit nft_reject_inet nft_masq nft_compat
	nft_nat nft_objref nft_log nft_fib_inet nf_conntrack nf_conntrack_netlink nfnetlink_queue nfnetlink_log
	nf_flow_table nf_flow_table_inet nft_flow_offload nf_conntrack_bridge nft_meta_bridge
	nft_reject_bridge nft_dup_netdev nft_fwd_netdev xt_NFQUEUE nf_conntrack_ftp veth bridge 8021q
	br_netfilter macvlan vrf dummy ip_gre ip6_gre sctp'

need() {
	command -v "$1" >/dev/null && return
	echo "vm: '$1' is not installed; apt-get install $2" >&2
	exit 126
}
need qemu-system-x86_64 qemu-system-x86
need cpio cpio
need modprobe kmod
[ -z "$systemd" ] || need "$systemd" systemd
busybox=$(command -v busybox) || need busybox busybox-static
if ldd "$busybox" >/dev/null 2>&1; then
	echo "vm: $busybox is linked dynamically; apt-get install busybox-static" >&2
	exit 126
fi

# The newest installed kernel whose modules are there and that has the native queue.
kernel_find() {
	local image version
	for image in $(ls -1 /boot/vmlinuz-* 2>/dev/null | sort -rV); do
		version=${image#/boot/vmlinuz-}
		ls /lib/modules/"$version"/kernel/net/netfilter/nft_queue.ko* >/dev/null 2>&1 || continue
		echo "$version"
		return
	done
	echo "vm: no kernel with modules in /boot and /lib/modules; apt-get install linux-image-amd64" >&2
	return 1
}
version=$(kernel_find) || exit 126

work=$(mktemp -d "${TMPDIR:-/tmp}/ringfence-vm.XXXXXX") || exit 125
qemu_pid=
watch_pid=
cleanup() {
	[ -z "$watch_pid" ] || kill "$watch_pid" 2>/dev/null
	[ -z "$qemu_pid" ] || kill -KILL "$qemu_pid" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# Modules in insertion order, unpacked where the distribution compresses them.
initramfs_modules() {
	local n=0 path
	for path in $(for m in $boot_modules; do
		modprobe -S "$version" --show-depends "$m" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
	done | awk '!seen[$0]++'); do
		n=$((n + 1))
		local out
		out=$(printf '%s/root/modules/%02d.ko' "$work" "$n")
		case $path in
		*.ko) cp "$path" "$out" ;;
		*.xz) xz -dc "$path" >"$out" ;;
		*.zst) zstd -qdc "$path" >"$out" ;;
		*.gz) gzip -dc "$path" >"$out" ;;
		esac || return 1
	done
}

# The last words of /init with -s.  What this machine has enabled is no business of the test.
systemd_init() {
	mkdir -p "$work/out/units"
	cat >"$work/out/units/vm.target" <<-'UNIT'
		[Unit]
		Requires=multi-user.target
		Wants=vm.service
		After=multi-user.target
	UNIT
	cat >"$work/out/units/vm.service" <<-'UNIT'
		[Unit]
		Description=the command
		After=multi-user.target
		SuccessAction=poweroff-immediate
		FailureAction=poweroff-immediate
		[Service]
		Type=oneshot
		TimeoutStartSec=infinity
		StandardInput=null
		ExecStart=/bin/bash /run/vm/job
	UNIT
	cat <<-'INIT'
		{ [ -e /new/run/vm/disk.tar ] || $b rm -rf /new/etc/systemd/system/*.wants /new/etc/rc?.d /new/.dockerenv /new/usr/sbin/policy-rc.d; } &&
		$b mkdir -p /new/run/disk /new/run/systemd/system && $b mount --bind /layers/upper /new/run/disk &&
		$b cp /new/run/vm/units/* /new/run/systemd/system/ &&
		exec $b switch_root /new /lib/systemd/systemd
	INIT
}

initramfs_make() {
	mkdir -p "$work"/root/{bin,dev,proc,sys,modules,new,layers} || return 1
	cp "$busybox" "$work/root/bin/busybox" || return 1
	initramfs_modules || return 1
	cat >"$work/root/init" <<'INIT'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
for m in /modules/*.ko; do $b insmod $m || echo "vm: insmod $m failed"; done
p9='trans=virtio,version=9p2000.L,msize=262144'
$b mount -t tmpfs -o size=80% layers /layers
$b mkdir /layers/lower /layers/upper /layers/work /layers/out
$b mount -t 9p -o cache=none,$p9 out /layers/out &&
if [ -e /layers/out/disk.tar ]; then $b tar -xf /layers/out/disk.tar -C /layers/upper; fi &&
$b mount -t 9p -o ro,cache=loose,$p9 root /layers/lower &&
$b mount -t overlay -o lowerdir=/layers/lower,upperdir=/layers/upper,workdir=/layers/work root /new &&
$b mount -t devtmpfs dev /new/dev &&
$b mkdir -p /new/dev/pts /new/dev/shm &&
$b mount -t devpts devpts /new/dev/pts &&
$b mount -t tmpfs shm /new/dev/shm &&
$b mount -t proc proc /new/proc &&
$b mount -t sysfs sys /new/sys &&
for d in /run /tmp; do $b mount -t tmpfs tmpfs /new$d || break; done &&
$b mkdir -p /new/run/vm /new/run/lock &&
$b mount --move /layers/out /new/run/vm &&
INIT
	if [ "$systemd" ]; then systemd_init; else echo '$b chroot /new /bin/bash /run/vm/job'; fi >>"$work/root/init"
	echo '$b poweroff -f' >>"$work/root/init"
	chmod 755 "$work/root/init"
	(cd "$work/root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initramfs"
}
mkdir "$work/root" "$work/out" || exit 125
initramfs_make || { echo "vm: cannot build the initramfs" >&2; exit 125; }

# The job runs as init's child with the second serial line, raw, as its output.
{
	printf 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C\n'
	printf 'export RINGFENCE_VM=%q\n' "$version"
	for e in "${envs[@]:+${envs[@]}}"; do printf 'export %q\n' "$e"; done
	printf 'stty -F /dev/ttyS1 raw -echo 115200\nexec >/dev/ttyS1 2>&1 </dev/null\n'
	[ "$systemd" ] || printf 'ln -s /proc/self/fd /dev/fd; ln -s fd/0 /dev/stdin; ln -s fd/1 /dev/stdout; ln -s fd/2 /dev/stderr\n'
	printf 'ip link set lo up\ncd %q\n' "$PWD"
	printf 'echo 1 >/proc/sys/kernel/panic_on_oops\n'
	[ "$systemd" ] || printf 'modprobe -a %s 2>/run/modprobe.err || sed "s/^/# vm: /" /run/modprobe.err\n' \
		"$(echo $test_modules)"
	printf '( %s )\nrc=$?\n' "$(printf '%q ' "$@")"
	printf 'taint=$(cat /proc/sys/kernel/tainted)\n'
	printf '[ ! -e /run/vm/again ] || tar -C /run/disk -cf /run/vm/disk.tar . || rc=125\n'
	printf 'echo $rc >/run/vm/rc.new; echo $taint >/run/vm/taint; mv /run/vm/rc.new /run/vm/rc\n'
	printf 'stty -F /dev/ttyS1 >/dev/null # drains\nsync\n'
} >"$work/out/job"

started=$(date +%s)
append='console=ttyS0 panic=-1 loglevel=6 mitigations=off nokaslr random.trust_cpu=on tsc=reliable'
[ -z "$systemd" ] || append+=' systemd.unit=vm.target systemd.getty_auto=0 fstab=no systemd.firstboot=off
	systemd.mask=getty.target systemd.mask=systemd-logind.service systemd.mask=systemd-ask-password-wall.path'

# One life of the machine, within what is left of the timeout.
boot() {
	rm -f "$work/out/rc" "$work/out/again"
	qemu-system-x86_64 "${clock[@]}" -cpu max -smp "$processors" -m "$memory_mb" -no-reboot -nodefaults \
		-no-user-config -display none -monitor none -nic none \
		-kernel "/boot/vmlinuz-$version" -initrd "$work/initramfs" -append "${append//[$'\n\t']/ }" \
		-serial "file:$work/kernel.log" -serial stdio \
		-virtfs local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap \
		-virtfs "local,path=$work/out,mount_tag=out,security_model=none" \
		-device virtio-rng-pci </dev/null 2>"$work/qemu.err" &
	qemu_pid=$!
	(
		trap 'kill "$nap" 2>/dev/null; exit' TERM
		sleep $((timeout_s - $(date +%s) + started)) >/dev/null 2>&1 &
		nap=$!
		wait
		touch "$work/timed-out"
		kill -KILL "$qemu_pid" 2>/dev/null
	) &
	watch_pid=$!
	wait "$qemu_pid" 2>/dev/null
	qemu_rc=$?
	qemu_pid=
	kill "$watch_pid" 2>/dev/null
	wait "$watch_pid" 2>/dev/null
	watch_pid=
}

boot
while [ -e "$work/out/again" ] && [ -s "$work/out/rc" ] && [ ! -e "$work/timed-out" ]; do boot; done
if [ -e "$work/timed-out" ]; then
	echo "vm: killed after $timeout_s s; the kernel's last lines:" >&2
	tail -n 20 "$work/kernel.log" >&2
	exit 124
fi
if [ ! -s "$work/out/rc" ]; then
	echo "vm: the machine died (qemu: $qemu_rc); last lines:" >&2
	tail -n 20 "$work/qemu.err" "$work/kernel.log" >&2
	exit 125
fi
[ -z "$verbose" ] || echo "vm: Linux $version, $(($(date +%s) - started)) s" >&2
taint=$(cat "$work/out/taint")
if [ "$taint" != 0 ]; then
	echo "vm: the kernel is tainted ($taint):" >&2
	grep -E -A 12 'WARNING:|BUG:|Oops|Call Trace' "$work/kernel.log" | head -n 60 >&2
	exit 125
fi
exit "$(cat "$work/out/rc")"
