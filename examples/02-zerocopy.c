/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy in one page: three blocks of guest memory are lent to a transfer. The first comes back at
 * once, the second never and is reclaimed, the third is copied because too much is in flight. The mock
 * replaces pages in the place of libvdevmgmt-linux.
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

#define SEC UINT64_C(1000000000)

static uint64_t now_ns; /* a VMM reads its clock instead */

static int pump(struct vdev_zerocopy *vm, struct vdev_mock *mock)
{
	struct vdev_action a;

	while (vdev_zerocopy_next(vm, &a, sizeof(a)) == 1) {
		printf("%2d s  %s", (int)(now_ns / SEC), vdev_zerocopy_kind_name(a.kind));
		if (a.kind == VDEV_ZEROCOPY_ACCESSIBLE)
			printf(" %s", vdev_zerocopy_outcome_name((uint32_t)a.arg[2]));
		printf(" 0x%llx, %llu bytes\n", (unsigned long long)a.arg[0],
		       (unsigned long long)a.arg[1]);
		OK(vdev_zerocopy_done(vm, now_ns, a.id, vdev_mock_perform(mock, &a)));
	}
	return 0;
}

/* Lends the block or says why not. */
static int send_block(struct vdev_zerocopy_queue *queue, uint64_t address, uint64_t *ret_id)
{
	struct vdev_zerocopy_block block = {.struct_size = sizeof(block),
					    .address = address,
					    .length_bytes = 64 << 10,
					    .timeout_ns = 2 * SEC};
	int answer = vdev_zerocopy_reserve(queue, &block, ret_id);

	OK(answer);
	printf("%2d s  0x%llx: %s\n", (int)(now_ns / SEC), (unsigned long long)address,
	       vdev_zerocopy_because(answer));
	if ((answer & VDEV_ZEROCOPY_ANSWER) == VDEV_ZEROCOPY_LEND)
		OK(vdev_zerocopy_sent(queue, now_ns, *ret_id, block.length_bytes));
	return 0;
}

int main(void)
{
	struct vdev_zerocopy_config config = {.struct_size = sizeof(config),
					      .max_queues = 1,
					      .max_destinations = 1,
					      .max_blocks = 1,
					      .destination_blocks = 1,
					      .max_bytes = 1 << 20,
					      .destination_bytes = 1 << 20};
	struct vdev_zerocopy_queue_config slots = {.struct_size = sizeof(slots), .slots = 16};
	struct vdev_zerocopy_memory ram = {
		.struct_size = sizeof(ram), .size_bytes = 64 << 20, .granule_bytes = 4096};
	struct vdev_mock_config script = {.struct_size = sizeof(script), .max_records = 64};
	struct vdev_zerocopy_queue *queue;
	struct vdev_zerocopy *vm;
	struct vdev_mock *mock;
	uint64_t id, first, settled;
	int failed;

	OK(vdev_mock_new(&mock, NULL, &script));
	OK(vdev_zerocopy_new(&vm, NULL, &config));
	OK(vdev_zerocopy_add_memory(vm, &ram));
	OK(vdev_zerocopy_add_queue(vm, &slots, &queue));

	failed = send_block(queue, 0x10000, &first);
	OK(vdev_zerocopy_complete(queue, first, first, VDEV_ZEROCOPY_TASK, &settled));
	printf("%2d s  complete: tell the guest %s\n", (int)(now_ns / SEC),
	       settled ? "now" : "later");

	failed |= send_block(queue, 0x40100, &id); /* its receiver is stuck */
	failed |= send_block(queue, 0x80000, &first);
	OK(vdev_zerocopy_deadline(vm, &now_ns)); /* a VMM sleeps until then */
	OK(vdev_zerocopy_step(vm, now_ns));
	failed |= pump(vm, mock);

	now_ns = 9 * SEC; /* the late receiver lets go */
	if (vdev_zerocopy_complete(queue, id, id, VDEV_ZEROCOPY_TASK, NULL) & VDEV_ZEROCOPY_WAKE)
		OK(vdev_zerocopy_step(vm, now_ns));
	failed |= pump(vm, mock);

	/* Its id is stale from here on. */
	failed |= vdev_zerocopy_complete(queue, id, id, VDEV_ZEROCOPY_TASK, NULL) >= 0;
	vdev_zerocopy_free(vm);
	vdev_mock_free(mock);
	return failed;
}
