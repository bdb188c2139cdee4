#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What goes wrong around the daemon: its store, its disk, its privilege, its queue, its interfaces, its
# table in others' hands, its clients, its policy, its clock.  Each time it says what is wrong, filters on
# or leaves the closed table behind, and recovers.  FAILURES names some of them; default: all.
#
# A kernel without packet queues is 70-no-queue's, a hung daemon 31-kill's.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2

everything() { # NAME: what passes and what does not, in the control run and after each failure
	ITEMS=()
	probe pass "$1: A to the VMS" axis vms udp 50000
	probe pass "$1: A to the clock" axis clock udp 123
	probe drop "$1: A where it may not" axis desk udp 53
	probe drop "$1: R to a desk" hik desk udp 53
	probe drop "$1: the VMS to R" vms hik tcp-syn 443
	probe drop "$1: R on the other interface" rrec desk udp 53
	probe pass "$1: A on the other interface" axis2 clock udp 123
	probe "${2:-pass}" "$1: a desk to the recorder, by exception" desk rrec tcp-syn 8000 n=1
}

filters() { # NAME [EXCEPTION: pass|drop]
	everything "$@"
	site_run enforced
}

blocks() { # NAME: nothing passes: the closed table
	everything "$1"
	ITEMS=("${ITEMS[@]/probe pass/probe drop}")
	site_run enforced
}

started() { # NAME
	truth "$1: the daemon starts" site_daemon_start
	kill -0 "$DAEMON_PID" 2>/dev/null || { DAEMON_PID=''; return 1; }
	site_learn axis clock udp 123
	site_learn axis2 clock udp 123
}

# Starts what must not start; its words go to $SITE_DIR/refused.
refuses() { # NAME PATTERN COMMAND...
	local name=$1 pattern=$2
	shift 2
	timeout "$SITE_WAIT" "$@" >"$SITE_DIR/refused" 2>&1 </dev/null
	is "$name: it does not start" $? 2
	truth "$name: it says why" grep "$pattern" "$SITE_DIR/refused"
}

daemon_args() { # sets ARGS
	ARGS=("$SITE_BUILD/ringfenced" -p "$SITE_DIR/policy.yaml" --data "$RINGFENCE_DATA" --state "$SITE_DIR/state"
		--run "$SITE_DIR/run" --foreground)
}

# ---- the store ----

