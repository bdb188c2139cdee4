# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Attempts, declared once and made twice: with no table of ours in the firewall (the control run:
# every attempt must arrive, or its being blocked later would prove nothing) and enforced.  Sourced
# by a scenario, which does:
#
#	. "$(dirname "$0")/probe.sh"
#	probe drop 'restricted camera to a desk' hik desk tcp-syn 445
#	check pass 'the VMS pulls video' in_ns vms "$NETPROBE" rtsp-pull ...
#	site_up NAME; site_servers; site_control; site_daemon_start ...; site_enforced; site_done
#
# probe EXPECT NAME FROM TO PROTO [DPORT] [KEY=VALUE | --send-option VALUE]...
#	EXPECT pass: every packet arrives; drop: none does
#	fam=4|6|both (both)  n=PACKETS (3)  at=HOST (counted there; TO)  sport=PORT
#	smac=HOST src=HOST (forged)  dst=ADDRESS  dmac=MAC  ip=1 (through FROM's own stack and hooks)
#	arrive=N (packets that arrive, where not n; "some": at least one)
# check EXPECT NAME COMMAND...	pass: exit 0; drop: it fails; the control run always wants 0
# barrier			everything sent so far has been judged
# step PHASE NAME COMMAND...	something done in between; PHASE control, enforced or both
# call PHASE COMMAND...		the same, but it reports by itself

. "$(dirname "${BASH_SOURCE[0]}")/site.sh"

TEST_N=0 TEST_FAILED=0
declare -a ITEMS=() TOKENS=()
SETTLED=0
declare -A TOKEN_KEY TOKEN_AT TOKEN_WANT TOKEN_NAME COUNTED COUNT_FD ANSWER_FD SEND_FD SENT_FD
SITE_PHASE=''

ok() { # NAME
	TEST_N=$((TEST_N + 1))
	echo "ok $TEST_N - $1"
}

not_ok() { # NAME [LINE]...
	TEST_N=$((TEST_N + 1)) TEST_FAILED=$((TEST_FAILED + 1))
	echo "not ok $TEST_N - $1"
	shift
	[ $# = 0 ] || printf '# %s\n' "$@"
}

skip() { # NAME REASON
	TEST_N=$((TEST_N + 1))
	echo "ok $TEST_N - $1 # SKIP $2"
}

is() { # NAME GOT WANTED
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got $2, wanted $3"; fi
}

# Not in a subshell: what the command sets (the daemon's process) is meant to stay.
truth() { # NAME COMMAND...: passes when it succeeds
	local name=$1
	shift
	if "$@" >"$SITE_DIR/said" 2>&1; then
		ok "$name"
	else
		not_ok "$name" "status $? from: $*"
		tail -n 20 "$SITE_DIR/said" | sed 's/^[^#]/# &/'
	fi
}

site_done() {
	local now
	now=$(cat /proc/sys/kernel/tainted)
	is 'the kernel is not tainted' "$now" "$SITE_TAINT"
	echo "1..$TEST_N"
	echo "$((TEST_N - TEST_FAILED)) passed, $TEST_FAILED failed"
	[ $TEST_FAILED = 0 ]
	exit
}

item() { # WORD...: one declaration, quoted
	local text
	printf -v text '%q ' "$@"
	ITEMS+=("$text")
}
probe() { item probe "$@"; }
check() { item check "$@"; }
step() { item step "$@"; }
call() { item call "$@"; }
barrier() { item barrier; }

# Counters: one per host for the whole site, asked by a line, answering with a table.
counter_start() { # HOST
	local how="-i eth0" in=$SITE_DIR/count.$1.in out=$SITE_DIR/count.$1.out line
	[ "$1" != fw ] || how=--raw
	mkfifo "$in" "$out"
	nsenter --net="/run/netns/$(site_ns "$1")" -- "$NETPROBE" count $how <"$in" >"$out" &
	SITE_PIDS+=" $!"
	exec {COUNT_FD[$1]}>"$in" {ANSWER_FD[$1]}<"$out"
	read -r -t "$SITE_WAIT" line <&"${ANSWER_FD[$1]}" && [ "$line" = ready ] || site_die "the counter of $1: $line"
}

# Senders: one per host, so that a probe costs a line and not two processes.
sender_start() { # HOST
	local in=$SITE_DIR/send.$1.in out=$SITE_DIR/send.$1.out
	mkfifo "$in" "$out"
	nsenter --net="/run/netns/$(site_ns "$1")" -- "$NETPROBE" sender <"$in" >"$out" 2>>"$SITE_DIR/send.$1.err" &
	SITE_PIDS+=" $!"
	exec {SEND_FD[$1]}>"$in" {SENT_FD[$1]}<"$out"
}

sender_send() { # HOST OPTION...: sets SENT
	local host=$1 line
	shift
	echo "send $*" >&"${SEND_FD[$host]}"
	SENT=none
	while read -r -t "$SITE_WAIT" line <&"${SENT_FD[$host]}"; do
		case $line in
		sent*) SENT=${line#sent } ;;
		done*) return "${line#done }" ;;
		esac
	done
	return 1
}

