/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupt-hint engine: names of constants, for logs and JSON. */
#include "internal.h"

#define NAME(name) [VDEV_IRQHINT_##name] = #name

const char *vdev_irqhint_reason_name(uint32_t reason)
{
	static const char *const names[VDEV_IRQHINT_REASONS] = {
		NAME(FIRST), NAME(MOVED),   NAME(CPU_CHANGED), NAME(WAITING), NAME(FITS),
		NAME(STALE), NAME(LIMITED), NAME(EMPTY),       NAME(TOO_OLD),
	};

	return reason < VDEV_IRQHINT_REASONS ? names[reason] : "?";
}

const char *vdev_irqhint_distance_name(uint32_t distance)
{
	static const char *const names[VDEV_IRQHINT_DISTANCES] = {
		NAME(SAME_CPU), NAME(SAME_CORE), NAME(SAME_CACHE), NAME(SAME_NODE), NAME(ANY),
	};

	return distance < VDEV_IRQHINT_DISTANCES ? names[distance] : "?";
}
