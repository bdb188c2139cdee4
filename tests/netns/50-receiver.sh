#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Delivery to a real syslog receiver over TCP: the receiver is down for a while and the shipper is killed
# at random moments while events are made; in the end the receiver has every number (some twice).  What
# is taken away from it shows as a gap in the numbers, and `ringfence events resend` closes it.  A receiver
# that accepts and never reads holds up nothing.  FULL=1: down for a minute and more.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2
. "$(dirname "$0")/receiver.sh" || exit 2
DOWN=${DOWN:-15}
[ -z "${FULL:-}" ] || DOWN=60
PORT=5514 STUCK=5515
HAVE='' SHIP_PID=''

# Accepts and never reads.
stuck_start() {
	in_ns_bg siem "$SITE_DIR/stuck" python3 -c "
import socket, time
s = socket.create_server(('', $STUCK)); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
print('ready', flush=True)
held = []
while True: held.append(s.accept()); print('accepted', flush=True)"
	site_wait_line "$SITE_DIR/stuck" ready
}

ship_conf() { # [stuck]
	receiver_ship_conf "$PORT"
	[ "${1:-}" != stuck ] || cat >>"$SITE_DIR/ship.conf" <<-CONF

		[sink stuck]
		type = syslog
		host = ${IP4[siem]}
		port = $STUCK
		format = sd
		timeout = 5s
	CONF
}

ship_start() {
	nsenter --net="/run/netns/$(site_ns fw)" -- "$SITE_BUILD/ringfence-ship" --config "$SITE_DIR/ship.conf" \
		>>"$SITE_DIR/ship.log" 2>&1 </dev/null &
	SHIP_PID=$!
	SITE_PIDS+=" $SHIP_PID"
}

ship_kill() { site_kill "$SHIP_PID" KILL; }

# Each is an event of its own: another port, and in turn of 50 devices, none of which asks for so many that it is told as a scan.
events_make() { # N
	local i at
	for ((i = 0; i < $1; i++)); do
		at=$((200 + (PORTS += 1) % 50))
		sender_send hik -i eth0 --smac "$(printf '02:50:00:00:00:%02x' $at)" --dmac "${GATE_MAC[cam0]}" \
			--src "${IP4[hik]%.*}.$at" --dst "${IP4[desk]}" --proto udp --sport 1000 --dport $PORTS --count 1
	done
}
PORTS=2000

numbers() { # FILE: the sequence numbers in it, sorted, each once
	case $1 in
	*.ecs) grep -o '"sequence":[0-9]*' "$1" ;;
	*) grep -o 'sequenceId="[0-9]*"' "$1" ;;
	esac 2>/dev/null | tr -dc '0-9\n' | sort -nu
}

gaps() { # FILE: ranges of numbers that are missing, from 1 to the newest that it has
	numbers "$1" | awk 'BEGIN { want = 1 } $1 > want { printf "%d-%d ", want, $1 - 1 } { want = $1 + 1 }'
}

newest() { numbers "$1" | tail -n 1; }

stored() { ringfence events --last 1 --format ecs 2>/dev/null | grep -o '"sequence":[0-9]*' | tr -dc 0-9; }

reaches() { # FILE SEQ
	[ "$(newest "$1")" ] && [ "$(newest "$1")" -ge "$2" ]
}

# It has everything up to what the store has now; told so in NAME.
complete() { # NAME FILE
	local want
	sleep 0.5
	want=$(stored)
	truth "$1: reaches event $want" site_wait "event $want" reaches "$2" "$want"
	is "$1: none is missing" "$(gaps "$2")" ''
}

outages() {
	local end kills=0 before
	events_make 50
	complete 'at the receiver' "$SITE_DIR/siem.log"
	before=$(newest "$SITE_DIR/siem.log")
	site_kill "$RECEIVER_PID" KILL
	end=$((SECONDS + DOWN))
	while [ $SECONDS -lt $end ]; do
		events_make $((RANDOM % 30 + 5))
		sleep "0.$((RANDOM % 9))"
		ship_kill
		kills=$((kills + 1))
		ship_start
	done
	is 'the receiver is down: it has nothing new' "$(newest "$SITE_DIR/siem.log")" "$before"
	truth 'the receiver is down: there is something new' [ "$(stored)" -gt $((before + 20)) ]
	complete 'the file goes on meanwhile' "$SITE_DIR/events.ecs"
	receiver_start "$PORT"
	for _ in 1 2 3 4 5; do
		sleep "0.$((RANDOM % 9))"
		ship_kill
		kills=$((kills + 1))
		ship_start
		events_make 20
	done
	complete "down for $DOWN s, the shipper killed $kills times: the receiver" "$SITE_DIR/siem.log"
	complete "killed $kills times: the file" "$SITE_DIR/events.ecs"
	echo "# $(stored) events; $(grep -c sequenceId "$SITE_DIR/siem.log") lines at the receiver"
}

