/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timeline: collects what the library's trace hook reports and writes it as trace-event JSON, for
 * chrome://tracing and ui.perfetto.dev. One process a story, one track a device or message.
 */
#ifndef MINIVMM_TRACE_H
#define MINIVMM_TRACE_H

#include <vdev/base.h>

struct trace;
struct vm;

struct trace *trace_new(void);
void trace_free(struct trace *t);
/* What follows belongs to this story; the name is copied. */
void trace_story(struct trace *t, const char *name);
/* Whose clock dates what comes without a time; NULL: nobody's. */
void trace_clock(struct trace *t, struct vm *vm);
/* The hook: struct vdev_env's trace, with its user pointer. */
void trace_event(void *user, const struct vdev_trace *event);
/* 0 or a negative errno. */
int trace_write(struct trace *t, const char *path);

#endif