damaged() { # NAME: stopped, its store damaged by the caller; it starts on a new one and says so
	local lines
	lines=$(wc -l <"$SITE_DIR/daemon.log")
	started "$1" || return
	truth "$1: it says so in the log" eval "tail -n +$((lines + 1)) '$SITE_DIR/daemon.log' | grep 'set aside'"
	truth "$1: what was there is kept" ls "$SITE_DIR/state"/events.db.corrupt-*
	truth "$1: an event says so" told_soon 0 loss store_quarantined
	filters "$1"
	truth "$1: the new store is sound" ringfence events verify
	site_daemon_stop
	rm -f "$SITE_DIR/state"/*.corrupt-*
}

store() {
	local db=$SITE_DIR/state/events.db last
	started 'a new store'
	filters 'a new store'
	site_daemon_stop
	head -c 100000 /dev/urandom >"$db"
	damaged 'a store of garbage'
	truncate -s 9000 "$db" && rm -f "$db"-wal
	damaged 'a truncated store'
	started 'before the torn log' || return
	filters 'before the torn log'
	site_wait 'events' told 0 blocked . || not_ok 'there are events'
	site_daemon_kill
	last=$(stat -c %s "$db-wal")
	truth 'there is a log to tear' [ "$last" -gt 20000 ]
	truncate -s $((last - 5000)) "$db-wal"
	printf 'torn' | dd of="$db-wal" bs=1 seek=$((last - 5300)) conv=notrunc status=none
	started 'a torn log' || return
	filters 'a torn log'
	truth 'a torn log: what is left is sound' ringfence events verify
	site_daemon_stop
	rm -f "$db"* && mkdir "$db"
	started 'a store that cannot be opened' || return
	truth 'it says so in the log' grep 'cannot be opened, events go to' "$SITE_DIR/daemon.log"
	is 'a store that cannot be opened: degraded' "$(status_word degraded)" 'the event store fails'
	filters 'a store that cannot be opened'
	truth 'its events are in the run directory' ringfence events --state "$SITE_DIR/run/store" --kind blocked
	site_daemon_stop
	rmdir "$db"
}

fill() { dd if=/dev/zero of="$SITE_DIR/state/filler" bs=64k oflag=append conv=notrunc 2>/dev/null; return 0; }

# Until the status says so; what frees itself (the ballast) is taken as well.
fill_until_degraded() {
	fill
	status_word degraded | grep -q "^the event store"
}

full_disk() {
	local before
	rm -rf "$SITE_DIR/state"
	mkdir "$SITE_DIR/state" && mount -t tmpfs -o size=80m state "$SITE_DIR/state" || site_die 'no tmpfs'
	started 'a small disk' || return
	filters 'a small disk'
	before=$(last_seq)
	truth 'a full disk: the status says so' site_wait 'the failing store' fill_until_degraded
	ringfence status >"$SITE_DIR/status"
	truth 'a full disk: and why' grep -i 'state *degraded.*\(full\|fails\)' "$SITE_DIR/status"
	fill
	filters 'a full disk'
	fill
	is 'a full disk: not a byte is free' "$(df --output=avail "$SITE_DIR/state" | tail -n 1 | tr -d ' ')" 0
	filters 'a full disk, a while later'
	rm -f "$SITE_DIR/state/filler"
	truth 'space again: the store works' site_wait 'the store' status_is state ok
	filters 'space again'
	is 'space again: nothing was refused' "$(status_word refused)" 0
	site_daemon_stop
	truth 'space again: everything is there' ringfence events verify
	truth 'space again: nothing recorded is lost' eval "ringfence events verify | grep \"removed by retention 0, missing 0, damaged 0\""
	echo "# $(ringfence events verify | head -n 1), $before before the disk was full"
	umount "$SITE_DIR/state"
}

# ---- privilege, queue ----

unprivileged() {
	local ARGS dir
	dir=$(mktemp -d /tmp/rf-nobody.XXXXXX)
	cp "$SITE_DIR/policy.yaml" "$dir" && chmod 755 "$dir" && chmod 644 "$dir/policy.yaml"
	mkdir "$dir/state" "$dir/run" && chown nobody "$dir/state" "$dir/run"
	cp "$SITE_BUILD/ringfenced" "$dir/"
	refuses 'without privilege' 'CAP_NET_ADMIN' nsenter --net="/run/netns/$(site_ns fw)" -- \
		setpriv --reuid=nobody --regid=nogroup --clear-groups --bounding-set=-all "$dir/ringfenced" \
		-p "$dir/policy.yaml" --data "$RINGFENCE_DATA" --state "$dir/state" --run "$dir/run" --foreground
	rm -rf "$dir"
}

queue_taken() {
	local ARGS holder
	site_tables_remove
	truth 'the closed table' ringfence lock -p "$SITE_DIR/policy.yaml"
	in_ns_bg fw "$SITE_DIR/holder" "$SITE_BUILD/bench/oneloop" 100
	holder=$SITE_LAST
	site_wait_line "$SITE_DIR/holder" ready || not_ok 'somebody holds queue 100'
	daemon_args
	refuses 'the queue is taken' 'queue 100 is held by another process (netlink port [0-9]*, .*oneloop' \
		nsenter --net="/run/netns/$(site_ns fw)" -- "${ARGS[@]}"
	blocks 'the queue is taken'
	site_kill "$holder"
	started 'the queue is free again' || return
	site_daemon_kill
	in_ns_bg fw "$SITE_DIR/holder" "$SITE_BUILD/bench/oneloop" 100
	holder=$SITE_LAST
	site_wait_line "$SITE_DIR/holder" 'ready'
	ITEMS=()
	probe drop 'judged by a stranger: R to a desk' hik desk udp 53
	probe drop 'judged by a stranger: A where it may not' axis desk udp 53
	site_run enforced
	site_kill "$holder"
}

# ---- interfaces, tables ----

cam1_gone() { in_ns fw ip link del "$CAM1"; }

cam1_comes() {
	if [ "$SITE_VLAN" ]; then
		in_ns fw ip link add link eth1 name "$CAM1" address "${GATE_MAC[cam1]}" type vlan id "${CAM1#eth1.}"
	else
		ip -n "$(site_ns sw)" link add fw-cam1 type veth peer name "$CAM1" netns "$(site_ns fw)" address "${GATE_MAC[cam1]}"
		SITE_FDB=''
		site_port fw-cam1 br-cam1 "${GATE_MAC[cam1]}" | ip -n "$(site_ns sw)" -batch - &&
			ip -n "$(site_ns sw)" link set fw-cam1 up &&
			bridge -n "$(site_ns sw)" fdb add "${GATE_MAC[cam1]}" dev fw-cam1 master static
	fi || return 1
	in_ns fw sh -c "$SITE_SYSCTLS_FW"
	in_ns fw ip link set "$CAM1" up && in_ns fw ip addr add "${GATE4[cam1]}" dev "$CAM1" &&
		in_ns fw ip addr add "${GATE6[cam1]}" dev "$CAM1" nodad
}

late_interface() {
	truth "$CAM1 is deleted" cam1_gone
	truth 'without an interface: the daemon starts' site_daemon_start
	is 'without an interface: degraded' "$(status_word degraded)" 'a guarded interface is missing'
	truth 'without an interface: an event says so' told_soon 0 strange_interface "$CAM1"
	site_learn axis clock udp 123
	ITEMS=()
	probe drop 'without an interface: R to a desk' hik desk udp 53
	probe pass 'without an interface: A to the VMS' axis vms udp 50000
	site_run enforced
	truth "$CAM1 comes" cam1_comes
	ITEMS=()
	probe drop 'at once: R on the late interface' rrec desk udp 53
	probe drop 'at once: A where it may not, on the late interface' axis2 desk udp 53
	site_run enforced
	truth 'the late interface: no more degraded' site_wait 'the state' status_is state ok
	site_learn axis2 clock udp 123
	filters 'the late interface'
	truth 'the late interface: the table is what it should be' ringfence verify
}

cam1_rename() { # FROM TO
	in_ns fw ip link set "$1" down && in_ns fw ip link set "$1" name "$2" && in_ns fw ip link set "$2" up || return 1
	in_ns fw ip addr flush dev "$2" scope global && in_ns fw ip addr add "${GATE4[cam1]}" dev "$2" &&
		in_ns fw ip addr add "${GATE6[cam1]}" dev "$2" nodad
}

# Under another name a guarded interface stays shut, also for a daemon that has never seen it under its own.
renamed() {
	started 'before the rename' || return
	truth "$CAM1 is renamed" cam1_rename "$CAM1" zz1
	ITEMS=()
	probe drop 'renamed: R on it' rrec desk udp 53
	probe pass 'renamed: A on the other interface' axis vms udp 50000
	site_run enforced
	site_daemon_kill
	truth 'renamed, started again: the daemon starts' site_daemon_start
	ITEMS=()
	probe drop 'renamed, started again: R on it' rrec desk udp 53
	probe drop 'renamed, started again: A on it' axis2 clock udp 123
	probe pass 'renamed, started again: A on the other interface' axis vms udp 50000
	site_run enforced
	truth 'renamed, started again: status says so' eval 'ringfence status | grep "shut.*zz1"'
	site_daemon_kill
	site_tables_remove
	truth 'renamed: the closed table' ringfence lock -p "$SITE_DIR/policy.yaml"
	is 'renamed, the closed table: it is not open' "$(in_ns fw nft list set inet ringfence open | grep -c zz1)" 0
	truth "$CAM1 is back" cam1_rename zz1 "$CAM1"
	truth 'its name is back: the daemon starts' site_daemon_start
	site_learn axis2 clock udp 123
	filters 'it has its name again'
}

# Somebody does COMMAND to the table; R floods all the while.
tampered() { # NAME COMMAND...
	local name=$1 seq flood token n least most from took
	shift
	seq=$(last_seq)
	printf -v token %08x%08x $SRANDOM $SRANDOM
	in_ns_bg hik "$SITE_DIR/flood" "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[hik]}" --dst "${IP4[desk]}" \
		--proto udp --sport 20000 --dport 53 --flows 1000 --rate 2000 --seconds 100 --token "$token"
	flood=$SITE_LAST
	sleep 0.2
	from=$(date +%s%N)
	truth "$name" in_ns fw "$@"
	truth "$name: an event has the exposure" told_soon "$seq" tamper exposed_us
	took=$((($(date +%s%N) - from) / 1000))
	n=$(count_of desk "$token")
	sleep 1
	is "$name: nothing passes after that" "$(($(count_of desk "$token") - n))" 0
	site_kill "$flood"
	truth "$name: the table is what it should be" site_wait 'the table' ringfence verify
	filters "$name"
	most=$(events_since "$seq" tamper | grep -o 'exposed_us\\*":[0-9]*' | head -n 1 | grep -o '[0-9]*$')
	least=$(events_since "$seq" tamper | grep -o 'exposed_min_us\\*":[0-9]*' | head -n 1 | grep -o '[0-9]*$')
	truth "$name: no more passed than in the time that the event says" [ "$((n * 500))" -le "$((${most:-0} + 1000))" ]
	truth "$name: nor is that longer than it took ($took us), but for what was seen last before it" \
		[ $((${least:-1} <= ${most:-0} && ${most:-0} <= took + 500000)) = 1 ]
	echo "# $name: $n packets of 2000 a second passed; exposed for $least to $most us"
}

# The forward chain's name, in FORWARD.
forward_chain() {
	FORWARD=$(in_ns fw nft -j list chains inet 2>/dev/null |
		grep -o '"name": "[^"]*", "handle": [0-9]*, "type": "filter", "hook": "forward"' | sed 's/"name": "//; s/".*//' | head -n 1)
	truth 'the forward chain' [ "$FORWARD" ]
}

