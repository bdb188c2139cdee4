# SPDX-License-Identifier: GPL-2.0-or-later
#
# parts.sh: what make bench measures, part by part, and how it is told.  Sourced by run.sh after site.sh.
# shellcheck shell=bash

note() { figures["$1,$2"]+=" $3"; }	# ROW COLUMN VALUE
median() { # ROW COLUMN
	# shellcheck disable=SC2086
	printf '%s\n' ${figures["$1,$2"]:-} | sort -g | awk 'NF { v[++n] = $1 } END {
		if (n) printf "%.4g\n", n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2 }'
}
quotient() { awk -v a="$1" -v b="$2" 'BEGIN { if (b != 0 && a != "" && b != "") printf "%.3f", a / b }'; }

# A row of the table and of bench.json: its columns are whatever was noted.
row() { # NAME UNIT [RATIO OF OP TARGET]: OP is at-most or at-least
	local name=$1 unit=$2 ratio=${3:-} of=${4:-} op=${5:-} target=${6:-} result=figure c v json=''
	printf '%-54s' "$name"
	for c in $COLUMNS_ALL; do
		v=$(median "$name" "$c")
		printf ' %10s' "${v:--}"
		[ -z "$v" ] || json+="${json:+,}\"$c\":$v"
	done
	[ -z "$target" ] || result=$(awk -v r="${ratio:-nan}" -v t="$target" -v o="$op" 'BEGIN {
		print r == "nan" ? "fail" : (o == "at-most" ? r + 0 <= t + 0 : r + 0 >= t + 0) ? "pass" : "fail" }')
	printf ' %-9s %7s %8s %s\n' "$unit" "${ratio:--}" "${target:+${op/at-most/<=}}" "" | sed "s/at-least/>=/; s/\$/${target:--} $result/"
	rows+=("$(printf '{"name":"%s","unit":"%s","columns":{%s},"ratio":%s,"of":"%s","op":"%s","target":%s,"result":"%s"}' \
		"$name" "$unit" "$json" "${ratio:-null}" "$of" "$op" "${target:-null}" "$result")")
}
header() { # shellcheck disable=SC2086
	printf '\n%-54s' "$1"; printf ' %10s' $COLUMNS_ALL; printf ' %-9s %7s %10s\n' unit ratio target; }
# ROW UNIT COLUMN OTHER OP TARGET: COLUMN's median over OTHER's; when OP is at-least, the other way round: cost to speed.
compare() {
	local a b
	a=$(median "$1" "$3") b=$(median "$1" "$4")
	if [ "$5" = at-least ]; then row "$1" "$2" "$(quotient "$b" "$a")" "$4 / $3" "$5" "$6"
	else row "$1" "$2" "$(quotient "$a" "$b")" "$3 / $4" "$5" "$6"; fi
}

# ---- userspace: worker CPU for each packet that it judges: every packet opens a permitted flow ----

# What stands behind the queue.  The yardstick runs where the scheduler puts it (example), and kept where packets come in
# (example-pinned); ringfenced's workers stay there by themselves; the floor is ringfenced's way of receiving and answering
# without a decision.
judge_up() {
	case $1 in
	example) queue_up "$O/bench/oneloop" 7 ;;
	example-pinned) queue_up taskset -c $RECEIVE_CPU "$O/bench/oneloop" 7 ;;
	floor) queue_up taskset -c $RECEIVE_CPU "$O/bench/floorloop" 7 300 ;;
	ringfence) daemon_start "$dir/asked.yaml" ;;
	esac
}
judge_down() { if [ "$1" = ringfence ]; then daemon_stop; else queue_down; fi; }

