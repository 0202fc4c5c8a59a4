/* SPDX-License-Identifier: BSD-3-Clause */
/* Ends the program, with a failed check, when a story takes longer than anything could. */
#ifndef MINIVMM_WATCHDOG_H
#define MINIVMM_WATCHDOG_H

#include <stdio.h>

struct watchdog;

/* `json` gets the line that says so; may be NULL. Returns NULL when there is no thread to be had. */
struct watchdog *watchdog_new(FILE *json, const char *scenario, const char *backend);
/* A new story begins. */
void watchdog_pet(struct watchdog *w, const char *story);
void watchdog_free(struct watchdog *w);

#endif