# The receiver restarts again and again while the shipper sends.
restarts() {
	for _ in 1 2 3; do
		events_make 30
		site_kill "$RECEIVER_PID" TERM
		events_make 30
		receiver_start "$PORT"
	done
	complete 'a receiver that restarts' "$SITE_DIR/siem.log"
}

wire() { ip -n "$(site_ns sw)" link set to-siem "$1"; } # up|down

# What was written to the connection but never arrived is sent again: the wire is cut, both ends die.
unplugged() {
	wire down
	events_make 40
	sleep 2
	ship_kill
	site_kill "$RECEIVER_PID" KILL
	wire up
	receiver_start "$PORT"
	ship_start
	events_make 5
	complete 'after the wire was cut' "$SITE_DIR/siem.log"
}

resend() {
	local from=$(($(stored) / 3)) to
	to=$((from + 20))
	site_kill "$RECEIVER_PID" TERM
	awk -v from=$from -v to=$to '{ n = $0; sub(/.*sequenceId="/, "", n); sub(/".*/, "", n) }
		!(n + 0 >= from && n + 0 <= to)' "$SITE_DIR/siem.log" >"$SITE_DIR/less" && mv "$SITE_DIR/less" "$SITE_DIR/siem.log"
	receiver_start "$PORT"
	events_make 5
	truth 'it goes on' site_wait 'the receiver' reaches "$SITE_DIR/siem.log" "$(stored)"
	is 'what was lost shows as a gap' "$(gaps "$SITE_DIR/siem.log")" "$from-$to "
	truth 'resend' ringfence events resend --sink siem --from $from --to $to --ship-state "$SITE_DIR/ship"
	truth 'the gap closes' site_wait 'the gap' no_gap
	ringfence events resend --sink simm --from $from --to $to --ship-state "$SITE_DIR/ship" >"$SITE_DIR/refused" 2>&1
	is 'resend to a sink that is not there is refused' $? 2
}
no_gap() { [ -z "$(gaps "$SITE_DIR/siem.log")" ]; }

stuck() {
	stuck_start
	ship_conf stuck
	truth 'a third sink' "$SITE_BUILD/ringfence-ship" --config "$SITE_DIR/ship.conf" --check
	kill -HUP "$SHIP_PID"
	truth 'it is connected' site_wait_line "$SITE_DIR/stuck" accepted
	events_make 200
	complete 'beside a receiver that never reads: the other' "$SITE_DIR/siem.log"
	complete 'beside a receiver that never reads: the file' "$SITE_DIR/events.ecs"
	truth 'the shipper is alive' kill -0 "$SHIP_PID"
	"$SITE_BUILD/ringfence-ship" --config "$SITE_DIR/ship.conf" --status >"$SITE_DIR/status" 2>&1
	is 'the status says that not all is well' $? 1
	truth 'and which sink is behind' grep '^stuck: .* [1-9][0-9]* behind' "$SITE_DIR/status"
	sed 's/^/# /' "$SITE_DIR/status"
	kill -TERM "$SHIP_PID"
	truth 'and stops when told' site_wait 'its end' ship_gone
}
ship_gone() { ! kill -0 "$SHIP_PID" 2>/dev/null; }

site_up 50-receiver
site_servers
site_control
receiver_start "$PORT" || site_die 'rsyslogd does not start'
[ "${SITE_ONLY:-}" != control ] || site_done
policy_write
site_daemon_start || site_die 'the daemon does not start'
ship_conf
"$SITE_BUILD/ringfence-ship" --config "$SITE_DIR/ship.conf" --check || site_die 'ship.conf is refused'
ship_start
outages
restarts
unplugged
resend
stuck
truth 'the store holds together' ringfence events verify
site_done
