/* SPDX-License-Identifier: BSD-3-Clause */
/* The environment as engines use it: allocation, log, trace, and struct copies across the ABI. */
#ifndef VDEV__CORE_ENV_H
#define VDEV__CORE_ENV_H

#include <vdev/base.h>

#if defined(__GNUC__)
#define VDEV__PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define VDEV__LIKELY(x) __builtin_expect(!!(x), 1)
#define VDEV__UNLIKELY(x) __builtin_expect(!!(x), 0)
#else
#define VDEV__PRINTF(fmt, args)
#define VDEV__LIKELY(x) (x)
#define VDEV__UNLIKELY(x) (x)
#endif
/* Tells gcc -fanalyzer what the hooks hide: leaks, double frees, use of freed memory. */
#if defined(__GNUC__) && __GNUC__ >= 11 && !defined(__clang__)
#define VDEV__ALLOCATES(count, size) \
	__attribute__((malloc, malloc(vdev__free, 2), alloc_size(count, size), warn_unused_result))
#else
#define VDEV__ALLOCATES(count, size)
#endif

/* Copies src (NULL: malloc, free, no log, no trace) after checking it. -EINVAL, -E2BIG. */
int vdev__env_copy(struct vdev_env *dst, const struct vdev_env *src);

void vdev__free(const struct vdev_env *env, void *ptr, size_t size);
/* Zeroed memory; NULL when the hook gave none or count * size overflows. */
void *vdev__alloc(const struct vdev_env *env, size_t count, size_t size) VDEV__ALLOCATES(2, 3);
/* Grown copy with a zeroed tail; the old block stays valid when NULL comes back. */
void *vdev__grow(const struct vdev_env *env, void *old, size_t old_count, size_t new_count,
		 size_t size) VDEV__ALLOCATES(4, 5);

void vdev__log(const struct vdev_env *env, uint32_t level, const char *fmt, ...) VDEV__PRINTF(3, 4);

/* Unset, the hook costs one load and one predicted branch; -Dtrace=false removes even those. */
#if defined(VDEV_TRACE) && VDEV_TRACE
#define vdev__tracing(env) VDEV__UNLIKELY((env)->trace != NULL)
#else
#define vdev__tracing(env) 0
#endif

/*
 * Size-first copy of a struct that begins with uint32_t struct_size. `known` is what this library
 * knows, `least` the size of the first release. The missing tail of an older caller is zeroed.
 * -EINVAL: NULL or smaller than `least`; -E2BIG: an unknown tail that is not all zero.
 */
int vdev__copy_in(void *dst, size_t known, size_t least, const void *src);

/* Output struct: writes min(dst_size, src_size) bytes and zeroes the rest of dst. -EINVAL if NULL or 0. */
int vdev__copy_out(void *dst, size_t dst_size, const void *src, size_t src_size);

#endif
