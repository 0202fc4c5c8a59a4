/* SPDX-License-Identifier: BSD-3-Clause */
/* A TCP connection with ourselves, whose receiving end holds little: what it does not take stays with
 * the sender. */
#ifndef MINIVMM_LOOPBACK_H
#define MINIVMM_LOOPBACK_H

#include "transport.h"

/* Sets both fds of the transport. 0 or a negative errno. */
int loopback_open(struct transport *t);
void loopback_close(struct transport *t);
ssize_t loopback_copy(struct transport *t, const struct iovec *block);
ssize_t loopback_receive(struct transport *t, void *buf, size_t size);

#endif
