/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who uses memory while the self-test replaces it: a vCPU of a VM made for that, or a thread.
 *
 * In a loop it adds one to a counter in the tested page, then one to a counter elsewhere, copies a
 * word of a second tested page to elsewhere, and looks whether it shall pause. When it has paused
 * the two counters are equal, or updates were lost.
 */
#ifndef VDEV__PAGES_WRITER_H
#define VDEV__PAGES_WRITER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define VDEV__WRITER_LOW 0x10000u /* bytes of memory that is not tested */
#define VDEV__WRITER_CODE 0x1000u
#define VDEV__WRITER_COUNTER 0x2000u /* the second counter, in that memory */
#define VDEV__WRITER_STOP 0x2008u
#define VDEV__WRITER_SEEN 0x2010u
#define VDEV__WRITER_WORD 0x40u /* the word that is copied, in its page */

struct vdev__vcpu {
	int kvm, vm, fd;
	uint8_t owned; /* kvm was opened here */
	void *run; /* struct kvm_run */
	size_t run_size;
	atomic_uint entries; /* calls of KVM_RUN */
};

struct vdev__writer {
	uint8_t *low;
	uint8_t *counted; /* first tested page */
	uint8_t *read; /* second tested page */
	struct vdev__vcpu vcpu;
	int use_vcpu;
	pthread_t thread;
	atomic_int paused;
	atomic_int quit;
	atomic_int broken; /* it ended for another reason */
};

/*
 * Starts it; *ret_kvm is 0, or the -errno for which it is a thread although kvm_fd is not -2.
 * kvm_fd -1: /dev/kvm is opened. -ENOMEM, -EAGAIN.
 */
int vdev__writer_start(struct vdev__writer *w, int kvm_fd, uint8_t *counted, uint8_t *read,
		       int *ret_kvm);
/* -ETIMEDOUT: it does not come to rest. */
int vdev__writer_pause(struct vdev__writer *w);
void vdev__writer_resume(struct vdev__writer *w);
/* Waits until it has seen the word, 0, or -ETIMEDOUT. */
int vdev__writer_sees(struct vdev__writer *w, uint16_t word);
uint32_t vdev__writer_updates(const struct vdev__writer *w);
/* Nothing may hold it up any more. */
void vdev__writer_end(struct vdev__writer *w);

/* writer_vcpu.c */
int vdev__vcpu_open(struct vdev__vcpu *v, int kvm_fd, uint8_t *low, uint8_t *counted,
		    uint8_t *read);
/* Until it pauses: 0; another end: -EIO or the errno of KVM_RUN. */
int vdev__vcpu_run(struct vdev__vcpu *v);
void vdev__vcpu_close(struct vdev__vcpu *v);

#endif
