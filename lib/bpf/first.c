/* SPDX-License-Identifier: BSD-3-Clause */
/* The first place of a thread that was running already: from /proc/PID/task/TID/stat, proc(5). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define TEXT 1024
#define STATE 3 /* fields by their numbers in proc(5) */
#define PROCESSOR 39

static int parse(char *text, uint32_t tid, uint64_t *ret_place)
{
	char *at = strrchr(text, ')'), *end; /* a thread may be named ") R 1 (" */
	uint32_t state;
	unsigned long cpu;
	int i;

	if (!at || at[1] != ' ' || !at[2])
		return -ENOENT;
	at += 2;
	if (*at == 'Z' || *at == 'X' || *at == 'x')
		return -ESRCH;
	state = *at == 'R' ? PLACE_RUNNING : PLACE_SLEEPING;
	for (i = STATE; i < PROCESSOR; i++) {
		at = strchr(at, ' ');
		if (!at)
			return -ENOENT;
		at++;
	}
	cpu = strtoul(at, &end, 10);
	if (end == at || *end != ' ' || cpu >= VDEV_CPUMAP_MAX_CPUS)
		return -ENOENT;
	*ret_place = PLACE(tid, cpu, state);
	return 0;
}

static int read_stat(int32_t pid, int32_t tid, char *text)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -ENOENT; /* no /proc, no descriptors: the program will see it switch */
	got = read(fd, text, TEXT - 1);
	close(fd);
	if (got <= 0)
		return got && errno != ESRCH ? -ENOENT : -ESRCH;
	text[got] = '\0';
	return 0;
}

int vdev__bpf_first(struct vdev_bpfsource *b, uint32_t slot)
{
	int32_t tid = b->slots[slot].tid;
	/* Before the look: the program may see a switch meanwhile, and then it is right. */
	uint64_t old = vdev__bpf_place(b, slot), place = 0;
	char text[TEXT];
	int err;

	if (PLACE_TID(old) == (uint32_t)tid)
		return 0;
	err = read_stat(b->pid, tid, text);
	if (!err)
		err = parse(text, (uint32_t)tid, &place);
	if (!err)
		__atomic_compare_exchange_n(&b->places[slot], &old, place, 0, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
	return err;
}
