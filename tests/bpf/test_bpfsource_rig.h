/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the BPF provider share: an object that serves a cpusource. */
#ifndef TEST_BPFSOURCE_RIG_H
#define TEST_BPFSOURCE_RIG_H

#include "../unit/test_cpusource_rig.h"

#include <stdio.h>
#include <unistd.h>
#include <vdev/bpfsource.h>

#define REASON_SIZE 256

struct bpf_rig {
	struct rig r;
	struct vdev_bpfsource *bpf;
};

static inline int bpf_make(struct vdev_bpfsource **ret, const struct vdev_env *env, char *reason)
{
	const struct vdev_bpfsource_config c = {.struct_size = sizeof(c), .vcpus = VCPUS};

	return vdev_bpfsource_new(ret, env, &c, reason, REASON_SIZE);
}

static inline int bpf_source(struct bpf_rig *b, struct vdev_cpusource **ret, int32_t pid)
{
	struct vdev_cpusource_config c = rig_config(&b->r, 0, 0);

	c.pid = pid;
	c.ops = vdev_bpfsource_ops();
	c.ops_context = b->bpf;
	return vdev_cpusource_new(ret, &b->r.v.env, &c);
}

static inline void bpf_begin(struct bpf_rig *b, int32_t pid)
{
	char reason[REASON_SIZE];

	rig_begin(&b->r);
	if (bpf_make(&b->bpf, &b->r.v.env, reason))
		fail_msg("%s", reason);
	assert_string_equal(reason, "");
	assert_int_equal(bpf_source(b, &b->r.source, pid), 0);
}

static inline void bpf_end(struct bpf_rig *b)
{
	vdev_cpusource_free(b->r.source);
	b->r.source = NULL;
	vdev_bpfsource_free(b->bpf);
	rig_end(&b->r);
}

/* Coverage of a child that leaves by _exit(), where it is measured. */
#ifdef VDEV_COVERAGE
extern void __gcov_dump(void);
#else
#define __gcov_dump() ((void)0)
#endif

__attribute__((noreturn)) static inline void leave(int status)
{
	__gcov_dump();
	_exit(status);
}

/* Ends the program with 77 where BPF cannot be used, aloud. */
static inline int bpf_usable(void)
{
	struct vdev_bpfsource *b = NULL;
	char reason[REASON_SIZE];
	int err = bpf_make(&b, NULL, reason);

	vdev_bpfsource_free(b);
	if (err == -EPERM || err == -ENOENT || err == -ENOSYS || err == -EOPNOTSUPP) {
		printf("skip: %s\n", reason);
		return 0;
	}
	return 1;
}

/* Until the map says so. */
static inline void expect_place(struct rig *r, uint32_t vcpu, uint32_t cpu, uint32_t state)
{
	struct vdev_cpumap_place p = {0};

	for (int i = 0; i < TRIES; i++) {
		assert_true(rig_refresh(r) >= 0);
		p = rig_place(r, vcpu);
		if (p.cpu == cpu && p.state == state)
			return;
		doze();
	}
	fail_msg("vCPU %u: the map says CPU %u, state %u, not %u, %u", vcpu, p.cpu, p.state, cpu,
		 state);
}

#endif
