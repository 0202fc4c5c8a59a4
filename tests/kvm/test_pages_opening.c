/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each system call of making an object and of its self-test fails in turn: what vdev_pages_new()
 * says, what is chosen instead, and what the report calls "not tested".
 */
#include "test_pages_deny.h"
#include "test_pages_rig.h"

#include <linux/kvm.h>

struct opening {
	struct rig *r;
	struct vdev_pages_config config;
	int err;
	struct vdev_pages_report report;
	char reason[256];
};

static void run(void *context)
{
	struct opening *o = context;
	struct vdev_pages *p = NULL;

	o->err = vdev_pages_new(&p, &o->r->v.env, &o->config);
	if (o->err)
		return;
	vdev_pages_report(p, &o->report, sizeof(o->report));
	vdev_pages_reason(p, o->reason, sizeof(o->reason));
	vdev_pages_free(p);
}

static struct opening open_under(struct rig *r, uint32_t mechanism, uint32_t flags,
				 struct deny_rule *rules, uint32_t count)
{
	struct opening o = {.r = r,
			    .config = {.struct_size = sizeof(o.config),
				       .flags = flags,
				       .mechanism = mechanism,
				       .max_regions = 1,
				       .kvm_fd = -1}};

	deny(rules, count, run, &o);
	return o;
}

/* No device, so that the system call is what is left. */
#define NO_DEVICE                                                               \
	{                                                                       \
		.nr = SYS_openat, .path = "/dev/userfaultfd", .result = -ENOENT \
	}
#define REQUEST(request) .nr = SYS_ioctl, .arg = 2, .is = (request)

static int64_t no_features(const uint64_t *args)
{
	uint64_t none = 0, there = args[2] + offsetof(struct uffdio_api, features);
	struct iovec from = {&none, sizeof(none)}, to = {(void *)(uintptr_t)there, sizeof(none)};

	/* By the kernel: a race detector does not know that the other thread waits there. */
	if (process_vm_writev(getpid(), &from, 1, &to, 1, 0) != sizeof(none))
		return -EIO;
	return 0;
}

static void made_or_not(void **state)
{
	static const struct {
		struct deny_rule rules[2];
		int err;
		int hopeless; /* another mechanism is no way out */
	} cases[] = {
		{{NO_DEVICE}, 0, 0},
		{{NO_DEVICE, {.nr = SYS_userfaultfd, .result = -EPERM}}, -EPERM, 0},
		{{NO_DEVICE, {.nr = SYS_userfaultfd, .result = -ENOSYS}}, -ENOSYS, 0},
		{{NO_DEVICE, {.nr = SYS_userfaultfd, .result = -ENFILE}}, -ENFILE, 1},
		{{NO_DEVICE, {.nr = SYS_userfaultfd, .result = -EMFILE, .skip = 1}}, -EMFILE, 1},
		{{{REQUEST(UFFDIO_API), .result = -EINVAL, .times = 1}}, -EINVAL, 0},
		{{{REQUEST(UFFDIO_API), .result = -EINVAL, .skip = 1}}, -EINVAL, 0},
		{{{REQUEST(UFFDIO_API), .act = no_features}}, -EOPNOTSUPP, 0},
		{{{.nr = SYS_eventfd2, .result = -EMFILE}}, -EMFILE, 1},
		{{{.nr = SYS_clone3, .result = -EAGAIN}}, -EAGAIN, 1},
		{{{.nr = SYS_mmap, .arg = 2, .is = 1 << 20, .result = -ENOMEM}}, -ENOMEM, 1},
		{{{.nr = SYS_mmap, .arg = 3, .is = PROT_READ, .result = -ENOMEM}}, -ENOMEM, 1},
		{{{.nr = SYS_pidfd_open, .result = -ENOSYS}}, 0, 0},
	};
	struct rig *r = *state;

	for (uint32_t i = 0; i < VT_COUNT(cases); i++) {
		struct deny_rule rules[2], more[2];
		struct opening o;

		memcpy(rules, cases[i].rules, sizeof(rules));
		memcpy(more, cases[i].rules, sizeof(more));
		o = open_under(r, VDEV_PAGES_UFFD, VDEV_PAGES_UNTESTED, rules, 2);
		assert_int_equal(o.err, cases[i].err);
		o = open_under(r, VDEV_PAGES_AUTO, VDEV_PAGES_UNTESTED, more, 2);
		assert_int_equal(o.err, cases[i].hopeless ? cases[i].err : 0);
		if (cases[i].err && !cases[i].hopeless)
			assert_non_null(strstr(o.reason, "mremap was chosen"));
	}
	assert_non_null(strstr(r->v.log, "CAP_SYS_PTRACE"));
}

