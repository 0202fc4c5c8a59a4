/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The BPF provider when one thing fails: each step of bringing the program into the kernel, in a child whose system
 * calls are filtered; and each call of the table with an object that has no kernel behind it.
 */
#include "test_bpfsource_rig.h"

#include "bpf/internal.h"
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* From now on a system call fails, if an argument has this value. */
static int filter(uint32_t call, uint32_t arg, uint32_t value, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)offsetof(struct seccomp_data, args) + 8 * arg),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {VT_COUNT(code), code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

struct step {
	uint32_t call, arg, value;
	int error, told;
	const char *word;
};

static const struct step steps[] = {
	{SYS_bpf, 0, BPF_MAP_CREATE, EMFILE, -EMFILE, "cannot be loaded"},
	{SYS_bpf, 0, BPF_MAP_CREATE, ENOMEM, -ENOMEM, "cannot be loaded"},
	{SYS_bpf, 0, BPF_PROG_LOAD, EPERM, -EPERM, "CAP_BPF"},
	{SYS_bpf, 0, BPF_PROG_LOAD, EINVAL, -EOPNOTSUPP, "Linux 5.18"},
	{SYS_bpf, 0, BPF_MAP_UPDATE_ELEM, E2BIG, -E2BIG, "cannot be registered"},
	{SYS_mmap, 3, MAP_SHARED, ENOMEM, -ENOMEM, "cannot be loaded"},
	{SYS_bpf, 0, BPF_LINK_CREATE, ENFILE, -ENFILE, "cannot be attached"},
};

/* In a child. 0: it was told what it should be. */
static int try_step(const struct step *s)
{
	struct vdev_bpfsource *b = NULL;
	char reason[REASON_SIZE] = "";
	int err;

	if (filter(s->call, s->arg, s->value, s->error))
		return 2;
	err = bpf_make(&b, NULL, reason);
	if (err == s->told && strstr(reason, s->word) && !b)
		return 0;
	fprintf(stderr, "%d: %s\n", err, reason);
	return 1;
}

static void each_step(void **state)
{
	(void)state;
	for (size_t i = 0; i < VT_COUNT(steps); i++) {
		pid_t child = fork();
		int status = -1;

		assert_true(child >= 0);
		if (!child)
			leave(try_step(&steps[i]));
		assert_int_equal(waitpid(child, &status, 0), child);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
			vt_skip("no seccomp filter here");
		if (status)
			fail_msg("step %zu: status %#x", i, (unsigned int)status);
	}
}

/* An object without a program: what the kernel would have noted is written by the test. */
struct still {
	struct vdev_bpfsource b;
	uint64_t places[SLOT_FIRST + 2];
	struct slot slots[SLOT_FIRST + 2];
	uint32_t slot_of[2];
};

static struct vdev_bpfsource *still(struct still *s)
{
	memset(s, 0, sizeof(*s));
	s->b = (struct vdev_bpfsource){.tids = -1,
				       .places = s->places,
				       .vcpus = 2,
				       .pid = getpid(),
				       .slots = s->slots,
				       .slot_of = s->slot_of};
	return &s->b;
}

static void not_registered(void **state)
{
	const struct vdev_cpusource_ops *ops = vdev_bpfsource_ops();
	struct still s;

	(void)state;
	assert_int_equal(ops->attach(still(&s), 0, gettid(), 0), -EBADF);
	assert_int_equal(s.slot_of[0], 0);
	assert_int_equal(s.slots[SLOT_FIRST].users, 0);
}

static int look(struct still *s, struct vdev_cpusource_look *l)
{
	*l = (struct vdev_cpusource_look){.cpu = 77};
	return vdev_bpfsource_ops()->look(&s->b, 0, l);
}

static void looks(void **state)
{
	const uint32_t tid = (uint32_t)gettid();
	struct vdev_cpusource_look l;
	struct still s;

	(void)state;
	still(&s);
	s.slot_of[0] = SLOT_FIRST;
	s.slots[SLOT_FIRST].tid = (int32_t)tid;
	/* Not seen so far: from /proc, this thread runs. */
	assert_int_equal(look(&s, &l), 0);
	assert_true(l.cpu != 77 && l.state == VDEV_CPUMAP_RUNNING);
	s.places[SLOT_FIRST] = PLACE(tid, 5, PLACE_SLEEPING);
	assert_int_equal(look(&s, &l), 0);
	assert_true(l.cpu == 5 && l.state == VDEV_CPUMAP_SLEEPING);
	s.places[SLOT_FIRST] = PLACE(tid, 5, PLACE_DEAD);
	assert_int_equal(look(&s, &l), -ESRCH);
	/* Of another thread, and this one is not to be found. */
	s.places[SLOT_FIRST] = PLACE(tid + 1, 5, PLACE_RUNNING);
	s.slots[SLOT_FIRST].tid = INT32_MAX;
	assert_int_equal(look(&s, &l), -ENOENT);
	assert_int_equal(l.cpu, 77);
}

/* A process that has ended and was not waited for has a stat file, and is no place. */
static void zombie(void **state)
{
	struct still s;
	siginfo_t info;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (!child)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	still(&s);
	s.b.pid = child;
	s.slots[SLOT_FIRST].tid = child;
	assert_int_equal(vdev__bpf_first(&s.b, SLOT_FIRST), -ESRCH);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(vdev__bpf_first(&s.b, SLOT_FIRST), -ENOENT);
}

/* What /proc may say, by a kernel that is damaged, newer, or lies. 37 fields stand behind the name. */
#define FIELDS_4_TO_38 " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"
static const struct text {
	const char *text;
	int ret;
	uint32_t cpu, state;
} texts[] = {
	{"1 () R 1 () R" FIELDS_4_TO_38 " 3 0 0\n", 0, 3, PLACE_RUNNING},
	{"1 (x) S" FIELDS_4_TO_38 " 4095 0 0\n", 0, 4095, PLACE_SLEEPING},
	{"1 (x) S" FIELDS_4_TO_38 " 4096 0 0\n", -ENOENT, 0, 0},
	{"1 (x) S" FIELDS_4_TO_38 " x 0 0\n", -ENOENT, 0, 0},
	{"1 (x) S" FIELDS_4_TO_38 " 3", -ENOENT, 0, 0},
	{"1 (x) S 0 0 0\n", -ENOENT, 0, 0},
	{"1 (x) X" FIELDS_4_TO_38 " 3 0 0\n", -ESRCH, 0, 0},
	{"1 (x) x" FIELDS_4_TO_38 " 3 0 0\n", -ESRCH, 0, 0},
	{"1 (x) ", -ENOENT, 0, 0},
	{"1 (x)", -ENOENT, 0, 0},
	{"1 x R 3\n", -ENOENT, 0, 0},
	{"", -ESRCH, 0, 0},
};

static int first_is(int32_t tid, int ret, uint32_t cpu, uint32_t state)
{
	struct still s;
	int got;

	still(&s);
	s.slots[SLOT_FIRST].tid = tid;
	got = vdev__bpf_first(&s.b, SLOT_FIRST);
	if (got == ret && (ret ? !s.places[SLOT_FIRST]
			       : s.places[SLOT_FIRST] == PLACE((uint32_t)tid, cpu, state)))
		return 1;
	fprintf(stderr, "%d instead of %d, place %#llx\n", got, ret,
		(unsigned long long)s.places[SLOT_FIRST]);
	return 0;
}

/* In a child with mounts of its own. 0: right; 2: nothing can be mounted. */
static int read_texts(void)
{
	char path[64], name[] = "/tmp/vdev-stat.XXXXXX";
	int fd = mkstemp(name), right = fd >= 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)gettid());
	if (fd < 0 || unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(name, path, NULL, MS_BIND, NULL)) {
		unlink(name);
		return 2;
	}
	unlink(name);
	for (size_t i = 0; right && i < VT_COUNT(texts); i++) {
		const struct text *t = &texts[i];
		ssize_t size = (ssize_t)strlen(t->text);

		right = !ftruncate(fd, 0) && pwrite(fd, t->text, (size_t)size, 0) == size &&
			first_is(gettid(), t->ret, t->cpu, t->state);
	}
	umount(path);
	/* And one that cannot be read. */
	right = right && !mount("/proc/self/mem", path, NULL, MS_BIND, NULL) &&
		first_is(gettid(), -ENOENT, 0, 0);
	return !right;
}

static void stat_texts(void **state)
{
	pid_t child = fork();
	int status = -1;

	(void)state;
	assert_true(child >= 0);
	if (!child)
		leave(read_texts());
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		vt_skip("no seccomp filter here");
	assert_int_equal(status, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_step),  cmocka_unit_test(not_registered),
		cmocka_unit_test(looks),      cmocka_unit_test(zombie),
		cmocka_unit_test(stat_texts),
	};

	if (!bpf_usable())
		return 77;
	return cmocka_run_group_tests_name("bpfsource_failing", tests, NULL, NULL);
}
