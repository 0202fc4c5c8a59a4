/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 2: levels, who says them, how long they hold, and the plan made of them. */
#include "removal.h"

#include <errno.h>
#include <string.h>

static void idle(struct scene *s)
{
	const struct deed *quiesce, *hide;
	struct device *disk, *other;

	if (!removal_begin(s, VDEV_GUEST_LEVEL_SAFE_IDLE, &disk, &other))
		return;
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &disk->fn, "QUIESCE " FULL_TAIL);
	EXPECT(s, guest_report(s->vm)->warnings == 0, "the guest was warned");
	quiesce = scene_last(s, &disk->fn, VDEV_REMOVAL_QUIESCE);
	hide = scene_last(s, &disk->fn, VDEV_REMOVAL_HIDE);
	EXPECT(s, device_in_flight(disk) == 0, "something is in flight still");
	removal_bystander(s, other);
	scene_tell(s, "idle %.2f ms after it was asked for, then gone without a warning",
		   (double)(hide->now_ns - quiesce->now_ns) / 1e6);
}

/* virtio-win PR #1351: a driver that declared surprise support looped for ever, I/O pending. */
static void not_idle(struct scene *s)
{
	struct device *disk, *other;

	if (!removal_begin(s, VDEV_GUEST_LEVEL_SAFE_IDLE, &disk, &other))
		return;
	removal_deadline(s, VDEV_REMOVAL_SAFE_IDLE, VDEV_REMOVAL_QUIESCE, 100 * MS);
	device_jam(disk, true);
	vm_run_for(s->vm, 20);
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_deed(s, &disk->fn, VDEV_REMOVAL_WARN), "not warned");
	device_jam(disk, false);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &disk->fn, "QUIESCE CANCEL RESUME WARN " FULL_TAIL);
	EXPECT(s, guest_report(s->vm)->warnings == 1, "the guest was not warned");
	EXPECT(s, scene_seen(s, &disk->fn)->io_errors == 0, "the guest lost I/O");
	removal_bystander(s, other);
	scene_tell(s, "not idle in 100 ms: warned like UNSAFE, no request lost");
}

