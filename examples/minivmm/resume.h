/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine saved in the middle of a removal goes on in another process: `minivmm --resume FILE`
 * loads it, brings the removal to its end and reports like any other run.
 */
#ifndef MINIVMM_RESUME_H
#define MINIVMM_RESUME_H

#include "scene.h"

/* Saves the paused VM, ends it here, and lets a second process go on; `order` is what is left to do. */
void resume_elsewhere(struct scene *s, const struct pci_fn *fn, const char *order);
/* The second process. */
void resume_run(struct scene *base, FILE *file);

#endif
