# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The real syslog receiver in namespace siem, and a shipper that delivers to it: what comes is in $SITE_DIR/siem.log, as it was sent.
RECEIVER_PID=''

receiver_start() { # PORT
	cat >"$SITE_DIR/rsyslog.conf" <<-CONF
		global(workDirectory="$SITE_DIR" maxMessageSize="16k")
		module(load="imtcp")
		template(name="raw" type="string" string="%rawmsg%\n")
		input(type="imtcp" port="$1" ruleset="r")
		ruleset(name="r") { action(type="omfile" file="$SITE_DIR/siem.log" template="raw") }
	CONF
	rm -f "$SITE_DIR/rsyslog.pid"
	in_ns_bg siem "$SITE_DIR/rsyslog.log" rsyslogd -n -f "$SITE_DIR/rsyslog.conf" -i "$SITE_DIR/rsyslog.pid"
	RECEIVER_PID=$SITE_LAST
	site_wait 'the syslog receiver' in_ns siem sh -c "ss -ltn | grep -q :$1"
}

# The shipper's configuration: that receiver, and a file.
receiver_ship_conf() { # PORT
	mkdir -p "$SITE_DIR/ship"
	cat >"$SITE_DIR/ship.conf" <<-CONF
		store = $SITE_DIR/state
		state = $SITE_DIR/ship

		[sink siem]
		type = syslog
		host = ${IP4[siem]}
		port = $1
		framing = octet-counting
		format = sd

		[sink file]
		type = file
		path = $SITE_DIR/events.ecs
		format = ecs
	CONF
}
