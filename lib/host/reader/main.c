/* SPDX-License-Identifier: BSD-3-Clause */
/* vdev-pci-reader: started by libvdevmgmt-host, see reader.h. It reads what nobody vouches for, so it limits itself first. */
#include "reader.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define MOST_MEMORY (1ul << 30)
#define MOST_FILE (256ul << 20)
#define MOST_CPU_SECONDS 120ul

static void limit(int resource, unsigned long most)
{
	struct rlimit r = {most, most}, old;

	if (!getrlimit(resource, &old) && old.rlim_max != RLIM_INFINITY && old.rlim_max < most)
		r.rlim_cur = r.rlim_max = old.rlim_max;
	setrlimit(resource, &r);
}

static void limit_all(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifdef SYS_close_range
	syscall(SYS_close_range, 3u, ~0u, 0u); /* what the VMM forgot to mark close-on-exec */
#endif
	if (!SANITIZED) /* these reserve terabytes */
		limit(RLIMIT_AS, MOST_MEMORY);
	limit(RLIMIT_FSIZE, MOST_FILE);
	limit(RLIMIT_CPU, MOST_CPU_SECONDS);
	limit(RLIMIT_CORE, 0);
}

static int usage(void)
{
	fputs("vdev-pci-reader is started by libvdevmgmt-host; its answer is not for people.\n"
	      "usage: vdev-pci-reader live|live+vfio|sysfs:DIR|dump:FILE [CAPTURE-DIR]\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct tree t = {.root = "/sys", .live = true};
	const char *from = argc > 1 ? argv[1] : "";
	bool vfio = strcmp(from, "live+vfio") == 0;

	if (strncmp(from, "sysfs:", 6) == 0) {
		t = (struct tree){.root = from + 6};
	} else if (strncmp(from, "dump:", 5) != 0 && strcmp(from, "live") != 0 && !vfio) {
		return usage();
	}
	limit_all();
	send_hello();
	if (strlen(from) >= READER_PATH || (argc > 2 && strlen(argv[2]) >= READER_PATH))
		send_error(ENAMETOOLONG, "%s: the name is too long", from);
	if (strncmp(from, "dump:", 5) == 0)
		read_dump(from + 5);
	else if (argc > 2)
		capture_tree(&t, vfio, argv[2]);
	else
		read_tree(&t, vfio);
	return 0;
}
