/* SPDX-License-Identifier: BSD-3-Clause */
/* Who uses memory while the self-test replaces it. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "internal.h"
#include "writer.h"

#define TRIES 20000 /* of 100 us: two seconds */

static void doze(void)
{
	const struct timespec t = {.tv_nsec = 100000};

	nanosleep(&t, NULL);
}

static uint32_t *counter(uint8_t *page, uint32_t at)
{
	return (uint32_t *)(void *)(page + at);
}

static int stop_wanted(const struct vdev__writer *w)
{
	return __atomic_load_n(w->low + VDEV__WRITER_STOP, __ATOMIC_ACQUIRE);
}

/* What the vCPU's code does; a load and a store like there, since nobody else writes. */
static void count(struct vdev__writer *w)
{
	uint32_t *tested = counter(w->counted, 0), *other = counter(w->low, VDEV__WRITER_COUNTER);
	uint16_t *word = (uint16_t *)(void *)(w->read + VDEV__WRITER_WORD);
	uint16_t *seen = (uint16_t *)(void *)(w->low + VDEV__WRITER_SEEN);

	while (!stop_wanted(w)) {
		uint32_t n = __atomic_load_n(tested, __ATOMIC_RELAXED) + 1;

		__atomic_store_n(tested, n, __ATOMIC_RELAXED);
		n = __atomic_load_n(other, __ATOMIC_RELAXED) + 1;
		__atomic_store_n(other, n, __ATOMIC_RELAXED);
		__atomic_store_n(seen, __atomic_load_n(word, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
	}
}

static void *writer_main(void *context)
{
	struct vdev__writer *w = context;

	while (!atomic_load(&w->quit)) {
		int err = 0;

		if (w->use_vcpu)
			err = vdev__vcpu_run(&w->vcpu);
		else
			count(w);
		if (err) {
			atomic_store(&w->broken, err);
			return NULL;
		}
		atomic_store(&w->paused, 1);
		while (stop_wanted(w) && !atomic_load(&w->quit))
			doze();
	}
	return NULL;
}

static int start_thread(struct vdev__writer *w)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&w->thread, NULL, writer_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

int vdev__writer_start(struct vdev__writer *w, int kvm_fd, uint8_t *counted, uint8_t *read,
		       int *ret_kvm)
{
	int err;

	memset(w, 0, sizeof(*w));
	w->low = mmap(NULL, VDEV__WRITER_LOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (w->low == MAP_FAILED)
		return -ENOMEM;
	w->counted = counted;
	w->read = read;
	if (kvm_fd >= -1) {
		*ret_kvm = vdev__vcpu_open(&w->vcpu, kvm_fd, w->low, counted, read);
		w->use_vcpu = !*ret_kvm;
	}
	err = start_thread(w);
	if (err) {
		if (w->use_vcpu)
			vdev__vcpu_close(&w->vcpu);
		munmap(w->low, VDEV__WRITER_LOW);
	}
	return err;
}

int vdev__writer_pause(struct vdev__writer *w)
{
	int i;

	__atomic_store_n(w->low + VDEV__WRITER_STOP, 1, __ATOMIC_RELEASE);
	for (i = 0; i < TRIES; i++) {
		if (atomic_load(&w->paused) || atomic_load(&w->broken))
			return atomic_load(&w->broken);
		doze();
	}
	return -ETIMEDOUT;
}

void vdev__writer_resume(struct vdev__writer *w)
{
	atomic_store(&w->paused, 0);
	__atomic_store_n(w->low + VDEV__WRITER_STOP, 0, __ATOMIC_RELEASE);
}

int vdev__writer_sees(struct vdev__writer *w, uint16_t word)
{
	const uint16_t *seen = (const uint16_t *)(const void *)(w->low + VDEV__WRITER_SEEN);
	int i;

	for (i = 0; i < TRIES; i++) {
		if (__atomic_load_n(seen, __ATOMIC_RELAXED) == word)
			return 0;
		if (atomic_load(&w->broken))
			return atomic_load(&w->broken);
		doze();
	}
	return -ETIMEDOUT;
}

uint32_t vdev__writer_updates(const struct vdev__writer *w)
{
	return __atomic_load_n(counter(w->low, VDEV__WRITER_COUNTER), __ATOMIC_RELAXED);
}

void vdev__writer_end(struct vdev__writer *w)
{
	atomic_store(&w->quit, 1);
	__atomic_store_n(w->low + VDEV__WRITER_STOP, 1, __ATOMIC_RELEASE);
	pthread_join(w->thread, NULL);
	if (w->use_vcpu)
		vdev__vcpu_close(&w->vcpu);
	munmap(w->low, VDEV__WRITER_LOW);
}
