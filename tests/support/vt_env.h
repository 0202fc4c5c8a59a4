/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An environment for tests: counts memory, makes chosen allocations fail, keeps the log.
 *
 *	struct vt_env v;
 *
 *	vt_env_init(&v);
 *	vdev_removal_new(&r, &v.env, &config);
 *	...
 *	assert_int_equal(vt_env_check(&v), 0);	nothing leaked, each free() with the right size
 *
 * One vt_env serves one thread at a time.
 */
#ifndef VT_ENV_H
#define VT_ENV_H

#include <stdint.h>

#include <vdev/base.h>

#define VT_LOG_SIZE 4096u

struct vt_env {
	struct vdev_env env; /* hand out &v.env */
	uint64_t requests; /* allocations asked for so far */
	uint64_t fail_at; /* this request fails, counted from 1; 0: none */
	uint64_t fail_count; /* and so many from there on; 1 after vt_env_init() */
	uint64_t failed; /* allocations that were made to fail */
	uint64_t blocks; /* live now */
	uint64_t bytes; /* live now */
	uint64_t peak_bytes;
	uint32_t errors; /* frees with a wrong size or of foreign memory */
	uint32_t log_lines;
	char log[VT_LOG_SIZE]; /* the lines, each "LEVEL text\n"; what does not fit is dropped */
};

void vt_env_init(struct vt_env *v);
/* The next `count` allocations fail; UINT64_MAX: all that come. 0: none. */
void vt_env_fail_next(struct vt_env *v, uint64_t count);
/* 0, or the number of leaked blocks and wrong frees, which are also told on stderr. */
int vt_env_check(const struct vt_env *v);

/*
 * Runs the scenario with the 1st, 2nd, ... allocation failing, until one run has no failure; each
 * twice: only that one fails, and all from that one on. The scenario makes its objects with &v->env,
 * ends them on every path, and returns 0 or -ENOMEM. After each run nothing may be left.
 * Returns the number of allocations that were made to fail in turn, or -1 with the reason on stderr.
 */
typedef int vt_oom_scenario(struct vt_env *v, void *arg);
int vt_oom(vt_oom_scenario *scenario, void *arg);

#endif
