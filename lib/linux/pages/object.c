/* SPDX-License-Identifier: BSD-3-Clause */
/* Page replacement: the object's life, how its mechanism is chosen, and what it tells. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

static int bad_config(const struct vdev_pages_config *c)
{
	return c->flags & ~VDEV_PAGES_UNTESTED || c->mechanism > VDEV_PAGES_REMAP ||
	       !c->max_regions || c->max_regions > VDEV_PAGES_MAX_REGIONS || c->kvm_fd < -1 ||
	       c->reserved;
}

int vdev__pages_because(struct vdev_pages *p, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(p->reason, sizeof(p->reason), fmt, args);
	va_end(args);
	vdev__log(&p->env, VDEV_LOG_WARNING, "pages: %s", p->reason);
	return err;
}

static void *map_room(uint64_t bytes, int prot)
{
	void *room = mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return room == MAP_FAILED ? NULL : room;
}

static void unmap_room(void *room, uint64_t bytes)
{
	if (room)
		munmap(room, bytes);
}

int vdev__pages_buffers(struct vdev_pages *p, uint64_t granule)
{
	uint64_t bytes = granule > VDEV__PAGES_COPY_BYTES ? granule : VDEV__PAGES_COPY_BYTES;
	uint8_t *copy = map_room(bytes, PROT_READ | PROT_WRITE);
	uint8_t *zeros = map_room(granule, PROT_READ);

	if (!copy || !zeros) {
		unmap_room(copy, bytes);
		unmap_room(zeros, granule);
		return -ENOMEM;
	}
	pthread_mutex_lock(&p->serve_lock);
	unmap_room(p->copy, p->copy_bytes);
	unmap_room(p->zeros, p->zeros_bytes);
	p->copy = copy;
	p->copy_bytes = bytes;
	p->zeros = zeros;
	p->zeros_bytes = granule;
	pthread_mutex_unlock(&p->serve_lock);
	return 0;
}

static int open_mechanism(struct vdev_pages *p)
{
	int err;

	if (p->mechanism != VDEV_PAGES_UFFD)
		return 0;
	err = vdev__uffd_open(p);
	if (err == -EPERM)
		return vdev__pages_because(p, err,
					   "userfaultfd: a guest's faults need one that sees "
					   "faults of the kernel: write access "
					   "to /dev/userfaultfd, CAP_SYS_PTRACE, or sysctl "
					   "vm.unprivileged_userfaultfd=1");
	if (err)
		return vdev__pages_because(p, err, "userfaultfd: %s", strerror(-err));
	return vdev__pages_serve(p);
}

int vdev__pages_make(struct vdev_pages **ret_pages, const struct vdev_env *env,
		     const struct vdev_pages_config *config, uint32_t mechanism)
{
	struct vdev_pages *p = vdev__alloc(env, 1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->env = *env;
	p->config = *config;
	p->mechanism = mechanism;
	p->uffd = p->stop_fd = -1;
	p->pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	/* Default mutexes need no resources: nothing here can fail. */
	pthread_mutex_init(&p->lock, NULL);
	pthread_mutex_init(&p->serve_lock, NULL);
	p->regions = vdev__alloc(env, config->max_regions, sizeof(*p->regions));
	err = p->regions ? vdev__pages_buffers(p, VDEV__PAGES_PAGE) : -ENOMEM;
	if (!err)
		err = open_mechanism(p);
	if (err) {
		vdev_pages_free(p);
		return err;
	}
	*ret_pages = p;
	return 0;
}

/* Not tested is good enough: what the test lacks says nothing about the mechanism. */
static int passed(const struct vdev_pages_report *r)
{
	uint32_t i;

	for (i = 0; r->mechanism && i < VDEV_PAGES_PROPERTIES; i++)
		if (r->outcome[i] == VDEV_PAGES_NO)
			return 0;
	return 1;
}

static int try_one(struct vdev_pages **ret_pages, const struct vdev_env *env,
		   const struct vdev_pages_config *config, uint32_t mechanism)
{
	struct vdev_pages_report report = {0};
	struct vdev_pages *p;
	int err = vdev__pages_make(&p, env, config, mechanism);

	if (err)
		return err;
	if (!(config->flags & VDEV_PAGES_UNTESTED))
		err = vdev__pages_test(env, config, mechanism, &report);
	if (!err && !passed(&report)) {
		vdev__log(env, VDEV_LOG_ERROR,
			  "pages: the self-test of %s failed: %llu lost updates, %llu wrong bytes",
			  vdev_pages_mechanism_name(mechanism),
			  (unsigned long long)report.lost_updates,
			  (unsigned long long)report.wrong_bytes);
		err = -EOPNOTSUPP;
	}
	if (err) {
		vdev_pages_free(p);
		return err;
	}
	p->report = report;
	*ret_pages = p;
	return 0;
}

