/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: hosts as the planner keeps them.
 *
 * A *type* stands for all devices that no rule can tell apart. A *shape* stands for all hosts that have the same types in
 * the same order of addresses, with the same of them free, on the same nodes: only addresses differ, so that one
 * assignment answers for all of them.
 */
#ifndef VDEV__MIGRATION_PLANNER_H
#define VDEV__MIGRATION_PLANNER_H

#include "hash.h"
#include "rules.h"
#include "sat.h"
#include "table.h"

#define NO_INDEX UINT32_MAX

/* A hash and what comes next: FNV-1a by words, its upper bits brought down. */
static inline uint64_t vdev__migration_mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 29;
}

/* chain.c: indices by hash. */
struct chain {
	struct vdev__hash heads;
	uint32_t *next; /* of the same hash, by index; NO_INDEX */
	uint32_t size;
};
void vdev__migration_chain_init(struct chain *c, const struct vdev_env *env);
void vdev__migration_chain_fini(struct chain *c);
uint64_t vdev__migration_chain_bytes(const struct chain *c);
/* NO_INDEX: there is none. */
uint32_t vdev__migration_chain_first(const struct chain *c, uint64_t hash);
/* -ENOMEM, and nothing has changed. */
int vdev__migration_chain_add(struct chain *c, uint64_t hash, uint32_t index);
/* It is in there. */
void vdev__migration_chain_del(struct chain *c, uint64_t hash, uint32_t index);

struct type {
	struct vdev_migration_device d; /* of the first one that was seen */
	uint64_t hash;
	uint32_t refs; /* functions of shapes, and devices of the VM that is asked about */
};

/* Whether a function can be had. */
#define HAVE_FREE 0u
#define HAVE_TAKEN 1u
#define HAVE_NEVER 2u /* a bridge */

struct function {
	uint32_t type;
	uint32_t node;
	uint32_t have;
};

struct shape {
	uint64_t hash;
	uint32_t hosts;
	uint32_t count; /* functions */
	uint32_t node_count;
	uint8_t *distances; /* NULL: not known */
	struct function f[]; /* by address */
};

struct slot {
	uint64_t address;
	uint32_t index; /* in the host as it was handed in */
	uint32_t reserved;
};

struct host {
	uint64_t user_data;
	struct slot *slots; /* as many as functions of its shape, in the same order */
	uint32_t shape;
	uint32_t before, after; /* in the order of adding; NO_INDEX */
	uint32_t reserved;
};

struct pair {
	uint32_t hardware; /* verdict by the rules */
	uint32_t field; /* first with that verdict; VDEV_MIGRATION_UNKNOWN */
	uint32_t rule;
	uint32_t count; /* fields that differ */
};

/* How a shape does, and where its hosts begin in the result. */
struct standing {
	struct vdev_migration_rank rank;
	int64_t cost;
	uint32_t shape;
	uint32_t level; /* shapes of the same cost have the same */
};

/* What was answered for a VM. Valid for one value of the planner's `change`. */
#define MEMOS 64u
#define MAX_STANDINGS (UINT32_C(1) << 20) /* in all memos together, about */
struct memo {
	struct {
		uint32_t type, flags, node;
	} key[VDEV_MIGRATION_MAX_DEVICES];
	uint32_t count; /* devices */
	uint32_t size; /* of the lists; 0: nothing was allocated */
	uint64_t change;
	struct standing *list; /* best first */
	uint32_t *where; /* in the list, by shape */
	uint32_t *begins, *cursor; /* in the result, by level */
};

struct vdev_migration {
	struct vdev_env env;
	struct vdev_migration_config config;
	struct vdev_migration_rules *rules;
	uint64_t looked; /* fields that can make a difference, or choose a rule */
	struct type **types;
	struct shape **shapes;
	uint32_t types_size, types_count, types_hint; /* below the hint no entry is free */
	uint32_t shapes_size, shapes_count, shapes_hint;
	struct chain types_by_hash, shapes_by_hash;
	struct vdev__hash pairs;
	struct vdev__table hosts;
	uint32_t first, last; /* hosts, in the order of adding */
	uint64_t functions;
	uint64_t bytes; /* of types, shapes and slots */
	uint64_t change; /* hosts came or went, or types were given to others; from 1 */
	struct memo memo[MEMOS];
	uint32_t next_memo;
	uint64_t compared, remembered, assigned, ranked;
};

