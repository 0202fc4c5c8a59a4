/* SPDX-License-Identifier: BSD-3-Clause */
/* The BPF provider: misuse of each call, and each way in which a machine cannot have it, with its reason. */
#include "test_bpfsource_rig.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* What a child that has given something up was told. */
struct told {
	int prepared; /* 0: it could not be given up */
	int err;
	char reason[REASON_SIZE];
};

static int no_privilege(void)
{
	return !setgid(65534) && !setuid(65534);
}

static int no_types(void)
{
	return !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("none", "/sys/kernel/btf", "tmpfs", 0, NULL);
}

static int no_bpf(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {VT_COUNT(code), code};

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Its numbers of threads are not the kernel's. */
static int own_numbers(void)
{
	pid_t child;
	int status;

	if (unshare(CLONE_NEWPID))
		return 0;
	child = fork();
	if (child <= 0)
		return !child;
	waitpid(child, &status, 0);
	_exit(status);
}

static void tell(struct told *t, int (*give_up)(void))
{
	struct vdev_bpfsource *b = NULL;

	if (!give_up())
		leave(0);
	t->err = bpf_make(&b, NULL, t->reason);
	t->prepared = 1;
	leave(b != NULL);
}

static void refused(int (*give_up)(void), int err, const char *word)
{
	struct told *t =
		mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1, prepared;
	pid_t child;

	assert_true(t != MAP_FAILED);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		tell(t, give_up);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	prepared = t->prepared;
	if (prepared) {
		print_message("%d: %s\n", t->err, t->reason);
		assert_int_equal(t->err, err);
		assert_non_null(strstr(t->reason, word));
	}
	munmap(t, sizeof(*t));
	if (!prepared) {
		vt_skip("this machine does not let a test give that up");
	}
}

static void without_privilege(void **state)
{
	(void)state;
	refused(no_privilege, -EPERM, "CAP_BPF");
}

static void without_types(void **state)
{
	(void)state;
	refused(no_types, -ENOENT, "/sys/kernel/btf/vmlinux");
}

static void without_bpf(void **state)
{
	(void)state;
	refused(no_bpf, -ENOSYS, "bpf(2)");
}

static void with_own_numbers(void **state)
{
	(void)state;
	refused(own_numbers, -EOPNOTSUPP, "namespace");
}

static void bad_input(void **state)
{
	static const uint8_t newer[sizeof(struct vdev_bpfsource_config) + 8] = {
		sizeof(newer), [sizeof(struct vdev_bpfsource_config)] = 1};
	struct vdev_bpfsource_config c = {.struct_size = sizeof(c), .vcpus = 1}, bad = c;
	struct vdev_env env = {.struct_size = 1};
	struct vdev_bpfsource *b = NULL;
	char one[1] = {'x'};

	(void)state;
	assert_int_equal(vdev_bpfsource_new(NULL, NULL, &c, NULL, 0), -EINVAL);
	assert_int_equal(vdev_bpfsource_new(&b, NULL, NULL, NULL, 0), -EINVAL);
	assert_int_equal(vdev_bpfsource_new(&b, &env, &c, NULL, 0), -EINVAL);
	bad.vcpus = 0;
	assert_int_equal(vdev_bpfsource_new(&b, NULL, &bad, one, 1), -EINVAL);
	assert_int_equal(one[0], 0);
	bad.vcpus = VDEV_CPUMAP_MAX_VCPUS + 1;
	assert_int_equal(vdev_bpfsource_new(&b, NULL, &bad, NULL, 0), -EINVAL);
	bad.struct_size = 4;
	assert_int_equal(vdev_bpfsource_new(&b, NULL, &bad, NULL, 0), -EINVAL);
	assert_int_equal(vdev_bpfsource_new(&b, NULL, (const void *)newer, NULL, 0), -E2BIG);
	assert_null(b);
	vdev_bpfsource_free(NULL);
	assert_string_equal(vdev_bpfsource_ops()->name, "bpf");
	assert_int_equal(vdev_bpfsource_ops()->facts, VDEV_CPUSOURCE_KNOWS_RUNNING);
}

static void one_at_a_time(void **state)
{
	const struct vdev_bpfsource_config few = {.struct_size = sizeof(few), .vcpus = VCPUS - 1};
	struct vdev_cpusource *second = NULL;
	struct bpf_rig b;

	(void)state;
	bpf_begin(&b, 0);
	assert_int_equal(bpf_source(&b, &second, 0), -EBUSY);
	vdev_cpusource_free(b.r.source);
	b.r.source = NULL;
	assert_int_equal(bpf_source(&b, &second, 0x7ffffff0), -ESRCH);
	assert_int_equal(bpf_source(&b, &b.r.source, 0), 0); /* it was given back */
	vdev_cpusource_free(b.r.source);
	vdev_bpfsource_free(b.bpf);
	assert_int_equal(vdev_bpfsource_new(&b.bpf, NULL, &few, NULL, 0), 0);
	b.r.source = NULL;
	assert_int_equal(bpf_source(&b, &second, 0), -EINVAL); /* the map has one more */
	vdev_bpfsource_free(b.bpf);
	b.bpf = NULL;
	assert_int_equal(bpf_source(&b, &second, 0), -EINVAL);
	assert_null(second);
	bpf_end(&b);
}

/* The largest; and the text that is cut. */
static void most_vcpus(void **state)
{
	const struct vdev_bpfsource_config c = {.struct_size = sizeof(c),
						.vcpus = VDEV_CPUMAP_MAX_VCPUS};
	struct vdev_bpfsource *b = NULL;

	(void)state;
	assert_int_equal(vdev_bpfsource_new(&b, NULL, &c, NULL, 0), 0);
	vdev_bpfsource_free(b);
}

static int scenario(struct vt_env *v, void *arg)
{
	struct vdev_bpfsource *b = NULL;
	char reason[REASON_SIZE];
	int err = bpf_make(&b, &v->env, reason);

	(void)arg;
	assert_true(err ? b == NULL : b != NULL);
	vdev_bpfsource_free(b);
	return err;
}

static void every_allocation_fails(void **state)
{
	(void)state;
	assert_int_equal(vt_oom(scenario, NULL), 3); /* the object, its slots, its vCPUs */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_input),         cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(most_vcpus),        cmocka_unit_test(every_allocation_fails),
		cmocka_unit_test(without_privilege), cmocka_unit_test(without_types),
		cmocka_unit_test(without_bpf),       cmocka_unit_test(with_own_numbers),
	};

	if (!bpf_usable())
		return 77;
	return cmocka_run_group_tests_name("bpfsource_refused", tests, NULL, NULL);
}
