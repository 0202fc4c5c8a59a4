/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: names of constants, for logs and JSON. */
#include "internal.h"

static const char *name(const char *const *names, uint32_t count, uint32_t value)
{
	return value < count && names[value] ? names[value] : "?";
}

#define NAME(names, value) name(names, sizeof(names) / sizeof((names)[0]), value)

const char *vdev_zerocopy_kind_name(uint32_t kind)
{
	static const char *const names[] = {NULL, "OFFLINE", "ACCESSIBLE", "RELEASE", "REFUSED"};

	if (kind == VDEV_CANCEL)
		return "CANCEL";
	return NAME(names, kind - VDEV_KIND_ZEROCOPY);
}

const char *vdev_zerocopy_outcome_name(uint32_t outcome)
{
	static const char *const names[] = {NULL, "COMPLETED", "RECLAIMED", "FAILED", "LOST"};

	return NAME(names, outcome);
}

const char *vdev_zerocopy_state_name(uint32_t state)
{
	static const char *const names[] = {"FREE",    "RESERVED",  "SENT",
					    "CLAIMED", "OFFLINING", "QUARANTINED"};

	return NAME(names, state);
}

const char *vdev_zerocopy_because(int answer)
{
	static const char *const names[] = {
		"lent",
		"copied: smaller than what is worth lending",
		"copied: the VM has as much in flight as it may",
		"copied: the destination has as much in flight as it may",
		"copied: too much is in quarantine",
		"copied: no free slot near",
		"copied: the memory cannot be taken out from under the guest",
		"copied: a receive buffer that shares a page with other data",
		"copied: the VM is being reset",
	};

	return answer < 0 ? "?" : NAME(names, (uint32_t)answer & VDEV_ZEROCOPY_ANSWER);
}

const char *vdev_zerocopy_event_name(uint32_t event)
{
	static const char *const names[] = {NULL,          "EXPIRE",      "RECLAIM",   "LATE",
					    "RECLAIM_ALL", "RESET_BEGIN", "RESET_END", "TIMEOUT"};

	return NAME(names, event);
}