tamper() {
	site_tables_remove
	truth 'before tampering: a daemon that lets others change the table' site_daemon_start --shared
	site_learn axis clock udp 123
	site_learn axis2 clock udp 123
	is 'before tampering: status says so' "$(status_word table)" shared
	forward_chain
	tampered 'an accept is added' nft insert rule inet ringfence "$FORWARD" accept
	tampered 'a chain is emptied' nft flush chain inet ringfence "$FORWARD"
	tampered 'the table sleeps' nft add table inet ringfence '{ flags dormant; }'
	tampered 'the table is deleted' nft delete table inet ringfence
	tampered 'the fences are emptied' nft flush table netdev ringfence
	tampered 'the fences are deleted' nft delete table netdev ringfence
	tampered 'everything is deleted' nft flush ruleset
}

hooks() { in_ns fw nft -j list chains inet 2>/dev/null | grep -o '"name": "[^"]*", "handle": [0-9]*, "type": "filter"' | sort; }

refused() { # NAME COMMAND...
	local name=$1
	shift
	in_ns fw "$@" >"$SITE_DIR/refused" 2>&1
	is "$name: refused" $? 1
}

held() { # NAME COMMAND: refused because the table has an owner
	ringfence $2 >"$SITE_DIR/refused" 2>&1
	is "$1: refused" $? 2
	truth "$1: says why" grep "$3" "$SITE_DIR/refused"
}

