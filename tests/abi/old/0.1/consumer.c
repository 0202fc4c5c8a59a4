/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program of the time of an earlier release: built against the headers of that release (0.1/include),
 * run with the library of today. It must work for as long as the soname is the same, so it is never
 * adapted to a new interface; a later release gets a consumer of its own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <vdev/vdev.h>

static int failed;

static void expect(int good, const char *what)
{
	printf("%s %s\n", good ? "ok  " : "FAIL", what);
	failed |= !good;
}

/* Drains the engine; ret_kinds gets the names in order, ret_outcome the last outcome. */
static void drain(struct vdev_removal *removal, char *ret_kinds, size_t size, uint64_t *ret_outcome)
{
	struct vdev_action action;

	ret_kinds[0] = '\0';
	while (vdev_removal_next(removal, &action, sizeof(action)) == 1) {
		size_t used = strlen(ret_kinds);

		snprintf(ret_kinds + used, size - used, "%s ", vdev_removal_kind_name(action.kind));
		if (action.kind == VDEV_REMOVAL_OUTCOME)
			*ret_outcome = action.arg[0];
		vdev_removal_done(removal, 1, action.id, 0);
	}
}

static uint64_t add(struct vdev_removal *removal, uint32_t level)
{
	struct vdev_removal_unit unit = {.struct_size = sizeof(unit),
					 .unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					 .transport = VDEV_REMOVAL_ACPI,
					 .user_data = 7};
	uint64_t handle = 0;

	expect(vdev_removal_add(removal, 0, &unit, &handle) >= 0, "add");
	expect(vdev_removal_declare(removal, 0, handle, VDEV_REMOVAL_GUEST, level) >= 0, "declare");
	expect(vdev_removal_level(removal, handle) == (int)level, "level");
	return handle;
}

static void safe_unit_goes_by_surprise(struct vdev_removal *removal)
{
	uint64_t outcome = 0, unit = add(removal, VDEV_REMOVAL_SAFE);
	char kinds[512];

	expect(vdev_removal_request(removal, 1, unit, NULL) == 1, "request");
	drain(removal, kinds, sizeof(kinds), &outcome);
	expect(strncmp(kinds, "HIDE ", 5) == 0, "SAFE: HIDE first");
	expect(strstr(kinds, "RELEASE OUTCOME ") != NULL, "SAFE: RELEASE, then OUTCOME");
	expect(outcome == VDEV_REMOVAL_REMOVED, "SAFE: REMOVED");
	expect(vdev_removal_level(removal, unit) < 0, "SAFE: the handle is stale");
}

static void unsafe_unit_is_warned(struct vdev_removal *removal)
{
	struct vdev_removal_request request = {.struct_size = sizeof(request)};
	uint64_t outcome = 0, unit = add(removal, VDEV_REMOVAL_UNSAFE);
	char kinds[512];

	expect(vdev_removal_request(removal, 1, unit, &request) == 1, "request");
	drain(removal, kinds, sizeof(kinds), &outcome);
	expect(strncmp(kinds, "WARN ", 5) == 0, "UNSAFE: WARN first");
	expect(strstr(kinds, "HIDE") == NULL, "UNSAFE: not hidden before the ack");
	expect(vdev_removal_ack(removal, 2, unit) >= 1, "ack");
	drain(removal, kinds, sizeof(kinds), &outcome);
	expect(strstr(kinds, "HIDE ") != NULL, "UNSAFE: HIDE after the ack");
	expect(outcome == VDEV_REMOVAL_REMOVED, "UNSAFE: REMOVED");
}

static void counters_of_a_shorter_struct(struct vdev_removal *removal)
{
	struct vdev_removal_stats stats;

	memset(&stats, 0xa5, sizeof(stats));
	expect(vdev_removal_stats(removal, &stats, offsetof(struct vdev_removal_stats, warnings)) ==
		       0,
	       "stats of a shorter struct");
	expect(stats.added == 2 && stats.requests == 2, "stats: counted");
	expect(stats.warnings == UINT64_C(0xa5a5a5a5a5a5a5a5), "stats: nothing past the size");
}

int main(void)
{
	struct vdev_removal_config config = {.struct_size = sizeof(config), .max_units = 4};
	struct vdev_removal *removal = NULL;

	printf("headers %s, library %s\n", VDEV_VERSION_STRING, vdev_version());
	expect(vdev_has("removal") == 1, "the library has the engine");
	expect(vdev_removal_new(&removal, NULL, &config) == 0, "new");
	if (!removal)
		return 1;
	safe_unit_goes_by_surprise(removal);
	unsafe_unit_is_warned(removal);
	counters_of_a_shorter_struct(removal);
	vdev_removal_free(removal);
	return failed;
}
