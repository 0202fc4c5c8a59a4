/* SPDX-License-Identifier: BSD-3-Clause */
/* Trees that look like sysfs, for the tests of host topology. */
#ifndef TEST_HOST_RIG_H
#define TEST_HOST_RIG_H

#include "vt_test.h"

#include <errno.h>
#include <string.h>

#include <vdev/host.h>
#include <vdev/irqhint.h>

#define CPUS "devices/system/cpu/"
#define NODES "devices/system/node/"

struct tree {
	char root[64];
	struct vt_env v;
	struct vdev_host *host;
};

/* An empty tree; tree_end() removes it and what was made of it, and looks for leaks. */
void tree_begin(struct tree *t);
void tree_end(struct tree *t);
/* A file with its folders; replaces one that is there. */
void tree_put(struct tree *t, const char *path, const void *text, size_t size);
void tree_text(struct tree *t, const char *path, const char *text);
void tree_remove(struct tree *t, const char *path);
/* Makes an object of it; returns what vdev_host_new() does. */
int tree_open(struct tree *t);
/* The error that it gives, with the word in the log. */
void tree_expect(struct tree *t, int err, const char *word);

/*
 * Two nodes, two sockets, each with two cores of two threads and one L3: CPU n and n + 4 are siblings,
 * CPUs 0, 1, 4, 5 are node 0. CPU 7 is offline, as Linux 6.1 shows that.
 */
void tree_machine(struct tree *t);

struct vdev_host_cpu tree_cpu(const struct tree *t, uint32_t cpu);

#endif