counters_start() {
	local h
	for h in fw $SITE_HOSTS; do
		counter_start "$h"
		sender_start "$h"
	done
}

# Asks for everything (no KEY), or for one TOKEN or TOKEN.e; fills COUNTED[HOST.TOKEN],
# COUNTED[HOST.overruns].
counter_read() { # HOST [KEY]
	local token count
	echo "${2:-}" >&"${COUNT_FD[$1]}"
	while read -r -t "$SITE_WAIT" token count <&"${ANSWER_FD[$1]}"; do
		[ "$token" != end ] || return 0
		COUNTED[$1.$token]=$count
	done
	site_die "the counter of $1 is dead"
}

count_of() { # HOST TOKEN: packets seen so far
	counter_read "$1" "$2"
	echo "${COUNTED[$1.$2]:-0}"
}

# Every port that a test of ours opens to is an echo server on every host and on the firewall.
SITE_PORTS='tcp:22 tcp:80 tcp:443 tcp:445 tcp:8000 udp:9 udp:53 udp:123 udp:5001'
site_servers() { # [PORT]...
	local h
	counters_start
	for h in fw $SITE_HOSTS; do
		in_ns_bg "$h" "$SITE_DIR/serve.$h" "$NETPROBE" serve $SITE_PORTS "$@"
	done
	for h in fw $SITE_HOSTS; do
		site_wait_line "$SITE_DIR/serve.$h" '^ready' || site_die "the servers of $h: $(cat "$SITE_DIR/serve.$h")"
	done
}

addr_of() { # HOST FAMILY [SEGMENT for the firewall]
	local gate=${3:-core}
	case $1.$2 in
	fw.4) echo "${GATE4[$gate]%/*}" ;;
	fw.6) echo "${GATE6[$gate]%/*}" ;;
	*.4) echo "${IP4[$1]}" ;;
	*.6) echo "${IP6[$1]}" ;;
	esac
}

queue_empty() {
	[ -e /proc/net/netfilter/nfnetlink_queue ] || return 0
	in_ns fw awk '$3 > 0 { busy = 1 } END { exit busy }' /proc/net/netfilter/nfnetlink_queue 2>/dev/null
}

# Nothing is on its way: veth hands packets over through a queue of each processor (the 12th word of each line is its length).
backlog_empty() { awk '$12 != "00000000" { busy = 1 } END { exit busy }' /proc/net/softnet_stat; }
site_quiet() {
	local i
	for i in 1 2; do
		site_wait 'the queues to be empty' queue_empty
		site_wait 'what is on its way' backlog_empty
		sleep 0.05
	done
}

