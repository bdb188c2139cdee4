/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netprobe: crafts, sends, counts, serves and opens what the namespace tests need.  One command per
 * row of the table.  Results go to stdout as words, errors to stderr. */
#include "netns/netprobe.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "netns/frame.h"

static int token_main(int argc, char **argv)
{
	char text[17];

	(void)argc;
	(void)argv;
	frame_token(text);
	puts(text);
	return 0;
}

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage;
};

static const struct command commands[] = {
	{ "token", token_main, "" },
	{ "send", send_main, "-i IF --smac M --dmac M --src A --dst A --proto WORD [--token T] [--count N] [--rate PPS] "
	  "[--via-ip] [shape and flood options, see send.c]" },
	{ "sender", sender_main, "lines of stdin: send OPTIONS; each is answered by \"sent N\" and \"done STATUS\"" },
	{ "count", count_main, "-i IF | --raw  [--seconds N]; on each line of stdin a table, at its end the last one" },
	{ "serve", serve_main, "tcp:PORT|udp:PORT ...  echo servers, both families" },
	{ "connect", connect_main, "ADDRESS PORT [--udp] [--bind A] [--bind-port P] [--send BYTES] [--text LINE] "
	  "[--rounds N] "
	  "[--pause-ms N] [--timeout-ms N]" },
	{ "stream-send", stream_send_main, "ADDRESS PORT [--tcp] [--rate PPS] [--seconds N] [--flows N] [--bind A] "
	  "[--bind-port P] [--size N]" },
	{ "stream-recv", stream_recv_main, "PORT [--tcp]" },
	{ "rtsp-camera", rtsp_camera_main, "PORT [--server NAME]" },
	{ "rtsp-pull", rtsp_pull_main, "ADDRESS PORT [--rtp PORT] [--packets N] [--bytes N] [--timeout-ms N]" },
};

int main(int argc, char **argv)
{
	char words[256];

	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].name, argv[1]))
			return commands[i].run(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(stderr, "netprobe %s %s\n", commands[i].name, commands[i].usage);
	frame_words(words, sizeof(words));
	fprintf(stderr, "protocols: %s\n", words);
	return NETPROBE_USAGE;
}
