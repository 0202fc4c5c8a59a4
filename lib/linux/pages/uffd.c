/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The userfaultfd (Documentation/admin-guide/mm/userfaultfd.rst).
 *
 * No UFFD_FEATURE_EVENT_... is asked for: with EVENT_REMOVE each of our own madvise() would wait
 * until the event is read, with EVENT_FORK each fork() of the VMM. Without them a child's copy of
 * a region is not registered, and the ioctls never have to be repeated for a change that is under
 * way.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "internal.h"

/* Fallbacks for older kernel headers. */
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12)
#endif

#define TRIES 1000

static int call(const struct vdev_pages *p, unsigned long request, void *argument)
{
	int ret;

	if (p->config.ioctl)
		ret = p->config.ioctl(p->config.user, p->uffd, request, argument);
	else
		ret = ioctl(p->uffd, request, argument) < 0 ? -errno : 0;
	return ret < 0 ? ret : 0;
}

/* The device's own permissions are enough; the system call needs a capability or the sysctl. */
static int open_any(void)
{
	int dev = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	int fd = -1;

	if (dev >= 0) {
		fd = ioctl(dev, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
		close(dev);
	}
	if (fd < 0)
		fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* The features have to be known before they are asked for: on a descriptor that is thrown away. */
static int probe(uint64_t *ret_features)
{
	struct uffdio_api api = {.api = UFFD_API};
	int fd = open_any(), err;

	if (fd < 0)
		return fd;
	err = ioctl(fd, UFFDIO_API, &api) < 0 ? -errno : 0;
	close(fd);
	*ret_features = api.features;
	return err;
}

int vdev__uffd_open(struct vdev_pages *p)
{
	struct uffdio_api api = {.api = UFFD_API};
	uint64_t has, all;
	int err = probe(&has);

	if (err)
		return err;
	/* Without the bit the kernel would refuse to write-protect anonymous memory. */
	if (!(has & UFFD_FEATURE_PAGEFAULT_FLAG_WP))
		return -EOPNOTSUPP;
	all = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_MISSING_SHMEM |
	      UFFD_FEATURE_MISSING_HUGETLBFS | UFFD_FEATURE_WP_HUGETLBFS_SHMEM;
	api.features = has & all;
	p->uffd = open_any();
	if (p->uffd < 0)
		return p->uffd;
	p->file_wp = (api.features & all) == all;
	return call(p, UFFDIO_API, &api);
}

int vdev__uffd_register(struct vdev_pages *p, uint64_t host, uint64_t bytes, int live)
{
	struct uffdio_register r = {
		.range = {.start = host, .len = bytes},
		.mode = UFFDIO_REGISTER_MODE_MISSING | (live ? UFFDIO_REGISTER_MODE_WP : 0),
	};

	return call(p, UFFDIO_REGISTER, &r);
}

void vdev__uffd_unregister(struct vdev_pages *p, uint64_t host, uint64_t bytes)
{
	struct uffdio_range r = {.start = host, .len = bytes};

	call(p, UFFDIO_UNREGISTER, &r);
}

/* Memory may come free: a millisecond now and then, in all about a second. 1: try again. */
static int again(int err, uint32_t *tries)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	if ((err != -EAGAIN && err != -ENOMEM && err != -EINTR) || ++*tries >= TRIES)
		return 0;
	if (err == -ENOMEM || *tries % 8 == 0)
		nanosleep(&pause, NULL);
	return 1;
}

/*
 * One ioctl for the whole range where one mapping holds it, as is usual. Else the kernel says
 * -ENOENT and has done nothing: then step by step.
 */
static int in_steps(struct vdev_pages *p, struct vdev__uffd_fill *f,
		    int (*one)(struct vdev_pages *p, struct vdev__uffd_fill *f, uint64_t bytes))
{
	uint64_t chunk = f->bytes;
	uint32_t tries = 0;
	int err = 0;

	while (f->done < f->bytes) {
		if (chunk > f->bytes - f->done)
			chunk = f->bytes - f->done;
		err = one(p, f, chunk);
		if (err == -ENOENT && chunk > f->step)
			chunk = f->step;
		else if (err && !again(err, &tries))
			break;
	}
	return f->done < f->bytes ? err : 0;
}

static int protect_one(struct vdev_pages *p, struct vdev__uffd_fill *f, uint64_t bytes)
{
	struct uffdio_writeprotect w = {
		.range = {.start = f->host + f->done, .len = bytes},
		.mode = f->protected ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};
	int err = call(p, UFFDIO_WRITEPROTECT, &w);

	if (!err)
		f->done += bytes;
	return err;
}

static int copy_one(struct vdev_pages *p, struct vdev__uffd_fill *f, uint64_t bytes)
{
	struct uffdio_copy c = {
		.dst = f->host + f->done,
		.src = (uint64_t)(uintptr_t)f->from + f->done,
		.len = bytes,
		.mode = f->protected ? UFFDIO_COPY_MODE_WP : 0,
	};
	int err = call(p, UFFDIO_COPY, &c);

	if (c.copy > 0)
		f->done += (uint64_t)c.copy;
	return err;
}

static int zero_one(struct vdev_pages *p, struct vdev__uffd_fill *f, uint64_t bytes)
{
	struct uffdio_zeropage z = {.range = {.start = f->host + f->done, .len = bytes}};
	int err = call(p, UFFDIO_ZEROPAGE, &z);

	if (z.zeropage > 0)
		f->done += (uint64_t)z.zeropage;
	return err;
}

int vdev__uffd_protect(struct vdev_pages *p, struct vdev__uffd_fill *f)
{
	return in_steps(p, f, protect_one);
}

int vdev__uffd_copy(struct vdev_pages *p, struct vdev__uffd_fill *f)
{
	return in_steps(p, f, copy_one);
}

int vdev__uffd_zero(struct vdev_pages *p, struct vdev__uffd_fill *f)
{
	return in_steps(p, f, zero_one);
}

void vdev__uffd_wake(struct vdev_pages *p, uint64_t host, uint64_t bytes)
{
	struct uffdio_range r = {.start = host, .len = bytes};

	call(p, UFFDIO_WAKE, &r);
}