# Everything sent has been judged: nothing waits in a queue of the kernel or is on its way, and what the counters say of
# these keys (HOST.TOKEN; default: the tokens since the last time) no longer changes.
site_settle() { # [KEY]...
	local before=none now k end=$((SECONDS + SITE_WAIT))
	site_quiet
	if [ $# = 0 ]; then
		for k in "${TOKENS[@]:$SETTLED}"; do set -- "$@" "${TOKEN_KEY[$k]}"; done
		SETTLED=${#TOKENS[@]}
	fi
	while [ $SECONDS -lt $end ]; do
		now=
		for k in "$@"; do
			counter_read "${k%%.*}" "${k#*.}"
			now+=" ${COUNTED[$k]}"
		done
		[ "$now" != "$before" ] || return 0
		before=$now
		sleep 0.2
	done
	echo '# it does not settle'
}

# One family of one probe: sends it and notes what is expected of its token.
probe_send() { # FAMILY EXPECT NAME FROM TO PROTO [DPORT] [KEY=VALUE|--OPTION VALUE]...
	local fam=$1 expect=$2 name=$3 from=$4 to=$5 proto=$6 n=3 at=$5 sport=$((20000 + RANDOM % 20000)) dport=0
	local smac='' src='' dst='' dmac='' ip='' arrive='' token gate args=()
	shift 6
	while [ $# -gt 0 ]; do
		case $1 in
		n=* | at=* | sport=* | smac=* | src=* | dst=* | dmac=* | ip=* | arrive=*) local "$1" ;;
		fam=*) ;;
		--record-route) args+=("$1") ;;
		--*) args+=("$1" "$2"); shift ;;
		*) dport=$1 ;;
		esac
		shift
	done
	printf -v token %08x%08x $SRANDOM $SRANDOM
	gate=${SEG[$from]:-${SEG[$to]:-core}}
	src=$(addr_of "${src:-$from}" "$fam" "$gate")
	: "${dst:=$(addr_of "$to" "$fam" "$gate")}"
	if [ "$from" = fw ] || [ "$ip" ]; then
		args+=(--via-ip)
	else
		args+=(-i eth0 --smac "${MAC[${smac:-$from}]}" --dmac "${dmac:-${GATE_MAC[$gate]}}")
	fi
	TOKEN_KEY[$token]=$at.$token
	[ "$proto" != icmp-error ] || TOKEN_KEY[$token]+=.e
	TOKEN_AT[$token]=$at TOKEN_NAME[$token]="$name (IPv$fam)"
	TOKEN_WANT[$token]=${arrive:-$n}
	[ "$SITE_PHASE" = control ] || [ "$expect" = pass ] || TOKEN_WANT[$token]=0
	TOKENS+=("$token")
	sender_send "$from" "${args[@]}" --src "$src" --dst "$dst" --proto "$proto" --sport "$sport" --dport "$dport" \
		--count "$n" --rate 2000 --token "$token"
	# A firewall that may not send at all has said no in its own way.
	[ "$SENT" = "$n" ] || [ "$from" = fw ] || not_ok "${TOKEN_NAME[$token]}: send" "sent $SENT" \
		"$(tail -n 1 "$SITE_DIR/send.$from.err")"
}

run_probe() { # EXPECT NAME ...
	local fams='4 6' w
	for w in "$@"; do
		case $w in
		fam=4) fams=4 ;;
		fam=6) fams=6 ;;
		esac
	done
	for w in $fams; do probe_send "$w" "$@"; done
}

run_check() { # EXPECT NAME COMMAND...
	local expect=$1 name=$2 out rc
	shift 2
	"$@" >"$SITE_DIR/said" 2>&1
	rc=$?
	out=$(tail -n 20 "$SITE_DIR/said")
	[ "$SITE_PHASE" = enforced ] || expect=pass
	if [ $expect = pass ] && [ $rc != 0 ]; then
		not_ok "$SITE_PHASE: $name" "status $rc from: $*" "${out//$'\n'/$'\n'# }"
	elif [ $expect = drop ] && [ $rc = 0 ]; then
		not_ok "$SITE_PHASE: $name" "it succeeded: $*" "${out//$'\n'/$'\n'# }"
	else
		ok "$SITE_PHASE: $name"
	fi
}