# Where the kernel can, the table belongs to the daemon: while it lives nobody else can touch it.
# How often the daemon's main thread slept so far.
sleeps() { awk '/^voluntary/ { print $2 }' "/proc/$DAEMON_PID/task/$DAEMON_PID/status"; }

owned() {
	local seq before
	site_tables_remove
	started 'before the table has an owner' || return
	if [[ $(status_word table) == *'no owners'* ]]; then
		echo '# this kernel has no table owners'
		return
	fi
	is 'the table has an owner' "$(status_word table)" owned
	forward_chain
	seq=$(last_seq) before=$(fingerprint)
	refused 'owned: an accept' nft insert rule inet ringfence "$FORWARD" accept
	refused 'owned: a chain emptied' nft flush chain inet ringfence "$FORWARD"
	refused 'owned: the table asleep' nft add table inet ringfence '{ flags dormant; }'
	refused 'owned: the table deleted' nft delete table inet ringfence
	refused 'owned: the fences deleted' nft delete table netdev ringfence
	refused 'owned: the fences emptied' nft flush table netdev ringfence
	truth 'owned: everything else is deleted' in_ns fw nft flush ruleset
	is 'owned: none of it changed anything' "$(fingerprint)" "$before"
	filters 'owned, attacked'
	is 'owned: nothing to tell' "$(events_since "$seq" tamper)" ''
	before=$(sleeps)
	sleep 3
	truth 'owned, nothing to do: it wakes 30 times a second at most' [ "$((${before:?} + 90))" -gt "$(sleeps)" ]
	echo "# nothing to do: the main thread slept $(($(sleeps) - before)) times in three seconds"
	held 'owned: lock' "lock -p $SITE_DIR/policy.yaml" 'belongs to a process that is alive'
	held 'owned: unlock' unlock 'ringfenced is running'
	site_daemon_hang
	held 'owned, the daemon hangs: unlock' unlock 'belongs to a process that is alive'
	site_daemon_wake
	before=$(hooks)
	site_daemon_kill
	is 'killed: the table stays' "$(hooks)" "$before"
	started 'killed, started' || return
	is 'killed, started: it is the new one'"'s" "$(status_word table)" owned
	refused 'killed, started: an accept' nft insert rule inet ringfence "$FORWARD" accept
	is 'killed, started: the same base chains' "$(hooks)" "$before"
	filters 'killed, started'
	site_daemon_kill
	truth 'killed: unlock' ringfence unlock
	is 'killed, unlocked: nothing is left' "$(hooks)" ''
	truth 'lock' ringfence lock -p "$SITE_DIR/policy.yaml"
	blocks 'locked'
	started 'after the lock' || return
	is 'after the lock: the table has an owner' "$(status_word table)" owned
	site_daemon_stop
	upgraded
}

