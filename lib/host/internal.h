/* SPDX-License-Identifier: BSD-3-Clause */
/* The host's topology: what its files share. */
#ifndef VDEV__HOST_INTERNAL_H
#define VDEV__HOST_INTERNAL_H

#include <vdev/host.h>
#include <vdev/irqhint.h>

#include "env.h"

/* A list of every second one of 4096 CPUs has 10 KiB. */
#define TEXT_SIZE 16384u
#define PATH_SIZE 256u
#define SET_WORDS (VDEV_HOST_MAX_CPUS / 64u)

struct vdev__set {
	uint64_t word[SET_WORDS];
};

struct vdev_host {
	struct vdev_env env;
	char *root; /* sysfs */
	uint32_t root_size; /* with its 0 */
	uint32_t cpu_count, node_count;
	struct vdev_irqhint_cpu *cpus; /* [cpu_count] */
	uint8_t *distances; /* [node_count * node_count]; 0: not known. NULL without nodes */
	struct vdev__set possible, online, nodes;
};

/* What reading needs, and only while the object is made. */
struct vdev__scan {
	struct vdev_host *host;
	int live; /* /sys itself: libnuma may be asked */
	char path[PATH_SIZE]; /* of the file that was read last, below sysfs */
	char text[TEXT_SIZE];
	struct vdev__set set;
};

void vdev__set_add(struct vdev__set *s, uint32_t n);
int vdev__set_has(const struct vdev__set *s, uint32_t n);
uint32_t vdev__set_lowest(const struct vdev__set *s); /* UINT32_MAX: empty */
uint32_t vdev__set_end(const struct vdev__set *s); /* highest + 1; 0: empty */
uint32_t vdev__set_count(const struct vdev__set *s);

/*
 * Decimal digits at *text, which moves behind them; -EBADMSG: none; -ERANGE: above `most`, all digits
 * were skipped.
 */
int vdev__number(const char **text, uint32_t most, uint32_t *ret_number);
/* "0-3,8" of numbers below `limit`; may be empty; a newline at the end may be missing. -EBADMSG, -ERANGE. */
int vdev__list(const char *text, uint32_t limit, struct vdev__set *ret_set);

/* The whole of a file below `root`, terminated. -ENOENT; -EBADMSG: does not fit or holds a 0; errno. */
int vdev__file(const char *root, const char *path, char *ret_text, size_t size);

/* Reads s->path into s->text; into s->set. What is wrong is logged, but for -ENOENT. */
int vdev__scan_text(struct vdev__scan *s, const char *format, ...) VDEV__PRINTF(2, 3);
int vdev__scan_list(struct vdev__scan *s, uint32_t limit);
/* Logs that the file read last does not hold what it should; returns err. */
int vdev__scan_wrong(struct vdev__scan *s, int err, const char *expected);

/* Room for cpu_count and node_count, zeroed. -ENOMEM. */
int vdev__host_room_cpus(struct vdev_host *h);
int vdev__host_room_distances(struct vdev_host *h);

int vdev__scan_cpus(struct vdev__scan *s);
int vdev__scan_cache(struct vdev__scan *s, uint32_t cpu);
int vdev__scan_nodes(struct vdev__scan *s);

#endif
