/* SPDX-License-Identifier: BSD-3-Clause */
/* The test environment. Each block has a header with its size in front. */
#include "vt_env.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC UINT64_C(0x7665747620656e76)

union header {
	struct {
		uint64_t magic;
		uint64_t size;
	} h;
	max_align_t align;
};

static int must_fail(struct vt_env *v)
{
	v->requests++;
	if (!v->fail_at || v->requests < v->fail_at || v->requests - v->fail_at >= v->fail_count)
		return 0;
	v->failed++;
	return 1;
}

static void *vt_alloc(void *user, size_t size)
{
	struct vt_env *v = user;
	union header *p;

	if (!size) {
		fprintf(stderr, "vt_env: allocation of 0 bytes\n");
		v->errors++;
	}
	if (must_fail(v))
		return NULL;
	p = size < SIZE_MAX / 2 ? malloc(sizeof(*p) + size) : NULL;
	if (!p)
		return NULL;
	p->h.magic = MAGIC;
	p->h.size = size;
	memset(p + 1, 0xa5, size); /* whoever needs zeroes must write them */
	v->blocks++;
	v->bytes += size;
	if (v->bytes > v->peak_bytes)
		v->peak_bytes = v->bytes;
	return p + 1;
}

static void vt_free(void *user, void *ptr, size_t size)
{
	struct vt_env *v = user;
	union header *p = (union header *)ptr - 1;

	if (p->h.magic != MAGIC || p->h.size != size) {
		fprintf(stderr, "vt_env: free of %zu bytes, allocated were %llu\n", size,
			(unsigned long long)p->h.size);
		v->errors++;
	}
	v->blocks--;
	v->bytes -= p->h.size;
	memset(p, 0x5a, sizeof(*p) + p->h.size);
	free(p);
}

static void vt_log(void *user, uint32_t level, const char *line)
{
	struct vt_env *v = user;
	size_t used = strlen(v->log);

	v->log_lines++;
	if (strlen(line) + 16 < sizeof(v->log) - used)
		snprintf(v->log + used, sizeof(v->log) - used, "%u %s\n", level, line);
}

void vt_env_init(struct vt_env *v)
{
	memset(v, 0, sizeof(*v));
	v->fail_count = 1;
	v->env.struct_size = sizeof(v->env);
	v->env.log_level = VDEV_LOG_DEBUG;
	v->env.user = v;
	v->env.alloc = vt_alloc;
	v->env.free = vt_free;
	v->env.log = vt_log;
}

void vt_env_fail_next(struct vt_env *v, uint64_t count)
{
	v->fail_at = count ? v->requests + 1 : 0;
	v->fail_count = count;
}

int vt_env_check(const struct vt_env *v)
{
	if (v->blocks || v->errors)
		fprintf(stderr, "vt_env: %llu blocks (%llu bytes) left, %u wrong frees\n",
			(unsigned long long)v->blocks, (unsigned long long)v->bytes, v->errors);
	return (int)v->blocks + (int)v->errors;
}

/* 1: an allocation failed and all was well; 0: none failed, so there are no more; -1: defect. */
static int oom_round(vt_oom_scenario *scenario, void *arg, uint64_t nth, uint64_t count)
{
	struct vt_env v;
	int ret;

	vt_env_init(&v);
	v.fail_at = nth;
	v.fail_count = count;
	ret = scenario(&v, arg);
	if (vt_env_check(&v) || (ret && ret != -ENOMEM) || (ret && !v.failed)) {
		fprintf(stderr, "vt_oom: allocation %llu (%s) failed: scenario returned %d\n",
			(unsigned long long)nth, count == 1 ? "alone" : "and all later", ret);
		return -1;
	}
	return v.failed != 0;
}

int vt_oom(vt_oom_scenario *scenario, void *arg)
{
	int nth = 0;
	int once, on;

	do {
		nth++;
		once = oom_round(scenario, arg, (uint64_t)nth, 1);
		on = oom_round(scenario, arg, (uint64_t)nth, UINT64_MAX);
		if (once < 0 || on < 0)
			return -1;
	} while (once);
	return nth - 1;
}