# A table that an older version made has no owner, and cannot get one without its base chains being deleted.
upgraded() {
	local before
	site_tables_remove
	truth 'a table of an older version' site_daemon_start --shared
	site_daemon_kill
	before=$(hooks)
	started 'over a table without an owner' || return
	is 'over a table without an owner: the same base chains' "$(hooks)" "$before"
	truth 'over a table without an owner: status says so' eval '[[ $(status_word table) == *until\ the\ next\ boot* ]]'
	filters 'over a table without an owner'
	truth 'over a table without an owner: it is what it should be' ringfence verify
	tampered 'over a table without an owner: it is deleted' nft delete table inet ringfence
	is 'made anew it has one' "$(status_word table)" owned
}

# ---- ways around the table ----

ways() { ringfence status --json | tr -d '\n' | grep -o '"bypass_possible": *\[[^]]*\]'; }

foreign() { # NAME PATTERN NFT-RULE [EXPECTED of permitted flows: pass|drop|'': not looked at]
	local seq
	seq=$(last_seq)
	in_ns fw nft "add table ip foreign; add chain ip foreign c { type filter hook prerouting priority -350; }; add rule ip foreign c $3"
	is "$1: somebody's rule" $? 0
	truth "$1: an event says so" told_soon "$seq" bypass_possible "$2"
	truth "$1: status says so" eval "ways | grep '$2'"
	truth "$1: our table is what it should be" ringfence verify
	ITEMS=()
	probe drop "$1: A where it may not" axis desk udp 53
	probe drop "$1: R to a desk" hik desk udp 53
	probe drop "$1: the VMS to R" vms hik tcp-syn 443
	[ -z "${4:-}" ] || probe "$4" "$1: A to the VMS" axis vms udp 50000
	site_run enforced
	truth "$1: it goes" in_ns fw nft delete table ip foreign
	is "$1: gone, status says nothing" "$(ways | tr -d ' ')" '"bypass_possible":[]'
}

