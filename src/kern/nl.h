/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nl: netlink conversations: a request and its answer, dumps that start again when they were interrupted, nf_tables
 * batches that the kernel takes whole or not at all, and notifications.
 * Errors carry the kernel's extended ack; a refused batch names the object (and its place in the policy) by sequence number.
 * One socket belongs to one thread.  Nothing here keeps a pointer of the caller's beyond the call, but for batches: the
 * words given with a message must live until nl_batch_commit. */
#ifndef KERN_NL_H
#define KERN_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

struct nlmsghdr;
struct nl;
struct nl_batch;

enum nl_bus { NL_NETFILTER, NL_ROUTE };

/* groups: NFNLGRP_… or RTNLGRP_… numbers to join, ended by 0; NULL: none. */
int nl_open(enum nl_bus bus, const unsigned *groups, struct nl **ret, struct err *e);
void nl_free(struct nl *n);
OWN(nl)
int nl_fd(const struct nl *n);                          /* for poll; -1 for NULL */
uint32_t nl_portid(const struct nl *n);

/* Start a message in the socket's own buffer (64 KiB): header, sequence number; the caller adds the rest. */
struct nlmsghdr *nl_message(struct nl *n, uint16_t type, uint16_t flags);
/* The same with a struct nfgenmsg behind it. */
struct nlmsghdr *nl_netfilter(struct nl *n, uint8_t subsys, uint8_t msg, uint16_t flags, uint8_t family, uint16_t res_id);

/* A message of an answer; non-zero return stops reading and fails with that errno. */
typedef int (*nl_message_fn)(const struct nlmsghdr *nlh, void *arg);
/* Send, wait for the ack (NLM_F_ACK is added), hand other messages to fn (may be NULL). */
int nl_request(struct nl *n, struct nlmsghdr *nlh, nl_message_fn fn, void *arg, struct err *e);
/* Send with NLM_F_DUMP and read it all; begin (may be NULL) is called before each attempt, since an interrupted dump starts
 * again (8 times, then EAGAIN). */
int nl_dump(struct nl *n, struct nlmsghdr *nlh, void (*begin)(void *arg), nl_message_fn fn, void *arg, struct err *e);
/* Read what has come to a listening socket, without waiting.  *ret_lost: the kernel dropped notifications (ENOBUFS). */
int nl_listen(struct nl *n, nl_message_fn fn, void *arg, bool *ret_lost, struct err *e);
/* Join a group, or leave it; what has come already stays to be read.  Joining twice is fine. */
int nl_hear(struct nl *n, unsigned group, bool on, struct err *e);
/* nf_tables' generation counter: changes with every transaction of anybody. */
int nl_genid(struct nl *n, uint32_t *ret, struct err *e);

/* A transaction of nf_tables.  genid 0: don't care; else the kernel refuses with ERESTART when it has moved on. */
struct nl_batch *nl_batch_new(struct nl *n, uint32_t genid);
void nl_batch_free(struct nl_batch *b);
OWN(nl_batch)
/* The next message (NFT_MSG_…) with a nfgenmsg; room for 64 KiB.  kind and name say what it is about ("chain", "ask"). */
struct nlmsghdr *nl_batch_add(struct nl_batch *b, uint8_t msg, uint16_t flags, uint8_t family, struct loc loc,
			      const char *kind, const char *name);
size_t nl_batch_messages(const struct nl_batch *b);
/* All or nothing.  ENOMEM while adding is told here. */
int nl_batch_commit(struct nl_batch *b, struct err *e);
/* Let the kernel validate without doing it (no end of batch). */
int nl_batch_try(struct nl_batch *b, struct err *e);

#endif