static void operator(struct scene *s)
{
	struct device *disk, *other;

	s->options.removal.level_policy = VDEV_REMOVAL_LEVEL_OPERATOR;
	if (!removal_begin(s, LEVEL_NONE, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->level = VDEV_GUEST_LEVEL_UNSAFE;
	scene_declare(s, &disk->fn, VDEV_REMOVAL_OPERATOR, VDEV_REMOVAL_SAFE);
	EXPECT(s, scene_level(s, &disk->fn, VDEV_REMOVAL_SAFE),
	       "the operator's level does not count");
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	EXPECT(s, guest_report(s->vm)->warnings == 0, "the guest was warned");
	removal_bystander(s, other);
	scene_tell(s, "the operator knows its image: SAFE counts, the guest's UNSAFE does not");
}

static void lower(struct scene *s)
{
	struct device *disk, *other;

	s->options.removal.level_policy = VDEV_REMOVAL_LEVEL_LOWER;
	if (!removal_begin(s, LEVEL_NONE, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->level = VDEV_GUEST_LEVEL_SAFE;
	scene_declare(s, &disk->fn, VDEV_REMOVAL_OPERATOR, VDEV_REMOVAL_UNSAFE);
	scene_level(s, &disk->fn, VDEV_REMOVAL_UNSAFE);
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	EXPECT(s, guest_report(s->vm)->warnings == 1, "the guest was not warned");
	scene_tell(s, "guest SAFE, operator UNSAFE: the lower counts");
}

static void untrusted(struct scene *s)
{
	struct device *disk, *other;

	s->options.removal.flags |= VDEV_REMOVAL_UNTRUSTED;
	if (!removal_begin(s, LEVEL_NONE, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->level = VDEV_GUEST_LEVEL_SAFE;
	NEED(s, scene_level(s, &disk->fn, VDEV_REMOVAL_UNSAFE), "SAFE was believed");
	EXPECT(s, scene_info(s, disk->fn.unit).guest_level == VDEV_REMOVAL_SAFE,
	       "what the guest said was forgotten");
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	EXPECT(s, guest_report(s->vm)->warnings == 1, "the guest was not warned");
	scene_tell(s, "declared SAFE, not trusted: warned all the same");
}

static void late_safe(struct scene *s)
{
	struct device *disk, *other;

	if (!removal_answering(s, ANSWER_NEVER, &disk, &other))
		return;
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REQUESTED), "not warned");
	scene_rule(s, &disk->fn)->level = VDEV_GUEST_LEVEL_SAFE;
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &disk->fn, "WARN " FULL_TAIL);
	EXPECT(s, guest_report(s->vm)->acks == 0, "the guest acknowledged");
	scene_tell(s, "a late SAFE lets the waiting request proceed");
}

static void forgotten(struct scene *s)
{
	struct device *disk, *other;

	if (!removal_begin(s, VDEV_GUEST_LEVEL_SAFE, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->level = LEVEL_NONE;
	__atomic_fetch_add(&guest_command(s->vm)->pv_again, 1, __ATOMIC_RELEASE);
	NEED(s, scene_level(s, &disk->fn, VDEV_REMOVAL_UNKNOWN), "a new handshake kept the level");
	scene_rule(s, &disk->fn)->level = VDEV_GUEST_LEVEL_SAFE;
	NEED(s, scene_level(s, &disk->fn, VDEV_REMOVAL_SAFE), "not declared again");
	scene_rule(s, &disk->fn)->level = LEVEL_NONE;
	__atomic_fetch_add(&scene_rule(s, &disk->fn)->unbind_now, 1, __ATOMIC_RELEASE);
	NEED(s, scene_level(s, &disk->fn, VDEV_REMOVAL_UNKNOWN), "unbinding kept the level");
	NEED(s, scene_counter(s, &guest_report(s->vm)->redeclares, 1),
	     "not asked to declare again");
	scene_tell(s, "handshake (kexec) and driver unbind: UNKNOWN again, asked again");
}

#define OWN_STEP VDEV_REMOVAL_OWN_STEP_FIRST

static void custom(struct scene *s)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_WARN, VDEV_REMOVAL_UNWARN, SECOND},
		{VDEV_REMOVAL_AWAIT_ACK, VDEV_REMOVAL_NO_UNDO, SECOND},
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, SECOND},
		{OWN_STEP, VDEV_REMOVAL_NO_UNDO, SECOND},
		{VDEV_REMOVAL_TEARDOWN, VDEV_REMOVAL_NO_UNDO, SECOND},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, SECOND},
	};
	struct device *disk, *other;
	int good, bad;

	if (!removal_begin(s, VDEV_GUEST_LEVEL_UNSAFE, &disk, &other))
		return;
	vm_engine_lock(s->vm);
	good = vdev_removal_set_actions(s->vm->removal, VDEV_REMOVAL_PCI_FUNCTION,
					VDEV_REMOVAL_UNSAFE, steps, 6);
	bad = vdev_removal_set_actions(s->vm->removal, VDEV_REMOVAL_PCI_FUNCTION,
				       VDEV_REMOVAL_UNSAFE, steps + 2, 4);
	vm_engine_unlock(s->vm);
	EXPECT(s, bad == -EINVAL, "a set without a warning was taken for UNSAFE");
	NEED(s, good == 0, "the set was refused: %s", vdev_strerror(good));
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &disk->fn, "WARN HIDE OWN TEARDOWN RELEASE");
	scene_tell(s, "a set of the VMM's own; one without a warning is refused");
}

static bool as_planned(struct scene *s, const struct vdev_removal_planned *plan, int count,
		       const struct pci_fn *fn)
{
	char planned[300] = "";

	for (int i = 0; i < count; i++) {
		if (plan[i].kind == VDEV_REMOVAL_AWAIT_ACK || plan[i].kind == VDEV_REMOVAL_OUTCOME)
			continue;
		if (planned[0])
			strncat(planned, " ", sizeof(planned) - strlen(planned) - 1);
		strncat(planned, vdev_removal_kind_name(plan[i].kind),
			sizeof(planned) - strlen(planned) - 1);
	}
	return scene_did(s, fn, planned);
}