/* What the self-test cannot do says nothing about the mechanism: the object is made. */
static void not_tested(void **state)
{
	static const struct {
		struct deny_rule rule;
		int anon, memfd;
	} cases[] = {
		{{.nr = SYS_pipe2, .result = -EMFILE}, -EMFILE, -EMFILE},
		{{.nr = SYS_memfd_create, .result = -ENOSYS}, 1, -ENOSYS},
		{{.nr = SYS_ftruncate, .result = -ENOSPC}, 1, -ENOSPC},
		{{.nr = SYS_mmap, .arg = 2, .is = 64 * PAGE, .result = -ENOMEM}, -ENOMEM, -ENOMEM},
		{{.nr = SYS_mmap, .arg = 2, .is = VDEV__WRITER_LOW, .result = -ENOMEM},
		 -ENOMEM,
		 -ENOMEM},
		{{.nr = SYS_vmsplice, .result = -EAGAIN}, -EAGAIN, -EAGAIN},
		{{.nr = SYS_vmsplice, .result = PAGE}, -EIO, -EIO},
		{{.nr = SYS_read, .arg = 3, .is = 2 * PAGE, .result = PAGE}, -EIO, -EIO},
		{{.nr = SYS_clone3, .skip = 2, .result = -EAGAIN}, -EAGAIN, -EAGAIN},
		{{.nr = SYS_fallocate, .result = -ENOSPC}, 1, -ENOSPC},
		{{REQUEST(UFFDIO_REGISTER), .result = -EINVAL}, -EINVAL, -EINVAL},
	};
	struct rig *r = *state;

	for (uint32_t i = 0; i < VT_COUNT(cases); i++) {
		struct deny_rule rule = cases[i].rule;
		struct opening o = open_under(r, VDEV_PAGES_UFFD, 0, &rule, 1);

		assert_int_equal(o.err, 0);
		assert_int_equal(o.report.outcome[VDEV_PAGES_ANON_RESET], cases[i].anon);
		assert_int_equal(o.report.outcome[VDEV_PAGES_ANON_PRESERVE], cases[i].anon);
		assert_int_equal(o.report.outcome[VDEV_PAGES_MEMFD_RESET], cases[i].memfd);
		assert_int_equal(o.report.outcome[VDEV_PAGES_MEMFD_PRESERVE], cases[i].memfd);
		assert_int_equal(o.report.lost_updates, 0);
		assert_int_equal(o.report.wrong_bytes, 0);
	}
}

/* Neither in batches nor one by one; and only the batches. */
static void cannot_drop(void **state)
{
	struct deny_rule rules[2] = {
		{.nr = SYS_process_madvise, .result = -EINVAL},
		{.nr = SYS_madvise, .arg = 3, .is = MADV_DONTNEED, .result = -EINVAL}};
	struct opening o = open_under(*state, VDEV_PAGES_UFFD, 0, rules, 2);

	assert_int_equal(o.err, 0);
	assert_int_equal(o.report.outcome[VDEV_PAGES_ANON_RESET], -EINVAL);
	assert_int_equal(o.report.outcome[VDEV_PAGES_MEMFD_RESET], VDEV_PAGES_YES);
	assert_int_equal(o.report.batch, 0);
	rules[0].result = -ENOSYS;
	o = open_under(*state, VDEV_PAGES_UFFD, 0, rules, 1);
	assert_int_equal(o.report.outcome[VDEV_PAGES_ANON_RESET], VDEV_PAGES_YES);
	assert_int_equal(o.report.outcome[VDEV_PAGES_ANON_PRESERVE], VDEV_PAGES_YES);
	assert_int_equal(o.report.batch, -EOPNOTSUPP);
}

