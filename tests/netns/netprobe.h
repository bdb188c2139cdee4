/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netprobe: the commands of the packet tool, one main each; argv[0] is the command's name. */
#pragma once

#define NETPROBE_CONNECTED 0		/* and echoed, or whatever was asked for */
#define NETPROBE_TIMEOUT 1
#define NETPROBE_REFUSED 2		/* TCP reset */
#define NETPROBE_ICMP 3			/* an ICMP error came */
#define NETPROBE_USAGE 4		/* usage, or a local failure */
#define NETPROBE_BROKEN 5		/* connected, then cut or answered wrongly */

int send_main(int argc, char **argv);
int sender_main(int argc, char **argv);	/* a line of stdin is one send; answers "sent N", "done STATUS" */
int count_main(int argc, char **argv);
int serve_main(int argc, char **argv);
int connect_main(int argc, char **argv);
int stream_send_main(int argc, char **argv);
int stream_recv_main(int argc, char **argv);
int rtsp_camera_main(int argc, char **argv);
int rtsp_pull_main(int argc, char **argv);
