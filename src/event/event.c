/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event: the words, and which kinds tell of traffic. */
#include "event/event.h"

#include <assert.h>

const struct word event_kind_words[] = {
	{ "blocked", EVENT_BLOCKED }, { "would_block", EVENT_WOULD_BLOCK }, { "would_allow", EVENT_WOULD_ALLOW },
	{ "flood", EVENT_FLOOD }, { "scan", EVENT_SCAN }, { "device_new", EVENT_DEVICE_NEW },
	{ "restricted_new", EVENT_RESTRICTED_NEW }, { "identity_changed", EVENT_IDENTITY_CHANGED },
	{ "spoof_suspected", EVENT_SPOOF_SUSPECTED }, { "exception_used", EVENT_EXCEPTION_USED },
	{ "exception_expiring", EVENT_EXCEPTION_EXPIRING }, { "exception_expired", EVENT_EXCEPTION_EXPIRED },
	{ "policy_loaded", EVENT_POLICY_LOADED }, { "policy_refused", EVENT_POLICY_REFUSED },
	{ "config_changed", EVENT_CONFIG_CHANGED }, { "mode_changed", EVENT_MODE_CHANGED }, { "tamper", EVENT_TAMPER },
	{ "strange_interface", EVENT_STRANGE_INTERFACE }, { "bypass_possible", EVENT_BYPASS_POSSIBLE },
	{ "outage", EVENT_OUTAGE }, { "loss", EVENT_LOSS }, { "clock_unsound", EVENT_CLOCK_UNSOUND },
	{ "heartbeat", EVENT_HEARTBEAT }, { "conntrack_full", EVENT_CONNTRACK_FULL },
	{ NULL, 0 }
};
static_assert(sizeof(event_kind_words) / sizeof(event_kind_words[0]) == EVENT_KINDS + 1, "a word for each kind");

const struct word event_action_words[] = {
	{ "none", EVENT_NOTHING }, { "dropped", EVENT_DROPPED }, { "rejected", EVENT_REJECTED }, { "passed", EVENT_PASSED },
	{ NULL, 0 }
};

const struct word event_severity_words[] = {
	{ "info", 0 }, { "low", 1 }, { "medium", 2 }, { "high", 3 }, { "critical", 4 },
	{ NULL, 0 }
};

bool event_is_traffic(enum event_kind kind)
{
	switch (kind) {
	case EVENT_BLOCKED: case EVENT_WOULD_BLOCK: case EVENT_WOULD_ALLOW: case EVENT_FLOOD: case EVENT_SCAN:
	case EVENT_SPOOF_SUSPECTED: case EVENT_EXCEPTION_USED: case EVENT_OUTAGE: case EVENT_STRANGE_INTERFACE:
		return true;
	default:
		return false;
	}
}