/* A thread stands in, and the report says for what. */
static void without_a_vcpu(void **state)
{
	static const struct {
		struct deny_rule rule;
		int kvm;
	} cases[] = {
		{{.nr = SYS_openat, .path = "/dev/kvm", .result = -EACCES}, -EACCES},
		{{REQUEST(KVM_GET_API_VERSION), .result = 11}, -ENODEV},
		{{REQUEST(KVM_CREATE_VM), .result = -ENOMEM}, -ENOMEM},
		{{REQUEST(KVM_SET_USER_MEMORY_REGION), .result = -EINVAL}, -EINVAL},
		{{REQUEST(KVM_CREATE_VCPU), .result = -ENOMEM}, -ENOMEM},
		{{REQUEST(KVM_GET_VCPU_MMAP_SIZE), .result = 16}, -EIO},
		{{REQUEST(KVM_GET_SREGS), .result = -EFAULT}, -EFAULT},
		{{REQUEST(KVM_SET_SREGS), .result = -EINVAL}, -EINVAL},
		{{REQUEST(KVM_SET_REGS), .result = -EINVAL}, -EINVAL},
		/* It breaks under the test, which begins anew. */
		{{REQUEST(KVM_RUN), .result = 0}, -EIO},
		{{REQUEST(KVM_RUN), .result = -EFAULT, .skip = 3}, -EFAULT},
	};
	struct rig *r = *state;

	for (uint32_t i = 0; i < VT_COUNT(cases); i++) {
		struct deny_rule rule = cases[i].rule;
		struct opening o =
			open_under(r, i % 2 ? VDEV_PAGES_UFFD : VDEV_PAGES_REMAP, 0, &rule, 1);

		if (o.report.kvm == -ENOENT)
			vt_skip("no /dev/kvm to be without");
		assert_int_equal(o.err, 0);
		assert_int_equal(o.report.kvm, cases[i].kvm);
		for (uint32_t k = VDEV_PAGES_ANON_RESET; k <= VDEV_PAGES_MEMFD_PRESERVE; k++)
			assert_int_equal(o.report.outcome[k], VDEV_PAGES_YES);
	}
}

/* The first shared mapping is the vCPU's; that of the memfd fails as well. */
static void vcpu_that_cannot_be_mapped(void **state)
{
	struct deny_rule rule = {.nr = SYS_mmap, .arg = 4, .is = MAP_SHARED, .result = -ENOMEM};
	struct opening o = open_under(*state, VDEV_PAGES_UFFD, 0, &rule, 1);

	if (o.report.kvm == -ENOENT)
		vt_skip("no /dev/kvm to be without");
	assert_int_equal(o.report.kvm, -ENOMEM);
	assert_int_equal(o.report.outcome[VDEV_PAGES_ANON_PRESERVE], VDEV_PAGES_YES);
	assert_int_equal(o.report.outcome[VDEV_PAGES_MEMFD_PRESERVE], -ENOMEM);
}

static void vcpu_that_is_interrupted(void **state)
{
	struct deny_rule rules[2] = {{REQUEST(KVM_RUN), .result = -EINTR, .times = 3},
				     {REQUEST(KVM_RUN), .result = -EAGAIN, .times = 3}};
	struct opening o = open_under(*state, VDEV_PAGES_UFFD, 0, rules, 1);

	assert_int_equal(o.err, 0);
	assert_int_equal(o.report.outcome[VDEV_PAGES_ANON_PRESERVE], VDEV_PAGES_YES);
	o = open_under(*state, VDEV_PAGES_UFFD, 0, rules + 1, 1);
	assert_int_equal(o.err, 0);
	assert_true(o.report.updates > 0);
}

/* As a kernel would be in which the page stays: found by the bytes that the receiver gets. */
static void page_that_stays_is_found(void **state)
{
	struct deny_rule rule = {.nr = SYS_madvise, .arg = 3, .is = MADV_DONTNEED, .result = 0};
	struct rig *r = *state;
	struct opening o = open_under(r, VDEV_PAGES_REMAP, 0, &rule, 1);

	assert_int_equal(o.err, -EOPNOTSUPP);
	assert_non_null(strstr(r->v.log, "the self-test of mremap failed"));
}

/* The other thread waits in the kernel, which a race detector does not know. */
#define WAITED_FOR __attribute__((no_sanitize_thread))