/* Some errors have nothing to do with the mechanism: another one is no way out. */
static int hopeless(int err)
{
	return !err || err == -ENOMEM || err == -EMFILE || err == -ENFILE || err == -EAGAIN;
}

int vdev_pages_new(struct vdev_pages **ret_pages, const struct vdev_env *env,
		   const struct vdev_pages_config *config)
{
	struct vdev_pages_config c;
	struct vdev_pages *p;
	struct vdev_env e;
	int err = vdev__env_copy(&e, env), uffd;

	if (!err)
		err = vdev__copy_in(&c, sizeof(c), sizeof(c), config);
	if (!err && (!ret_pages || bad_config(&c)))
		err = -EINVAL;
	if (err)
		return err;
	uffd = -EOPNOTSUPP;
	if (c.mechanism != VDEV_PAGES_REMAP)
		err = uffd = try_one(&p, &e, &c, VDEV_PAGES_UFFD);
	if (c.mechanism == VDEV_PAGES_REMAP || (c.mechanism == VDEV_PAGES_AUTO && !hopeless(uffd)))
		err = try_one(&p, &e, &c, VDEV_PAGES_REMAP);
	if (err)
		return err;
	if (c.mechanism == VDEV_PAGES_AUTO && uffd) {
		p->report.uffd = uffd;
		vdev__pages_because(
			p, 0,
			"mremap was chosen, as a userfaultfd cannot be used (%s): PRESERVE "
			"only while the guest is stopped",
			strerror(-uffd));
	}
	*ret_pages = p;
	return 0;
}

void vdev_pages_free(struct vdev_pages *pages)
{
	struct vdev_pages *p = pages;
	struct vdev_env env;
	uint32_t i;

	if (!p)
		return;
	env = p->env;
	for (i = 0; p->regions && i < p->config.max_regions; i++)
		if (p->regions[i].granule)
			vdev_pages_remove(p, p->regions[i].r.guest_address);
	vdev__pages_serve_end(p);
	if (p->uffd >= 0)
		close(p->uffd);
	if (p->pidfd >= 0)
		close(p->pidfd);
	unmap_room(p->copy, p->copy_bytes);
	unmap_room(p->zeros, p->zeros_bytes);
	vdev__free(&env, p->regions, p->config.max_regions * sizeof(*p->regions));
	pthread_mutex_destroy(&p->serve_lock);
	pthread_mutex_destroy(&p->lock);
	vdev__free(&env, p, sizeof(*p));
}

int vdev_pages_stopped(struct vdev_pages *pages, uint32_t flags)
{
	if (!pages || flags & ~(VDEV_PAGES_GUEST_STOPPED | VDEV_PAGES_PEERS_STOPPED))
		return -EINVAL;
	pthread_mutex_lock(&pages->lock);
	pages->stopped = flags;
	pthread_mutex_unlock(&pages->lock);
	return 0;
}

int vdev_pages_self_test(struct vdev_pages *pages, struct vdev_pages_report *ret_report,
			 size_t size)
{
	struct vdev_pages_report report = {0};
	int err;

	if (!pages || !ret_report || !size)
		return -EINVAL;
	err = vdev__pages_test(&pages->env, &pages->config, pages->mechanism, &report);
	return err ? err : vdev__copy_out(ret_report, size, &report, sizeof(report));
}

int vdev_pages_report(struct vdev_pages *pages, struct vdev_pages_report *ret_report, size_t size)
{
	if (!pages)
		return -EINVAL;
	return vdev__copy_out(ret_report, size, &pages->report, sizeof(pages->report));
}

int vdev_pages_reason(struct vdev_pages *pages, char *buf, size_t size)
{
	size_t length, copied;

	if (!pages || !buf || !size)
		return -EINVAL;
	pthread_mutex_lock(&pages->lock);
	length = strlen(pages->reason);
	copied = length < size ? length : size - 1;
	memcpy(buf, pages->reason, copied);
	pthread_mutex_unlock(&pages->lock);
	buf[copied] = '\0';
	return (int)length;
}

int vdev_pages_stats(struct vdev_pages *pages, struct vdev_pages_stats *ret_stats, size_t size)
{
	struct vdev_pages_stats s;

	if (!pages)
		return -EINVAL;
	pthread_mutex_lock(&pages->lock);
	s = pages->stats;
	pthread_mutex_unlock(&pages->lock);
	s.filled = atomic_load_explicit(&pages->filled, memory_order_relaxed);
	s.waited = atomic_load_explicit(&pages->waited, memory_order_relaxed);
	return vdev__copy_out(ret_stats, size, &s, sizeof(s));
}

const char *vdev_pages_mechanism_name(uint32_t mechanism)
{
	return mechanism == VDEV_PAGES_UFFD    ? "userfaultfd"
	       : mechanism == VDEV_PAGES_REMAP ? "mremap"
					       : "?";
}