/* Of an index that is in use. */
static inline struct host *host_at(const struct vdev_migration *o, uint32_t index)
{
	return (struct host *)vdev__table_item(&o->hosts, index);
}

/* object.c: twice as long. -ENOMEM. */
int vdev__migration_grow_types(struct vdev_migration *o);
int vdev__migration_grow_shapes(struct vdev_migration *o);

/* type.c. Each intern() ends with one release(). -ENOSPC, -ENOMEM. */
int vdev__migration_intern(struct vdev_migration *o, const struct vdev_migration_device *d,
			   uint32_t *ret_type);
void vdev__migration_release(struct vdev_migration *o, uint32_t type);
void vdev__migration_pair(struct vdev_migration *o, uint32_t source, uint32_t destination,
			  struct pair *ret_pair);
void vdev__migration_free_types(struct vdev_migration *o);

/* shape.c. Takes the types' references over, also when it fails. */
int vdev__migration_shape_get(struct vdev_migration *o, const struct function *f, uint32_t count,
			      uint32_t node_count, const uint8_t *distances, uint32_t *ret_shape);
void vdev__migration_shape_put(struct vdev_migration *o, uint32_t shape);
uint32_t vdev__migration_distance(const struct shape *s, uint32_t from, uint32_t to);

/* availability.c: marks[i] is HAVE_... of device i; own[] are the addresses of those that we use ourselves. -ENOMEM. */
int vdev__migration_availability(const struct vdev_env *env, const struct vdev_migration_host *host,
				 const uint64_t *own, uint32_t owns, uint32_t *marks);

/* host.c */
int vdev__migration_host_ok(struct vdev_migration_host *ret_host,
			    const struct vdev_migration_host *host);
static inline const struct vdev_migration_device *
vdev__migration_device_at(const struct vdev_migration_host *host, uint32_t i)
{
	return (const struct vdev_migration_device *)((const uint8_t *)host->devices +
						      (size_t)i * host->device_size);
}

/* vm.c: a VM whose devices have types. */
struct asked {
	struct vdev_migration_vm vm;
	uint32_t type[VDEV_MIGRATION_MAX_DEVICES];
};
int vdev__migration_vm_ok(struct vdev_migration_vm *ret_vm, const struct vdev_migration_vm *vm);
int vdev__migration_ask(struct vdev_migration *o, const struct vdev_migration_vm *vm,
			struct asked *ret_asked);
void vdev__migration_asked(struct vdev_migration *o, const struct asked *a);

/* match.c: the least sum of costs, each row in a column of its own or in none; of equal ones the lowest columns. */
#define NO_EDGE (INT64_C(1) << 60)
struct match {
	uint32_t rows, columns;
	int64_t *cost; /* rows * columns, NO_EDGE: not possible */
	int64_t *spare; /* by row: without a column */
	uint32_t *column; /* result, by row; NO_INDEX: none */
	/* within */
	int64_t *u, *v, *least;
	uint32_t *owner, *way, *queue;
	uint8_t *used;
};
void vdev__migration_match(struct match *m);

/* assign.c */
struct work {
	struct match m;
	uint32_t *functions; /* of the shape, by column */
	uint32_t *best; /* rows * rows */
	int64_t *best_cost;
	void *block;
	size_t bytes;
};
struct outcome {
	int64_t cost; /* less is better */
	uint32_t function[VDEV_MIGRATION_MAX_DEVICES]; /* of the shape; NO_INDEX: none */
};
int vdev__migration_work_new(const struct vdev_env *env, uint32_t rows, struct work *ret_work);
void vdev__migration_work_free(const struct vdev_env *env, struct work *w);
void vdev__migration_solve(struct vdev_migration *o, const struct asked *a, const struct shape *s,
			   struct work *w, struct outcome *ret_outcome);

/* standing.c. There is a host. -ENOMEM. */
int vdev__migration_standings(struct vdev_migration *o, const struct asked *a,
			      struct memo **ret_memo);
void vdev__migration_memo_free(struct vdev_migration *o, struct memo *m);
uint64_t vdev__migration_memo_bytes(const struct memo *m);

/* reason.c: address and function of the place are those of the shape, not of a host. */
void vdev__migration_place(struct vdev_migration *o, const struct asked *a, const struct shape *s,
			   const struct outcome *out, uint32_t row,
			   struct vdev_migration_place *ret_place);
void vdev__migration_sum(struct vdev_migration *o, const struct asked *a, const struct shape *s,
			 const struct outcome *out, struct vdev_migration_rank *ret_rank);

#endif