run_step() { # PHASE NAME COMMAND...
	local phase=$1 name=$2
	shift 2
	[ "$phase" = both ] || [ "$phase" = "$SITE_PHASE" ] || return 0
	truth "$SITE_PHASE: $name" "$@"
}

run_call() { # PHASE COMMAND...
	[ "$1" = both ] || [ "$1" = "$SITE_PHASE" ] || return 0
	"${@:2}"
}

run_barrier() { site_settle; }

# Has everything come that is to?
tokens_read() {
	local t want
	for t in fw $SITE_HOSTS; do counter_read "$t"; done
	for t in "${TOKENS[@]:+${TOKENS[@]}}"; do
		want=${TOKEN_WANT[$t]}
		[ "${COUNTED[${TOKEN_KEY[$t]}]:-0}" -ge "${want/some/1}" ] || return 1
	done
}

# Judges every token of this phase at once.
tokens_judge() {
	local t got want
	SETTLED=0
	site_settle
	site_wait 'what is to arrive' tokens_read
	for t in "${TOKENS[@]:+${TOKENS[@]}}"; do
		got=${COUNTED[${TOKEN_KEY[$t]}]:-0} want=${TOKEN_WANT[$t]}
		if [ "$got" = "$want" ] || { [ "$want" = some ] && [ "$got" -gt 0 ]; }; then
			ok "$SITE_PHASE: ${TOKEN_NAME[$t]}: $got of $want"
		else
			not_ok "$SITE_PHASE: ${TOKEN_NAME[$t]}" "$got packets arrived at ${TOKEN_AT[$t]}, wanted $want"
		fi
	done
	for t in fw $SITE_HOSTS; do
		[ "${COUNTED[$t.overruns]:-0}" = 0 ] || not_ok "$SITE_PHASE: the counter of $t kept up" "${COUNTED[$t.overruns]} lost"
	done
}

site_run() { # PHASE: every declared item, in order
	local i
	SITE_PHASE=$1
	TOKENS=() SETTLED=0
	for i in "${ITEMS[@]}"; do eval "run_$i"; done
	tokens_judge
}

site_control() { site_run control; }
site_enforced() { site_run enforced; }

# Sends until the firewall lets it through: a permitted device must have been seen and verified once.
site_learn() { # FROM TO PROTO DPORT [FAMILY]
	local fam=${5:-} token end=$((SECONDS + SITE_WAIT))
	if [ -z "$fam" ]; then
		site_learn "$1" "$2" "$3" "$4" 4 && site_learn "$1" "$2" "$3" "$4" 6
		return
	fi
	printf -v token %08x%08x $SRANDOM $SRANDOM
	until [ "$(count_of "$2" "$token")" -gt 0 ]; do
		[ $SECONDS -lt $end ] || { not_ok "$1 is let through to $2 (IPv$fam)"; return 1; }
		sender_send "$1" --via-ip --src "$(addr_of "$1" "$fam")" --dst "$(addr_of "$2" "$fam")" \
			--proto "$3" --sport 40000 --dport "$4" --token "$token"
		sleep 0.1
	done
}

# The kernel has the device's bindings of both families among the members of its class.
site_knows() { # HOST
	in_ns fw nft list table inet ringfence | awk -v four="${MAC[$1]} . ${IP4[$1]}" -v six="${MAC[$1]} . ${IP6[$1]}" '
		/^\tset / { members = $2 ~ /^members/ }
		members && index($0, four) { a = 1 }
		members && index($0, six) { b = 1 }
		END { exit !(a && b) }'
}