part_userspace() {
	local COLUMNS_ALL='example example-pinned floor ringfence' r c w n
	for ((r = 0; r < ROUNDS; r++)); do
		for c in $COLUMNS_ALL; do
			judge_up $c
			for w in 'full speed:0' '100,000/s:100000' '40,000/s:40000' '20,000/s:20000'; do
				n=$PACKETS
				[ "${w#*:}" = 0 ] || [ $((PACKETS * 2)) -lt "${w#*:}" ] || n=$((${w#*:} / 2))
				measure '^(ask|oneloop|floorloop)' -d 10.1.5.10 -f 0 -c $n -r "${w#*:}"
				n=$((was_asked - was_lost))
				[ $n -gt 1000 ] || die "$c was asked nothing"
				note "userspace, ${w%:*}: worker" $c "$(awk -v c="$judge_ns" -v n=$n 'BEGIN { print c / n }')"
				note "userspace, ${w%:*}: lost in the queue" $c "$(awk -v l=$((sent - got)) -v s="$sent" 'BEGIN { print l / s }')"
			done
			judge_down $c
			printf . >&2
		done
	done
	header USERSPACE
	for w in 'full speed' '100,000/s' '40,000/s' '20,000/s'; do
		# At 20,000/s the first packet's latency is the target (below), and nothing waits to be judged together.
		if [ "$w" = '20,000/s' ]; then row "userspace, $w: worker" ns/packet "$(quotient "$(median "userspace, $w: worker" ringfence)" "$(median "userspace, $w: worker" example)")" 'ringfence / example'
		else compare "userspace, $w: worker" ns/packet ringfence example at-most 0.35; fi
		n=$(quotient "$(median "userspace, $w: worker" ringfence)" "$(median "userspace, $w: worker" example-pinned)")
		printf '%-54s %s\n' '' "of the example on the same processor: $n; the floor: $(quotient "$(median "userspace, $w: worker" floor)" "$(median "userspace, $w: worker" example)")"
		row "userspace, $w: lost in the queue" share "$(median "userspace, $w: lost in the queue" ringfence)" 'ringfence, sent' at-most 0
	done
}

# ---- kernel: processor time of everything, for each packet sent ----

KERNEL_ROWS=(
	'decided flows, 64 bytes|-d 10.1.5.10 -f 1|warm'
	'decided flows, 1400 bytes|-d 10.1.5.10 -f 1 -s 1400|warm'
	'decided flows, IPv6|-d fd00:1::10 -f 1 -s 84|warm'
	'new permitted flows|-d 10.1.5.10 -f 0|'
	'new permitted flows, IPv6|-d fd00:1::10 -f 0 -s 84|'
	'denied flood from one device|-d 10.1.5.10 -f 0 -n 1 -p 80 -P 1|flood'
	'port scan by one device|-d 10.1.5.10 -f 0 -n 1 -p 1024 -P 48000|flood'
	'unknown devices|-d 10.1.5.10 -f 0 -o 1000|'
)

# A flood that lasts is met by a chain of its own from the next turn of the page on: what is measured is under way already.
early() { in_ns fw nft list chain inet ringfence early 2>/dev/null | grep -q goto; }
under_way() { # OPTION...
	local i
	for ((i = 0; i < 5; i++)); do
		early && return
		send "$@" -c 80000 -r 10000 >/dev/null
	done
	early || die 'a flood that lasts is not met'
}

kernel_rows() { # COLUMN
	local spec name options kind
	for spec in "${KERNEL_ROWS[@]}"; do
		IFS='|' read -r name options kind <<<"$spec"
		[ "$1" != drop ] || [ "$kind" = flood ] || continue
		# shellcheck disable=SC2086
		[ "$1$kind" != ringfenceflood ] || under_way $options
		# shellcheck disable=SC2086
		[ "$kind" != warm ] || send $options -c 6400 -r 20000 >/dev/null
		sleep 0.1
		# shellcheck disable=SC2086
		keep=${kind#flood} measure . $options -c "$PACKETS"
		note "$name" "$1" "$(awk -v c="$ns" -v n="$sent" 'BEGIN { print c / n }')"
		note "$name: asked of userspace" "$1" "$(awk -v a="$was_asked" -v n="$sent" 'BEGIN { print a / n }')"
		note "$name: arrived" "$1" "$(awk -v a="$got" -v n="$sent" 'BEGIN { print a / n }')"
	done
}

part_kernel() {
	local COLUMNS_ALL="$COLUMNS_ALL drop" r c n
	for ((r = 0; r < ROUNDS; r++)); do
		for c in $COLUMNS_ALL; do
			column_up $c
			kernel_rows $c
			column_down $c
			printf . >&2
		done
	done
	header KERNEL
	for n in 'decided flows, 64 bytes' 'decided flows, 1400 bytes' 'decided flows, IPv6' 'new permitted flows' 'new permitted flows, IPv6'; do
		compare "$n" ns/packet ringfence rules-id at-least 0.90
	done
	row 'new permitted flows: asked of userspace' share "$(median 'new permitted flows: asked of userspace' ringfence)" 'ringfence, sent' at-most 0
	for n in 'denied flood from one device' 'port scan by one device'; do
		compare "$n" ns/packet ringfence drop at-most 1.1
		row "$n: asked of userspace" share "$(median "$n: asked of userspace" ringfence)" 'ringfence, sent' at-most 0.001
	done
	row 'unknown devices' ns/packet "$(quotient "$(median 'unknown devices' ringfence)" "$(median 'unknown devices' rules-id)")" 'ringfence / rules-id'
	row 'unknown devices: asked of userspace' share
}

# ---- the flowtable: decided flows, both ends of which have spoken ----

has_flowtables() { in_ns fw nft -c 'add table inet t; add flowtable inet t f { hook ingress priority 0; counter; }' 2>/dev/null; }
spoken() { # SENDER'S OPTION...: every flow has an answer
	# Not by in_ns, whose process is another one than what it runs: a reflector that lives on answers all that is measured.
	nsenter --net=/run/netns/core -- python3 "$here/reflect.py" eth0 >"$dir/reflect" &
	for _ in $(seq 100); do grep -q ready "$dir/reflect" && break; sleep 0.05; done
	send "$@" -c $((DEVICES * 20)) -r 1000 >/dev/null
	sleep 0.2
	kill $! || die 'the reflector is gone'
	wait $! 2>/dev/null
	! pgrep -f "$here/reflect.py" >/dev/null || die 'a reflector lives on'
	send "$@" -c $((DEVICES * 5)) -r 1000 >/dev/null
}

part_offload() {
	local COLUMNS_ALL='plain rules-id ringfence offload' r c n spec name options rate=0
	# A machine of one processor is overrun by a sender that never waits: what is lost in the backlog would cost next to nothing.
	[ -z "${RINGFENCE_VM:-}" ] || rate=20000
	if ! has_flowtables; then printf '\nOFFLOAD: skipped, this kernel has no flowtables\n'; return; fi
	for ((r = 0; r < ROUNDS; r++)); do
		for c in $COLUMNS_ALL; do
			if [ $c = offload ]; then daemon_start "$dir/offload.yaml"; else column_up $c; fi
			for spec in "${KERNEL_ROWS[@]:0:3}"; do
				IFS='|' read -r name options _ <<<"$spec"
				# shellcheck disable=SC2086
				spoken $options
				n=$(in_ns fw grep -c OFFLOAD /proc/net/nf_conntrack)
				[ $c != offload ] || [ "$n" -ge "$DEVICES" ] || die "$name: $n flows of $DEVICES are offloaded"
				# shellcheck disable=SC2086
				keep=warm measure . $options -c "$PACKETS" -r $rate
				note "offload: $name" $c "$(awk -v c="$ns" -v n="$got" 'BEGIN { print c / (n ? n : 1) }')"
				note "offload: $name: arrived" $c "$(awk -v a="$got" -v n="$sent" 'BEGIN { print a / n }')"
			done
			if [ $c = offload ]; then daemon_stop; else column_down $c; fi
			printf . >&2
		done
	done
	header 'OFFLOAD (offload: true through the flowtable)'
	for spec in "${KERNEL_ROWS[@]:0:3}"; do
		compare "offload: ${spec%%|*}" ns/packet offload plain at-least 1
		row "offload: ${spec%%|*}: arrived" share
	done
}

# ---- first packets, bulk ----

part_latency() {
	local COLUMNS_ALL='plain rules-id example ringfence' r c w rate p50 p99 name
	for ((r = 0; r < ROUNDS; r++)); do
		for c in $COLUMNS_ALL asked; do
			if [ $c = asked ]; then daemon_start "$dir/asked.yaml"; else column_up $c; fi
			for rate in 2000 20000; do
				in_ns fw "$O/bench/ctflush"
				read -r _ _ _ _ _ p50 _ p99 < <(in_ns cam taskset -c $RECEIVE_CPU "$O/bench/latency" eth0 $CAM0_MAC core eth0 10.1.5.10 \
					$rate $((rate < 10000 ? PACKETS / 20 : PACKETS / 5)))
				note "first packet, $rate/s: p50" $c "$p50"
				note "first packet, $rate/s: p99" $c "$p99"
			done
			if [ $c = asked ]; then daemon_stop; else column_down $c; fi
			printf . >&2
		done
	done
	COLUMNS_ALL='plain rules-id example ringfence asked'
	header 'FIRST PACKET (asked: through userspace)'
	for rate in 2000 20000; do
		for w in p50 p99; do
			name="first packet, $rate/s: $w"
			if [ $rate = 20000 ]; then compare "$name" us asked example at-most 1
			else row "$name" us "$(quotient "$(median "$name" asked)" "$(median "$name" example)")" 'asked / example'; fi
		done
	done
}

part_bulk() {
	local r c
	for ((r = 0; r < ROUNDS; r++)); do
		for c in $COLUMNS_ALL; do
			column_up $c
			read -r _ mb _ ns < <(in_ns cam "$O/bench/bulk" core 10.1.5.10 5201 $((PACKETS / 100)))
			note 'TCP bulk (GSO)' $c "$(awk -v c="$ns" -v n="$mb" 'BEGIN { print c / n / 1000 }')"
			column_down $c
			printf . >&2
		done
	done
	header BULK
	compare 'TCP bulk (GSO)' us/MiB ringfence rules-id at-least 0.90
}

# ---- the engine, and a reload at the limits of scale: tools of their own that print JSON lines ----

field() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p"; }

# Instructions of one decision in a batch of 64, by callgrind.
instructions() { # RULES DEVICES PREFIXES
	local n
	n=$(ENGINE_PASSES=1 ENGINE_BATCH=64 valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=prog_eval_many \
		"$O/bench/engine" "$@" 2>&1 >/dev/null | awk '/Collected/ { print $4 }')
	awk -v n="${n:-0}" 'BEGIN { printf "%.0f", n / 65536 }'
}

# 64: what a busy worker has in hand; packet: with who is who.
part_engine() {
	local COLUMNS_ALL='10-rules 100-rules 1000-rules 10000-rules' r n s f
	local -A what=([ns_64]='engine: a decision, 64 at once' [ns_1]='engine: a decision, alone'
		[packet_ns_64]='engine: from a packet, 64 at once' [packet_ns_1]='engine: from a packet, alone')
	for ((r = 0; r < ROUNDS; r++)); do
		"$O/bench/engine" >"$dir/engine.json" && ! grep -q differ "$dir/engine.json" || return 1
		for n in 10 100 1000 10000; do
			for f in "${!what[@]}"; do
				note "${what[$f]}" $n-rules "$(grep '"engine"' "$dir/engine.json" | grep "\"rules\":$n," | field "$f")"
			done
		done
		printf . >&2
	done
	header 'ENGINE (to 100,000 devices and prefixes)'
	row "${what[ns_64]}" ns "$(median "${what[ns_64]}" 10000-rules)" '10000-rules, ns' at-most 40
	for n in 10 100 1000 10000; do
		note 'engine: growth' $n-rules "$(quotient "$(median "${what[ns_64]}" $n-rules)" "$(median "${what[ns_64]}" 10-rules)")"
	done
	row 'engine: growth' times "$(median 'engine: growth' 10000-rules)" '10000-rules / 10-rules' at-most 1.5
	for f in ns_1 packet_ns_64 packet_ns_1; do row "${what[$f]}" ns; done
	command -v valgrind >/dev/null || { echo 'no valgrind: instructions are not counted' >&2; return 0; }
	for s in '10 100 10' '100 1000 1000' '1000 10000 10000' '10000 100000 100000'; do
		# shellcheck disable=SC2086
		note 'engine: instructions of a decision' "${s%% *}-rules" "$(instructions $s)"
	done
	row 'engine: instructions of a decision' instr
}

part_scale() {
	local COLUMNS_ALL=ringfence r f n
	for ((r = 0; r < (ROUNDS + 1) / 2; r++)); do
		in_ns fw "$O/bench/scale" "$dir" "$SCALE" >"$dir/scale.json" || return 1
		in_ns fw nft delete table inet ringfence
		for f in read_ms build_ms table_ms transaction_ms reload_ms peak_mib; do note "reload: $f" ringfence "$(field $f <"$dir/scale.json")"; done
		printf . >&2
	done
	header "RELOAD (1/$SCALE of the limits of scale)"
	for f in read_ms build_ms table_ms reload_ms; do row "reload: $f" ms; done
	row 'reload: transaction_ms' ms "$(median 'reload: transaction_ms' ringfence)" ms at-most 300
	row 'reload: peak_mib' MiB "$(median 'reload: peak_mib' ringfence)" MiB at-most 256
	# The daemon itself at that size: start, reload, a burst of new devices.
	SCALE=$SCALE "$top/tests/netns/run.sh" 42-scale >"$dir/daemon-scale.log" 2>&1
	sed -n 's/^# //p; /^not ok/p' "$dir/daemon-scale.log"
	for n in $(sed -n 's/^# reload.*: \([0-9]*\) ms, .*/\1/p' "$dir/daemon-scale.log"); do note "reload: the daemon's, in all" ringfence "$n"; done
	row "reload: the daemon's, in all" ms "$(median "reload: the daemon's, in all" ringfence)" ms at-most 1500
	for f in VmHWM VmRSS; do
		note "reload: the daemon's $f" ringfence "$(sed -n "s/^# after two reloads:.* $f: \([0-9]*\) MiB.*/\1/p" "$dir/daemon-scale.log")"
		row "reload: the daemon's $f" MiB "$(median "reload: the daemon's $f" ringfence)" MiB at-most 256
	done
	grep -q ' 0 failed' "$dir/daemon-scale.log"
}

# With the policy that is shipped as the example: from the program's start until its table is in force, and its peak by then.
part_start() {
	local COLUMNS_ALL=ringfence r from
	for ((r = 0; r < ROUNDS; r++)); do
		from=$(date +%s%N)
		daemon_ready "$top/rules/policy.yaml" 0.002
		note 'start: example policy' ringfence $((($(date +%s%N) - from) / 1000000))
		note 'start: processor time' ringfence "$(($(threads_ns $judge .) / 1000000))"
		note 'start: peak memory' ringfence "$(awk '/^VmHWM/ { print $2 / 1024 }' "/proc/$judge/status")"
		daemon_stop
		printf . >&2
	done
	header 'START (rules/policy.yaml)'
	row 'start: example policy' ms "$(median 'start: example policy' ringfence)" ms at-most 200
	row 'start: processor time' ms
	row 'start: peak memory' MiB "$(median 'start: peak memory' ringfence)" MiB at-most 32
}

report() {
	local f
	{
		printf '{"rounds":%s,"packets":%s,"devices":%s,"rows":[' "$ROUNDS" "$PACKETS" "$DEVICES"
		(IFS=,; printf '%s' "${rows[*]}")
		printf ']'
		for f in engine scale; do
			printf ',"%s":[' $f
			[ ! -s "$dir/$f.json" ] || grep '^{' "$dir/$f.json" | paste -sd,
			printf ']'
		done
		printf '}\n'
	} >"$O/bench.json"
	echo "written: $O/bench.json"
	! grep -q '"result":"fail"' "$O/bench.json"
}
