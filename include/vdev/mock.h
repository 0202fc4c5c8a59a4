/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file mock.h
 * The mock backend: records what it is asked to do, and delays or fails it on script. The mock provider: fills a CPU
 * map (cpumap.h) with places, true or not, on script.
 *
 * **Purpose.** Tests of a VMM's removal paths without a hypervisor, and replay of recorded sessions. Tests of what
 * goes by a CPU map without threads that move (rule H9 of docs/engines/irqhint.md).
 *
 * **States.** Each recorded action is ENDED at once, or PENDING until vdev_mock_step() reaches its
 * time. **Ownership.** The object belongs to its creator; it keeps no map.
 *
 * **Threads.** One object needs the caller's lock. A map that it fills may be read meanwhile.
 */
#ifndef VDEV_MOCK_H
#define VDEV_MOCK_H

#include <vdev/backend.h>
#include <vdev/cpumap.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_mock;

/** Configuration. 20 bytes. */
struct vdev_mock_config {
	uint32_t struct_size;
	uint32_t max_records; /**< 1..2^20: the oldest are overwritten beyond it */
	uint32_t max_rules; /**< 0..65536 */
	uint32_t max_pending; /**< 0..65536: actions delayed at one time */
	uint32_t max_vcpus; /**< 0..VDEV_CPUMAP_MAX_VCPUS: vCPUs that a refresh looks at */
};

/** In a rule: any device, any kind (but not VDEV_CANCEL: that takes a rule of its own). */
#define VDEV_MOCK_ANY 0u
/** In a rule's `delay_ns`: it never ends by itself. */
#define VDEV_MOCK_NEVER UINT64_MAX

/** A rule of the script: the first rule that matches an action and has uses left decides. 40 bytes. */
struct vdev_mock_rule {
	uint32_t struct_size;
	uint32_t kind; /**< action kind; VDEV_MOCK_ANY: all but VDEV_CANCEL */
	uint64_t dev; /**< handle, VDEV_MOCK_ANY */
	uint64_t delay_ns; /**< 0: at once; VDEV_MOCK_NEVER */
	int32_t status; /**< 0 or a negative errno: how it ends */
	uint32_t uses; /**< times it applies, 0: always */
	uint64_t skip; /**< matches to let pass first */
};

/** One recorded action. 88 bytes. */
struct vdev_mock_record {
	struct vdev_action action;
	uint64_t begin_ns; /**< time at which it was performed */
	/** time at which it ended, of a delayed one the scripted time; VDEV_NONE while pending */
	uint64_t end_ns;
	int32_t status; /**< how it ended or will end */
	uint32_t reserved;
};

/**
 * Makes a mock with an empty script: everything succeeds at once.
 * @param ret_mock the object
 * @param env hooks, or NULL
 * @param config see the struct
 * @return 0; -EINVAL; -E2BIG; -ENOMEM
 */
VDEV_API int vdev_mock_new(struct vdev_mock **ret_mock, const struct vdev_env *env,
			   const struct vdev_mock_config *config);
/**
 * Ends a mock.
 * @param mock NULL is allowed
 */
VDEV_API void vdev_mock_free(struct vdev_mock *mock);

/**
 * Adds a rule at the end of the script.
 * @param mock the mock
 * @param rule the rule; copied
 * @return 0; -EINVAL; -E2BIG; -ENOSPC
 */
VDEV_API int vdev_mock_rule(struct vdev_mock *mock, const struct vdev_mock_rule *rule);

/**
 * Forgets the script. Records and pending actions stay.
 * @param mock the mock
 * @return 0; -EINVAL
 */
VDEV_API int vdev_mock_clear_rules(struct vdev_mock *mock);

/**
 * Performs one action as the script says; also by the ops table with @c mock as its context.
 * @param mock the mock
 * @param action the action
 * @return 0; VDEV_BACKEND_LATER: vdev_mock_step() or vdev_mock_finish() will end it; the scripted
 * negative errno; -ENOSPC: too many pending; -EINVAL. VDEV_CANCEL ends the pending action that it
 * names, as a rule for VDEV_CANCEL would have it, or with -ECANCELED. Performing an id that is pending
 * ends the earlier one with -ECANCELED
 */
VDEV_API int vdev_mock_perform(struct vdev_mock *mock, const struct vdev_action *action);

/**
 * Sets the mock's clock and takes the next pending action that has ended by then; the order among
 * equal end times is unspecified.
 * @param mock the mock
 * @param now_ns caller's clock
 * @param ret_id action id
 * @param ret_status how it ended
 * @return 1: one ended, report it and call again; 0: none; -EINVAL
 */
