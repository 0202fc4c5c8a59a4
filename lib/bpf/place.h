/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the BPF program and user space share: a place is one 64-bit word, the thread's number, the CPU and what it does.
 * With the number in it, what is written late for a thread that had the slot before cannot be taken for the new one's.
 */
#ifndef VDEV__BPF_PLACE_H
#define VDEV__BPF_PLACE_H

#define PLACE_NONE 0
#define PLACE_RUNNING 1
#define PLACE_SLEEPING 2
#define PLACE_DEAD \
	3 /* for good: the next thread of that number gets another slot, or the slot anew */

#define PLACE(tid, cpu, state) \
	((unsigned long long)(tid) << 32 | (unsigned long long)(cpu) << 8 | (state))
#define PLACE_TID(place) ((unsigned int)((place) >> 32))
#define PLACE_CPU(place) ((unsigned int)((place) >> 8) & 0xffffff)
#define PLACE_STATE(place) ((unsigned int)(place)&0xff)

/* In place of a place: the process whose threads are looked at. Slots of threads come behind. */
#define SLOT_PROCESS 0
#define SLOT_FIRST 1

#endif
