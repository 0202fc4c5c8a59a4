/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: names of constants, for logs, JSON and rules files. */
#include "internal.h"

#define NAME(name) [VDEV_MIGRATION_##name] = #name
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *pick(const char *const *names, size_t count, uint32_t index)
{
	return index < count ? names[index] : "?";
}

const char *vdev_migration_verdict_name(uint32_t verdict)
{
	static const char *const names[] = {NAME(LIVE), NAME(LIVE_STOP_COPY_ONLY),
					    NAME(QUIESCE_REBUILD), NAME(EMULATE), NAME(REFUSE)};

	return pick(names, COUNT(names), verdict);
}

const char *vdev_migration_kind_name(uint32_t kind)
{
	static const char *const names[] = {"exact", "at-least", "need", "ignore"};

	return pick(names, COUNT(names), kind);
}

const char *vdev_migration_reason_name(uint32_t reason)
{
	static const char *const names[] = {NAME(FITS), NAME(DIFFERS), NAME(NOTHING), NAME(TAKEN),
					    NAME(CONTENDED)};

	return pick(names, COUNT(names), reason);
}

const char *vdev_migration_step_name(uint32_t step)
{
	static const char *const names[] = {
		NAME(NO_STEP),     NAME(CLAIM),           NAME(RELEASE),   NAME(VERIFY),
		NAME(RESUMING),    NAME(PRE_COPY_STATE),  NAME(RUNNING),   NAME(BUSY),
		NAME(CLEAR_BUSY),  NAME(DESCRIBE),        NAME(DELETE),    NAME(RESTORE),
		NAME(COPY_MEMORY), NAME(STOP_COPYING),    NAME(PAUSE),     NAME(UNPAUSE),
		NAME(STOP_P2P),    NAME(STOP_COPY_STATE), NAME(COPY_REST), NAME(STOP_STATE),
		NAME(ATTACH),      NAME(DETACH),          NAME(COMMIT),    NAME(START)};

	return pick(names, COUNT(names), step);
}

const char *vdev_migration_change_name(uint32_t change)
{
	static const char *const names[] = {NAME(SAME),  NAME(GONE),        NAME(NOT_FREE),
					    NAME(WORSE), NAME(OTHER_VALUE), NAME(MOVED_NODE)};

	return pick(names, COUNT(names), change);
}

const char *vdev_migration_use_name(uint32_t use)
{
	static const char *const names[] = {NAME(FREE), NAME(USED), NAME(BRIDGE),
					    NAME(USE_UNKNOWN)};

	return pick(names, COUNT(names), use);
}