ways_around() {
	local seq
	started 'before ways around' || return
	is 'before ways around: none' "$(ways | tr -d ' ')" '"bypass_possible":[]'
	foreign 'a foreign ct mark' 'ct mark set' 'ct mark set 7' pass
	foreign 'a foreign mark that is restored' 'ct mark set' 'ct mark set meta mark' pass
	foreign 'notrack' notrack 'udp dport 53 notrack'
	foreign 'a ct zone' 'ct zone set' 'ct zone set 5'
	seq=$(last_seq)
	truth 'a chain among ours' in_ns fw nft "add table ip foreign; add chain ip foreign c { type filter hook forward priority -11; }"
	truth 'a chain among ours: an event says so' told_soon "$seq" bypass_possible 'base chain among ours'
	ringfence status >"$SITE_DIR/status"
	is 'a chain among ours: status is degraded' $? 1
	truth 'a chain among ours: by name' grep '^state *degraded: ip foreign: base chain among ours in c' "$SITE_DIR/status"
	is 'a chain among ours: for machines, too' "$(status_word degraded)" 'ip foreign: base chain among ours in c'
	ringfence verify >"$SITE_DIR/verify"
	is 'a chain among ours: verify finds it' $? 1
	truth 'a chain among ours: by name' grep 'chain c of table foreign runs among ours' "$SITE_DIR/verify"
	truth 'a chain among ours: it goes' in_ns fw nft delete table ip foreign
	truth 'a chain among ours: gone' ringfence verify
	truth 'a chain among ours: gone, status is well' ringfence status
	seq=$(last_seq)
	truth 'tc ingress on a guarded interface' in_ns fw tc qdisc add dev "$CAM0" clsact
	truth 'tc ingress: status says so' eval "ways | grep 'interface $CAM0 has tc ingress filters'"
	truth 'tc ingress: an event says so' told_soon "$seq" bypass_possible 'tc ingress'
	truth 'tc ingress: it goes' in_ns fw tc qdisc del dev "$CAM0" clsact
	is 'tc ingress: gone' "$(ways | tr -d ' ')" '"bypass_possible":[]'
	filters 'after ways around'
}

# ---- what others do to the queues ----

# Packets in our queues, by the kernel's own table: number, port, waiting …
waiting() { in_ns fw awk '{ n += $3 } END { print n + 0 }' /proc/net/netfilter/nfnetlink_queue; }
some_wait() { [ "$(waiting)" -ge 10 ]; }

lost_since() { [ "$(unanswered_since "$1")" -ge "$2" ]; } # SEQ COUNT

# Somebody deletes a base chain of their own: the kernel throws away every queued packet of the namespace.
flushed() {
	local seq n told
	started 'before the queue is flushed' || return
	truth 'a base chain of others' in_ns fw nft 'add table ip foreign; add chain ip foreign c { type filter hook forward priority 50; }'
	seq=$(last_seq)
	site_daemon_hang
	sender_send hik --via-ip --src "${IP4[hik]}" --dst "${IP4[desk]}" --proto udp --sport 30000 --dport 53 --count 20 --rate 100
	truth 'packets wait for a hung daemon' site_wait 'packets in the queue' some_wait
	n=$(waiting)
	truth 'the chain is deleted' in_ns fw nft delete table ip foreign
	is 'what waited is gone' "$(waiting)" 0
	site_daemon_wake
	# What was asked in the daemon's last moment before the pause is told a moment later.
	truth 'events say that they died there' site_wait 'all that waited to be told' lost_since "$seq" "$n"
	sleep 2
	told=$(unanswered_since "$seq")
	is 'as many as had waited, and no more later' "$told" "$n" || events_since "$seq" loss | head -n 3 | sed 's/^/# /'
	echo "# $n packets waited when somebody deleted a base chain, $told are told as lost"
	filters 'after the flush'
}

