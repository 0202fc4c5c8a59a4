/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vCPU threads as KVM itself knows them: debugfs holds kvm/PID-FD/vcpuN/pid for each virtual machine.
 * PID there is the thread that made the machine, so it is the vCPUs' threads that tell whose it is. Where
 * debugfs is not mounted it is mounted in a mount namespace of our own, which ends with this process.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "vdevctl.h"

#define USUAL "/sys/kernel/debug"
#define MOST_PID 4194304u
#define MOST_NUMBER 65535u

static int folder_open(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int mount_privately(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", USUAL, "debugfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL))
		return -errno;
	return 0;
}

int kvm_debugfs_open(const char *debugfs)
{
	char path[4096];
	int fd, err;

	if (snprintf(path, sizeof(path), "%s/kvm", debugfs ? debugfs : USUAL) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = folder_open(AT_FDCWD, path);
	if (fd != -ENOENT || debugfs)
		return fd;
	err = mount_privately();
	return err ? err : folder_open(AT_FDCWD, path);
}

/* A folder's entries, opened as a stream. */
static DIR *entries(int at, const char *name)
{
	int fd = folder_open(at, name);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* "1234-15": the file descriptor. */
static bool machine_name(const char *name, uint32_t *ret_fd)
{
	const char *dash = strchr(name, '-');
	char pid[12];
	uint32_t n;

	if (!dash || (size_t)(dash - name) >= sizeof(pid))
		return false;
	memcpy(pid, name, (size_t)(dash - name));
	pid[dash - name] = 0;
	return !number_parse(pid, 1, MOST_PID, &n) && !number_parse(dash + 1, 0, INT32_MAX, ret_fd);
}

static bool vcpu_name(const char *name, uint32_t *ret_vcpu)
{
	return strncmp(name, "vcpu", 4) == 0 && !number_parse(name + 4, 0, MOST_NUMBER, ret_vcpu);
}

/* 0 is the thread of a vCPU that has not run yet. */
static pid_t thread_of(int machine, const char *vcpu)
{
	char path[300], text[32];
	uint32_t tid;

	snprintf(path, sizeof(path), "%s/pid", vcpu);
	if (small_file(machine, path, text, sizeof(text)))
		return 0;
	text[strcspn(text, "\n")] = 0;
	return number_parse(text, 1, MOST_PID, &tid) ? 0 : (pid_t)tid;
}

static void look_at_machine(int kvm, const char *name, uint32_t fd, struct sight *s)
{
	DIR *dir = entries(kvm, name);
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		struct thread *t;
		uint32_t vcpu;

		if (!vcpu_name(e->d_name, &vcpu))
			continue;
		t = sight_thread(s, thread_of(dirfd(dir), e->d_name));
		if (!t || t->vcpu != NO_NUMBER)
			continue;
		t->vcpu = vcpu;
		t->vm = fd;
		s->vcpus++;
	}
	if (dir)
		closedir(dir);
}

static bool several_machines(const struct sight *s)
{
	const struct thread *first = NULL;

	for (uint32_t i = 0; i < s->count; i++) {
		const struct thread *t = &s->threads[i];

		if (t->vcpu == NO_NUMBER)
			continue;
		if (first && first->vm != t->vm)
			return true;
		first = t;
	}
	return false;
}

bool kvm_debugfs_find(int folder, struct sight *s)
{
	DIR *dir = entries(folder, ".");
	const struct dirent *e;

	s->vcpus = 0;
	while (dir && (e = readdir(dir))) {
		uint32_t fd;

		if (machine_name(e->d_name, &fd))
			look_at_machine(dirfd(dir), e->d_name, fd, s);
	}
	if (dir)
		closedir(dir);
	s->provider = "kvm-debugfs";
	s->vmm = NULL;
	s->many_vms = several_machines(s);
	return s->vcpus > 0;
}
