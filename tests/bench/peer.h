/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a VMM would write instead of the removal engine, made of GLib's parts: a GHashTable of units,
 * each removal's plan a GList of its steps, a queue of those that have something to do, and a
 * binary heap of deadlines. It knows two levels and one way through; the engine's other rules it lacks.
 */
#ifndef PEER_H
#define PEER_H

#include <stdint.h>
#include <vdev/base.h>

struct peer;

struct peer *peer_new(uint32_t max_units);
void peer_free(struct peer *p);
uint64_t peer_add(struct peer *p, uint64_t user_data);
void peer_declare(struct peer *p, uint64_t unit, uint32_t level);
uint32_t peer_count(const struct peer *p);
int peer_request(struct peer *p, uint64_t unit);
int peer_ack(struct peer *p, uint64_t now, uint64_t unit);
/* 1: do this; 0: nothing to do. */
int peer_next(struct peer *p, uint64_t now, struct vdev_action *ret_action);
int peer_done(struct peer *p, uint64_t now, uint64_t unit, uint64_t action, int status);

#endif