# ---- clients, policy, clock ----

clients() {
	local py=$SITE_HERE/clients.py sock=$SITE_DIR/run/control.sock generation how
	started 'before the clients' || return
	generation=$(status_word generation)
	for how in rubbish half unread; do
		truth "clients: $how" timeout 60 python3 "$py" "$how" "$sock"
		truth "clients: $how: the daemon answers" site_wait 'the status' ringfence status
	done
	in_ns_bg fw "$SITE_DIR/crowd" python3 "$py" crowd "$sock"
	site_wait_line "$SITE_DIR/crowd" holding
	filters 'a crowd of clients'
	truth 'a crowd of clients: others get through after a while' site_wait 'the status' ringfence status
	site_kill "$SITE_LAST"
	chmod 666 "$sock" && chmod 711 "$SITE_DIR" "$SITE_DIR/run"
	cp "$SITE_BUILD/ringfence" "$SITE_DIR/run/rf"
	for how in reload 'reload confirm' status; do
		# shellcheck disable=SC2086
		in_ns fw setpriv --reuid=nobody --regid=nogroup --clear-groups "$SITE_DIR/run/rf" $how --socket "$sock" \
			>"$SITE_DIR/refused" 2>&1
		is "nobody asks for $how: refused" $? 2
		truth "nobody asks for $how: told so" grep 'uid 65534 may not' "$SITE_DIR/refused"
	done
	is 'clients: nothing was loaded' "$(status_word generation)" "$generation"
	filters 'after the clients'
}

hangup() {
	local seq generation
	seq=$(last_seq) generation=$(status_word generation)
	policy_write revision='{ ['
	kill -HUP "$DAEMON_PID"
	truth 'bad YAML and SIGHUP: an event has the place' told_soon "$seq" policy_refused 'policy.yaml:[0-9]'
	truth 'bad YAML and SIGHUP: the log has the place' grep -E 'policy\.yaml:[0-9]+:[0-9]+: error' "$SITE_DIR/daemon.log"
	is 'bad YAML and SIGHUP: nothing was loaded' "$(status_word generation)" "$generation"
	filters 'bad YAML and SIGHUP'
	policy_write
	kill -HUP "$DAEMON_PID"
	truth 'good YAML and SIGHUP: loaded' told_soon "$seq" policy_loaded SIGHUP
}

# The machine's clock is left alone: the store has seen a later day, which is the same to the daemon.
clock_back() {
	local late=$((($(date +%s) + 200 * 86400) * 1000000000)) i seq
	started 'before the clock goes back'
	filters 'before the clock goes back' pass
	site_daemon_stop
	sqlite3 "$SITE_DIR/state/events.db" "UPDATE meta SET value = $late WHERE key = 'latest_ns'" || not_ok 'sqlite3'
	for i in 'the clock went back' 'the clock went back, started again'; do
		seq=$(sqlite3 "$SITE_DIR/state/events.db" 'SELECT seq FROM head')
		started "$i" || return
		truth "$i: an event says so" told_soon "$seq" clock_unsound .
		filters "$i" drop
		sleep 1
		site_daemon_stop
	done
	sqlite3 "$SITE_DIR/state/events.db" "UPDATE meta SET value = $(date +%s%N) WHERE key = 'latest_ns'"
	started 'the clock is right'
	filters 'the clock is right' pass
	site_daemon_stop
}

site_up 60-failures
site_servers
everything control
site_control
[ "${SITE_ONLY:-}" != control ] || site_done
policy_write
for f in ${FAILURES:-store full_disk unprivileged queue_taken late_interface renamed owned flushed tamper ways_around flushed clients hangup clock_back}; do
	[ "$f" = hangup ] || site_daemon_stop
	$f
done
site_done
