/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdevctl plan: what the VM's file and the rules said when the plan was made. The image has part of it, a checksum is for all.
 * It finds accidents, not malice.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "inventread.h"
#include "move.h"

/* FNV-1a, 64 bits. */
static void hash(uint64_t *h, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		*h = (*h ^ (uint8_t)bytes[i]) * UINT64_C(0x100000001b3);
}

__attribute__((format(printf, 2, 3))) static void line(uint64_t *h, const char *format, ...)
{
	char text[96];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	hash(h, text, strlen(text));
}

void facts_checksum(const struct planned_move *p, char ret_text[FACTS_SIZE])
{
	const struct vm *vm = &p->vm;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	line(&h, "name %s\nflags %x\n", vm->name, vm->flags);
	for (uint32_t i = 0; i < VDEV_MIGRATION_STEPS; i++)
		if (vm->deadline_ns[i])
			line(&h, "deadline %s %llu\n", vdev_migration_step_name(i),
			     (unsigned long long)vm->deadline_ns[i]);
	for (uint32_t i = 0; i < vm->count; i++)
		line(&h, "device %llx flags %x node %x vfio %x\n",
		     (unsigned long long)vm->address[i], vm->want[i].flags, vm->want[i].node,
		     vm->vfio[i]);
	if (p->rules.text)
		line(&h, "rules %zu\n", p->rules.size);
	hash(&h, p->rules.text, p->rules.size);
	snprintf(ret_text, FACTS_SIZE, "%016llx", (unsigned long long)h);
}

/* What the VM's file says that its device can do is what the plan was made with. */
static bool abilities(const struct planned_move *p, uint32_t i)
{
	const uint64_t fields = UINT64_C(1) << VDEV_MIGRATION_F_STOP_COPY |
				UINT64_C(1) << VDEV_MIGRATION_F_P2P |
				UINT64_C(1) << VDEV_MIGRATION_F_PRE_COPY;
	const struct vdev_migration_device *source;
	struct vdev_migration_place place;
	uint32_t bits = p->vm.vfio[i];

	if (bits == NO_NUMBER)
		return true;
	return vdev_migration_plan_device(p->plan, i, &place, sizeof(place), &source, NULL) >= 0 &&
	       (source->known & fields) == fields && source->stop_copy == (bits & 1) &&
	       source->p2p == (bits >> 1 & 1) && source->pre_copy == (bits >> 2 & 1);
}

static bool in_image(const struct reading *r, const struct planned_move *p)
{
	struct vdev_migration_plan_info info;
	struct vdev_migration_step s;

	vdev_migration_plan_get(p->plan, &info, sizeof(info));
	if (info.flags != p->vm.flags)
		return read_wrong(r, "vm.quiesce_late: not what the image says");
	for (uint32_t i = 0; i < info.devices; i++)
		if (!abilities(p, i))
			return read_wrong(
				r, "vm.devices[%u].vfio_migration: not what the image says", i);
	for (uint32_t i = 0; i < info.steps; i++)
		if (!vdev_migration_plan_step(p->plan, i, &s, sizeof(s)) &&
		    p->vm.deadline_ns[s.kind] && p->vm.deadline_ns[s.kind] != s.deadline_ns)
			return read_wrong(r, "vm.deadlines_ms.%s: not what the image says",
					  vdev_migration_step_name(s.kind));
	return true;
}

bool facts_agree(const struct reading *r, struct json_object *checksum,
		 const struct planned_move *p)
{
	char wanted[FACTS_SIZE], got[FACTS_SIZE] = "";

	if (!in_image(r, p))
		return false;
	facts_checksum(p, wanted);
	if (!read_text(checksum, got, sizeof(got)))
		return read_wrong(r, "facts: expected a checksum of 16 hexadecimal digits");
	if (strcmp(wanted, got) != 0)
		return read_wrong(r, "facts: vm (name, quiesce_late, deadlines_ms, what it says of "
				     "devices) or rules.text are not those of the plan: the file "
				     "was changed");
	return true;
}