static void plan(struct scene *s)
{
	struct vdev_removal_planned steps[VDEV_REMOVAL_MAX_STEPS];
	struct vdev_removal_stats before, after;
	struct device *disk, *other;
	int n;

	if (!removal_begin(s, VDEV_GUEST_LEVEL_UNSAFE, &disk, &other))
		return;
	before = removal_stats(s);
	vm_engine_lock(s->vm);
	n = vdev_removal_plan(s->vm->removal, disk->fn.unit, NULL, steps, sizeof(steps[0]),
			      VDEV_REMOVAL_MAX_STEPS);
	vm_engine_unlock(s->vm);
	after = removal_stats(s);
	NEED(s, n > 5 && n <= (int)VDEV_REMOVAL_MAX_STEPS, "plan() returned %d", n);
	EXPECT(s, before.requests == after.requests && before.operations == after.operations,
	       "the dry run changed something");
	EXPECT(s,
	       steps[0].kind == VDEV_REMOVAL_WARN && steps[0].undo == VDEV_REMOVAL_UNWARN &&
		       steps[0].because == VDEV_REMOVAL_BECAUSE_UNSAFE && steps[0].deadline_ns,
	       "the first step is not a warning, its undo and its reason");
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	as_planned(s, steps, n, &disk->fn);
	scene_tell(s, "%d steps foretold, %s; done just so", n,
		   vdev_removal_because(steps[0].because));
}

/* Readers of the level table beside its writer, in threads of their own. */
struct reader {
	struct vdev_removal *removal;
	uint64_t unit;
	atomic_bool stop;
	atomic_ulong looks;
	unsigned long wrong;
};

static void *read_levels(void *arg)
{
	struct reader *r = arg;

	while (!atomic_load(&r->stop)) {
		int level = vdev_removal_level(r->removal, r->unit);

		r->wrong += level != VDEV_REMOVAL_UNSAFE && level != VDEV_REMOVAL_SAFE;
		atomic_fetch_add(&r->looks, 1);
	}
	return NULL;
}

#define CHANGES 5000u
#define LIMIT (1000u * CHANGES)

static void look_up(struct scene *s)
{
	struct reader reader = {0};
	uint32_t changes = 0;
	struct device *disk, *other;
	pthread_t thread;

	s->options.removal.level_policy = VDEV_REMOVAL_LEVEL_OPERATOR;
	if (!removal_begin(s, LEVEL_NONE, &disk, &other))
		return;
	scene_declare(s, &disk->fn, VDEV_REMOVAL_OPERATOR, VDEV_REMOVAL_SAFE);
	reader.removal = s->vm->removal;
	reader.unit = disk->fn.unit;
	NEED(s, !pthread_create(&thread, NULL, read_levels, &reader), "no thread");
	while (changes < CHANGES || (atomic_load(&reader.looks) < CHANGES && changes < LIMIT))
		scene_declare(s, &disk->fn, VDEV_REMOVAL_OPERATOR,
			      changes++ % 2 ? VDEV_REMOVAL_SAFE : VDEV_REMOVAL_UNSAFE);
	atomic_store(&reader.stop, true);
	pthread_join(thread, NULL);
	EXPECT(s, reader.looks > 0, "the reader did not run beside %u changes", changes);
	EXPECT(s, reader.wrong == 0, "%lu of %lu look-ups gave a level that was never set",
	       reader.wrong, reader.looks);
	removal_works(s, disk);
	scene_tell(s, "%lu look-ups beside %u changes, none torn", reader.looks, changes);
}

const struct story removal_levels[] = {{"safe-idle-idles", "R1 R8", idle},
				       {"safe-idle-stays-busy", "R1", not_idle},
				       {
					       "operator-level",
					       "R7",
					       operator},
					       {"lower-of-two", "R7", lower},
					       {"untrusted", "R7", untrusted},
					       {"late-safe", "R6", late_safe},
					       {"level-forgotten", "R6", forgotten},
					       {"custom-set", "R5", custom},
					       {"plan-is-kept", "R13 R3", plan},
					       {"look-up-beside-writer", "R15 R2", look_up},
					       {NULL, NULL, NULL},
};
