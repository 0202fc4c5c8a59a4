/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt-hint engine: writing images, version 1 (load.c reads them). How long ago, never when; no
 * user_data, no places.
 *
 *   payload = u32 words of a set; u32 n, n * slot
 *   slot    = u64 generation of the last handle; u32 n, n * type    (n 0: the slot is free)
 *   type    = u8 state, backoff; u32 hint cpu, hint distance; u64 stale for, since hint;
 *             words * u64 programmed, words * u64 hint
 *
 * Of a NEW type there is no hint: what is about one is 0, VDEV_CPUMAP_NOWHERE or VDEV_NONE.
 */
#include "image.h"
#include "internal.h"

static uint64_t ago(const struct vdev_irqhint *o, const _Atomic uint64_t *at, uint64_t now_ns)
{
	uint64_t since = time_at(at);

	return since == VDEV_NONE ? VDEV_NONE : vdev__sat_sub(clock_of(o, now_ns), since);
}

static void put_words(struct vdev__writer *w, const _Atomic uint64_t *set, uint32_t words,
		      bool there)
{
	for (uint32_t i = 0; i < words; i++)
		vdev__put_u64(w, there ? word_at(set, i) : 0);
}

static void put_type(struct vdev__writer *w, const struct vdev_irqhint *o, uint64_t now_ns,
		     const struct device *d, uint32_t type)
{
	const struct type *t = &d->types[type];
	uint64_t word = word_of(t);
	uint32_t route = route_of(t);
	bool hinted = word_state(word) != VDEV_IRQHINT_NEW;

	vdev__put_u8(w, (uint8_t)word_state(word));
	vdev__put_u8(w, (uint8_t)word_backoff(word));
	vdev__put_u32(w, hinted ? atomic_load(&t->hint_cpu) : VDEV_CPUMAP_NOWHERE);
	vdev__put_u32(w, hinted ? atomic_load(&t->hint_distance) : 0);
	vdev__put_u64(w, hinted ? ago(o, &t->stale_since, now_ns) : VDEV_NONE);
	vdev__put_u64(w, hinted ? ago(o, &t->hint_at, now_ns) : VDEV_NONE);
	put_words(w, programmed_of(d, type, route), d->words, !route_empty(route));
	put_words(w, hint_of(d, type, word), d->words, hinted);
}

int vdev_irqhint_save(const struct vdev_irqhint *obj, uint64_t now_ns, void *buf, size_t size,
		      size_t *ret_size)
{
	struct vdev__writer w;

	if (!obj || !ret_size || (!buf && size))
		return -EINVAL;
	vdev__writer_init(&w, buf, size, VDEV_PART_IRQHINT, IRQHINT_IMAGE_VERSION);
	vdev__put_u32(&w, obj->map->words);
	vdev__put_u32(&w, obj->devices.high);
	for (uint32_t i = 0; i < obj->devices.high; i++) {
		const struct device *d = obj->list[i];
		uint32_t types = d ? d->n_types : 0;

		vdev__put_u64(&w, vdev__table_generation(&obj->devices, i));
		vdev__put_u32(&w, types);
		for (uint32_t k = 0; k < types; k++)
			put_type(&w, obj, now_ns, d, k);
	}
	return vdev__writer_finish(&w, ret_size);
}
