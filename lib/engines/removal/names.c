/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: names of constants, for logs and JSON. */
#include "internal.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct name {
	uint32_t value;
	const char *text;
};

static const char *look_up(const struct name *table, size_t count, uint32_t value)
{
	for (size_t i = 0; i < count; i++)
		if (table[i].value == value)
			return table[i].text;
	return "?";
}

#define KIND(name)                         \
	{                                  \
		VDEV_REMOVAL_##name, #name \
	}

const char *vdev_removal_kind_name(uint32_t kind)
{
	static const struct name table[] = {
		{VDEV_CANCEL, "CANCEL"},
		KIND(ANNOUNCE),
		KIND(REANNOUNCE),
		KIND(REDECLARE),
		KIND(WARN),
		KIND(UNWARN),
		KIND(AWAIT_ACK),
		KIND(QUIESCE),
		KIND(RESUME),
		KIND(HIDE),
		KIND(DRAIN),
		KIND(IRQ_OFF),
		KIND(RESET),
		KIND(DETACH_EVENTS),
		KIND(UNMAP_BARS),
		KIND(LEAVE_DMA),
		KIND(TEARDOWN),
		KIND(RELEASE),
		KIND(OUTCOME),
		KIND(UNHOLD),
	};

	if (kind >= VDEV_REMOVAL_OWN_STEP_FIRST && kind <= VDEV_REMOVAL_OWN_STEP_LAST)
		return "OWN";
	return look_up(table, COUNT(table), kind);
}

const char *vdev_removal_outcome_name(uint32_t outcome)
{
	static const struct name table[] = {
		KIND(REQUESTED), KIND(ACKED),     KIND(BUSY),        KIND(GUEST_NOT_READY),
		KIND(REFUSED),   KIND(TIMED_OUT), KIND(REMOVED),     KIND(REMOVED_BY_GUEST),
		KIND(FAILED_AT), KIND(STUCK),     KIND(ROLLED_BACK), KIND(CANCELLED),
	};

	return look_up(table, COUNT(table), outcome);
}

const char *vdev_removal_level_name(uint32_t level)
{
	static const struct name table[] = {KIND(UNKNOWN), KIND(UNSAFE), KIND(SAFE_IDLE),
					    KIND(SAFE)};

	if (level >= VDEV_REMOVAL_OWN_FIRST && level <= VDEV_REMOVAL_OWN_LAST)
		return "OWN";
	return look_up(table, COUNT(table), level);
}

const char *vdev_removal_because(uint32_t because)
{
	static const struct name table[] = {
		{VDEV_REMOVAL_BECAUSE_UNKNOWN,
		 "the driver declared nothing, so it is warned first"},
		{VDEV_REMOVAL_BECAUSE_UNSAFE, "the driver must be warned first"},
		{VDEV_REMOVAL_BECAUSE_SAFE_IDLE, "the driver bears it once it is idle"},
		{VDEV_REMOVAL_BECAUSE_SAFE, "the driver bears it at any time"},
		{VDEV_REMOVAL_BECAUSE_OWN, "the VMM's own level has its own actions"},
		{VDEV_REMOVAL_BECAUSE_UNTRUSTED, "the driver declared more, but is not trusted"},
		{VDEV_REMOVAL_BECAUSE_BELOW, "another unit of the same slot or subtree bears less"},
		{VDEV_REMOVAL_BECAUSE_UNTOUCHED, "the guest has not used it since reset"},
		{VDEV_REMOVAL_BECAUSE_POWERED_OFF, "the guest switched it off already"},
		{VDEV_REMOVAL_BECAUSE_FORCED, "it was asked for by force"},
		{VDEV_REMOVAL_BECAUSE_RESET, "the guest is being reset"},
	};

	return look_up(table, COUNT(table), because);
}

#define EVENT(name)                           \
	{                                     \
		VDEV_REMOVAL_EV_##name, #name \
	}

const char *vdev_removal_event_name(uint32_t event)
{
	static const struct name table[] = {
		EVENT(ADD),         EVENT(DECLARE),   EVENT(FORGET),  EVENT(REQUEST),
		EVENT(CANCEL),      EVENT(ACK),       EVENT(REFUSE),  EVENT(PROGRESS),
		EVENT(SLOT),        EVENT(READY),     EVENT(TOUCH),   EVENT(BACKEND_GONE),
		EVENT(RESET_BEGIN), EVENT(RESET_END), EVENT(PAUSE),   EVENT(RESUME),
		EVENT(HOLD),        EVENT(UNHOLD),    EVENT(TIMEOUT),
	};

	return look_up(table, COUNT(table), event);
}