VDEV_API int vdev_mock_step(struct vdev_mock *mock, uint64_t now_ns, uint64_t *ret_id,
			    int32_t *ret_status);

/**
 * When the next pending action ends.
 * @param mock the mock
 * @param ret_ns caller's clock
 * @return 1: then; 0: nothing is timed; -EINVAL
 */
VDEV_API int vdev_mock_deadline(struct vdev_mock *mock, uint64_t *ret_ns);

/**
 * Ends a pending action now; the caller reports it. For actions that end by VDEV_MOCK_NEVER.
 * @param mock the mock
 * @param action_id id
 * @param status 0 or a negative errno
 * @return 0; -ENOENT: not pending; -EINVAL
 */
VDEV_API int vdev_mock_finish(struct vdev_mock *mock, uint64_t action_id, int32_t status);

/**
 * Number of actions performed since the beginning, overwritten records included.
 * @param mock the mock
 * @return the number; 0 for NULL
 */
VDEV_API uint64_t vdev_mock_count(const struct vdev_mock *mock);

/**
 * Reads one record.
 * @param mock the mock
 * @param index 0 for the first action ever performed
 * @param ret_record the record
 * @param size sizeof(struct vdev_mock_record) of the caller
 * @return 0; -ENOENT: not there yet, or overwritten; -EINVAL
 */
VDEV_API int vdev_mock_get(const struct vdev_mock *mock, uint64_t index,
			   struct vdev_mock_record *ret_record, size_t size);

/**
 * A vCPU is there: the truth, which looks find from now on, unless vdev_mock_lie() or vdev_mock_look() says
 * otherwise. At first each is NOWHERE.
 * @param mock the mock
 * @param vcpu 0..max_vcpus-1
 * @param cpu 0..VDEV_CPUMAP_MAX_CPUS-1, or VDEV_CPUMAP_NOWHERE, with state VDEV_CPUMAP_UNKNOWN
 * @param state VDEV_CPUMAP_UNKNOWN and on
 * @return 0; -EINVAL
 */
VDEV_API int vdev_mock_place(struct vdev_mock *mock, uint32_t vcpu, uint32_t cpu, uint32_t state);

/**
 * From now on looks at a vCPU find this, whatever the truth is.
 * @param mock the mock
 * @param vcpu 0..max_vcpus-1
 * @param cpu as in vdev_mock_place()
 * @param state as in vdev_mock_place()
 * @return 0; -EINVAL
 */
VDEV_API int vdev_mock_lie(struct vdev_mock *mock, uint32_t vcpu, uint32_t cpu, uint32_t state);

/**
 * How looks at a vCPU end from now on. Ends its lie.
 * @param mock the mock
 * @param vcpu 0..max_vcpus-1
 * @param status 0: they find the truth; a negative errno: they fail, and the vCPU is NOWHERE in the map
 * @return 0; -EINVAL
 */
VDEV_API int vdev_mock_look(struct vdev_mock *mock, uint32_t vcpu, int32_t status);

/**
 * From now on each refresh hangs: after so many looks it does nothing more, so the other places stay as they were,
 * and the map grows old (H7).
 * @param mock the mock
 * @param looks 0: before the first one; max_vcpus: after the last one; UINT32_MAX: it does not hang, as at first
 * @return 0; -EINVAL
 */
VDEV_API int vdev_mock_hang(struct vdev_mock *mock, uint32_t looks);

/**
 * Looks at each vCPU, by number, and puts what it finds into a map (H9), whose age counts from now on (H7). A CPU that
 * the map does not have is a look that failed. vCPUs of the map from max_vcpus on are left alone.
 * @param mock the mock; the only writer of these vCPUs
 * @param now_ns caller's clock
 * @param map with at least max_vcpus vCPUs
 * @return how many vCPUs it found on a CPU; -EINVAL
 */
VDEV_API int vdev_mock_refresh(struct vdev_mock *mock, uint64_t now_ns, struct vdev_cpumap *map);

/**
 * Where a vCPU is in truth, for checks of what was made of the lies.
 * @param mock the mock
 * @param vcpu 0..max_vcpus-1
 * @param ret_cpu its CPU; NULL is allowed
 * @param ret_state its state; NULL is allowed
 * @return 0; -EINVAL
 */
VDEV_API int vdev_mock_where(const struct vdev_mock *mock, uint32_t vcpu, uint32_t *ret_cpu,
			     uint32_t *ret_state);

/**
 * The mock as a backend.
 * @return constant table; its context is a struct vdev_mock pointer
 */
VDEV_API const struct vdev_backend_ops *vdev_mock_ops(void);

#ifdef __cplusplus
}
#endif

#endif
