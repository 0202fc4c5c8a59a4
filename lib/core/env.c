/* SPDX-License-Identifier: BSD-3-Clause */
/* The environment: where memory comes from, where log lines go, and how structs cross the ABI. */
#include "env.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* struct vdev_env of release 0.1 ends with the trace hook. */
#define ENV_LEAST (offsetof(struct vdev_env, trace) + sizeof(((struct vdev_env *)0)->trace))
/* No struct of the ABI comes near; a larger size is an uninitialised one, not worth a crash. */
#define STRUCT_MOST 4096u
#define LOG_LINE 256

int vdev__env_copy(struct vdev_env *dst, const struct vdev_env *src)
{
	struct vdev_env env = {.struct_size = sizeof(env)};
	int err;

	if (src) {
		err = vdev__copy_in(&env, sizeof(env), ENV_LEAST, src);
		if (err)
			return err;
		if (!env.alloc != !env.free)
			return -EINVAL;
	}
	*dst = env;
	return 0;
}

void vdev__free(const struct vdev_env *env, void *ptr, size_t size)
{
	if (!ptr)
		return;
	if (env->free)
		env->free(env->user, ptr, size);
	else
		free(ptr);
}

/* Without the attributes: gcc 12 takes a call of vdev__alloc() whose body it sees for two allocations. */
static void *zeroed(const struct vdev_env *env, size_t count, size_t size)
{
	void *ptr;

	if (!count || !size || count > SIZE_MAX / size)
		return NULL;
	if (!env->alloc)
		return calloc(count, size); /* fresh pages are zero already: no pass over them */
	ptr = env->alloc(env->user, count * size);
	if (ptr)
		memset(ptr, 0, count * size);
	return ptr;
}

void *vdev__alloc(const struct vdev_env *env, size_t count, size_t size)
{
	return zeroed(env, count, size);
}

void *vdev__grow(const struct vdev_env *env, void *old, size_t old_count, size_t new_count,
		 size_t size)
{
	void *ptr;

	if (new_count < old_count)
		return NULL;
	ptr = zeroed(env, new_count, size);
	if (ptr && old) {
		memcpy(ptr, old, old_count * size);
		vdev__free(env, old, old_count * size);
	}
	return ptr;
}

void vdev__log(const struct vdev_env *env, uint32_t level, const char *fmt, ...)
{
	char line[LOG_LINE];
	va_list args;

	if (!env->log || level > env->log_level)
		return;
	va_start(args, fmt);
	if (vsnprintf(line, sizeof(line), fmt, args) >= 0)
		env->log(env->user, level, line);
	va_end(args);
}

static int all_zero(const unsigned char *p, size_t size)
{
	while (size--)
		if (*p++)
			return 0;
	return 1;
}

int vdev__copy_in(void *dst, size_t known, size_t least, const void *src)
{
	uint32_t ours = (uint32_t)known;
	uint32_t size;

	if (!src)
		return -EINVAL;
	memcpy(&size, src, sizeof(size));
	if (size < least || size < sizeof(size))
		return -EINVAL;
	if (size > STRUCT_MOST)
		return -E2BIG;
	if (size > known && !all_zero((const unsigned char *)src + known, size - known))
		return -E2BIG;
	memset(dst, 0, known);
	memcpy(dst, src, size < known ? size : known);
	memcpy(dst, &ours, sizeof(ours)); /* so that a copy can be copied again */
	return 0;
}

int vdev__copy_out(void *dst, size_t dst_size, const void *src, size_t src_size)
{
	size_t size = dst_size < src_size ? dst_size : src_size;

	if (!dst || !dst_size)
		return -EINVAL;
	memcpy(dst, src, size);
	memset((unsigned char *)dst + size, 0, dst_size - size);
	return 0;
}