WAITED_FOR static int64_t copy_zeroes(const uint64_t *args)
{
	static const uint8_t zeroes[64 * PAGE];
	struct uffdio_copy *c = (struct uffdio_copy *)(uintptr_t)args[2];

	c->src = (uintptr_t)zeroes;
	return ioctl((int)args[0], UFFDIO_COPY, c) < 0 ? -errno : 0;
}

/* As a kernel would be that fills in something else: found by what the guest has. */
static void lost_contents_are_found(void **state)
{
	struct deny_rule rule = {REQUEST(UFFDIO_COPY), .act = copy_zeroes};
	struct rig *r = *state;
	struct opening o = open_under(r, VDEV_PAGES_UFFD, 0, &rule, 1);

	assert_int_equal(o.err, -EOPNOTSUPP);
	assert_non_null(strstr(r->v.log, "the self-test of userfaultfd failed"));
}

WAITED_FOR static int64_t without_file_features(const uint64_t *args)
{
	struct uffdio_api *api = (struct uffdio_api *)(uintptr_t)args[2];
	int ret = ioctl((int)args[0], UFFDIO_API, api);

	api->features &= ~(uint64_t)UFFD_FEATURE_WP_HUGETLBFS_SHMEM;
	return ret < 0 ? -errno : 0;
}

struct old {
	struct rig *r;
	struct vdev_pages_info info;
	int running, stopped; /* status of PRESERVE */
	uint64_t wrong;
	char reason[256];
};

/* All of it under the filter, which the object's thread keeps. */
static void use_old_kernel(void *context)
{
	struct old *o = context;
	struct rig *r = o->r;
	struct vdev_pages_range range = {.size_bytes = PAGE, .mode = PRESERVE};

	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_MEMFD, 2 * PAGE);
	o->info = rig_info(r);
	memset(r->mem, 0x11, 2 * PAGE);
	vdev_pages_offline(r->p, &range, 1, &o->running);
	vdev_pages_reason(r->p, o->reason, sizeof(o->reason));
	vdev_pages_stopped(r->p, VDEV_PAGES_GUEST_STOPPED);
	rig_hold(r, 0, PAGE);
	vdev_pages_offline(r->p, &range, 1, &o->stopped);
	o->wrong = count_other(r->mem, 2 * PAGE, 0x11);
	memset(r->mem, 0x22, PAGE);
	o->wrong += rig_wrong(r, PAGE, 0x11);
	rig_forget(r);
}

/* Linux 5.7 to 5.18: pages of a file are filled, but writers do not wait. */
static void old_kernel(void **state)
{
	struct deny_rule rule = {REQUEST(UFFDIO_API), .act = without_file_features, .times = 1};
	struct old o = {.r = *state};

	deny(&rule, 1, use_old_kernel, &o);
	assert_int_equal(o.info.live, 0);
	assert_int_equal(o.info.mechanism, VDEV_PAGES_UFFD);
	assert_int_equal(o.running, -EOPNOTSUPP);
	assert_non_null(strstr(o.reason, "stop the guest"));
	assert_int_equal(o.stopped, 0);
	assert_int_equal(o.wrong, 0);
}

/* The writer's own limits: nobody waits for it for ever. */
static void writer_that_does_not_come(void **state)
{
	struct vdev__writer w;
	struct rig *r = *state;
	int kvm = 0;

	assert_int_equal(rig_memory(r, VDEV_PAGES_ANON, 2 * PAGE), 0);
	assert_int_equal(vdev__writer_start(&w, THREAD, r->mem, r->mem + PAGE, &kvm), 0);
	assert_int_equal(vdev__writer_sees(&w, 0), 0);
	assert_int_equal(vdev__writer_sees(&w, 0x1234), -ETIMEDOUT); /* nobody wrote it */
	assert_int_equal(vdev__writer_pause(&w), 0);
	vdev__writer_end(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(made_or_not),
		T(not_tested),
		T(cannot_drop),
		T(without_a_vcpu),
		T(vcpu_that_cannot_be_mapped),
		T(vcpu_that_is_interrupted),
		T(page_that_stays_is_found),
		T(lost_contents_are_found),
		T(old_kernel),
		T(writer_that_does_not_come),
	};

	if (rig_uffd_missing())
		return 77;
	return cmocka_run_group_tests_name("pages_opening", tests, NULL, NULL);
}
