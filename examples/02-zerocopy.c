/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy in one page: of two messages one is answered in time, the other is not. Its block is taken
 * back from under the guest, and when the late receiver is done at last, the old pages are freed.
 */
#include <stdio.h>

#include <vdev/vdev.h>

#define OK(call)                                                               \
	do {                                                                   \
		int r_ = (call);                                               \
		if (r_ < 0) {                                                  \
			fprintf(stderr, "%s: %s\n", #call, vdev_strerror(r_)); \
			return 1;                                              \
		}                                                              \
	} while (0)

#define MS UINT64_C(1000000)
#define LENGTH UINT64_C(65536)

static uint64_t now_ns; /* a VMM reads its clock instead */

/* A VMM takes all actions that wait, hands the OFFLINE ones to vdev_pages_offline(), and tells its guest. */
static int pump(struct vdev_zerocopy *zerocopy)
{
	struct vdev_action a;

	while (vdev_zerocopy_next(zerocopy, &a, sizeof(a)) == 1) {
		printf("  %-10s message %llu: 0x%llx + 0x%llx %s\n",
		       vdev_zerocopy_kind_name(a.kind), (unsigned long long)a.user_data,
		       (unsigned long long)a.arg[0], (unsigned long long)a.arg[1],
		       a.kind == VDEV_ZEROCOPY_ACCESSIBLE
			       ? vdev_zerocopy_outcome_name((uint32_t)a.arg[2])
			       : "");
		OK(vdev_zerocopy_done(zerocopy, now_ns, a.id, 0));
	}
	return 0;
}

static int send_one(struct vdev_zerocopy_queue *queue, uint64_t number, uint64_t *ret_id)
{
	struct vdev_zerocopy_block block = {.struct_size = sizeof(block),
					    .address = 0x100000 + number * LENGTH,
					    .length_bytes = LENGTH,
					    .timeout_ns = 20 * MS,
					    .user_data = number};
	int answer = vdev_zerocopy_reserve(queue, &block, ret_id);

	OK(answer);
	printf("message %llu: %s\n", (unsigned long long)number, vdev_zerocopy_because(answer));
	if (answer != VDEV_ZEROCOPY_LEND)
		return 1; /* here a VMM copies */
	OK(vdev_zerocopy_sent(queue, now_ns, *ret_id, LENGTH)); /* after sendmsg(2) returned */
	return 0;
}

static int make(struct vdev_zerocopy **ret_zerocopy, struct vdev_zerocopy_queue **ret_queue)
{
	struct vdev_zerocopy_config config = {
		.struct_size = sizeof(config), .max_queues = 1, .max_destinations = 1};
	struct vdev_zerocopy_memory ram = {
		.struct_size = sizeof(ram), .size_bytes = 16 << 20, .granule_bytes = 4096};
	struct vdev_zerocopy_queue_config slots = {.struct_size = sizeof(slots), .slots = 64};

	OK(vdev_zerocopy_new(ret_zerocopy, NULL, &config));
	OK(vdev_zerocopy_add_memory(*ret_zerocopy, &ram));
	OK(vdev_zerocopy_add_queue(*ret_zerocopy, &slots, ret_queue));
	return 0;
}

static int in_time(struct vdev_zerocopy_queue *queue, uint64_t id)
{
	uint64_t settled = 0;

	OK(vdev_zerocopy_complete(queue, id, id, VDEV_ZEROCOPY_TASK, &settled));
	puts("message 1: complete, tell the guest");
	return settled != 1;
}

static int too_late(struct vdev_zerocopy *zerocopy, struct vdev_zerocopy_queue *queue, uint64_t id)
{
	uint64_t settled = 0;
	int failed;

	OK(vdev_zerocopy_deadline(zerocopy, &now_ns));
	puts("the time of message 2 is over:");
	OK(vdev_zerocopy_step(zerocopy, now_ns));
	failed = pump(zerocopy);
	puts("its receiver reads at last:");
	OK(vdev_zerocopy_complete(queue, id, id, VDEV_ZEROCOPY_TASK, &settled));
	OK(vdev_zerocopy_step(zerocopy, now_ns));
	return failed | pump(zerocopy) | (settled != 0); /* the guest was told before */
}

int main(void)
{
	struct vdev_zerocopy *zerocopy;
	struct vdev_zerocopy_queue *queue;
	uint64_t first = 0, second = 0;
	int failed;

	if (make(&zerocopy, &queue))
		return 1;
	failed = send_one(queue, 1, &first);
	failed |= send_one(queue, 2, &second);
	failed |= in_time(queue, first);
	failed |= too_late(zerocopy, queue, second);
	vdev_zerocopy_free(zerocopy);
	return failed;
}
