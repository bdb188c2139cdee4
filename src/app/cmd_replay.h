/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_replay: the part of replay that needs no policy. */
#ifndef APP_CMD_REPLAY_H
#define APP_CMD_REPLAY_H

#include "app/cmd.h"

/* Who is in the capture: every sender's MAC with its registrant, maker, authorities and addresses. */
int cmd_replay_devices(struct cmd *c, const char *path);

#endif
