/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapters of the scenario `removal`. */
#ifndef MINIVMM_REMOVAL_H
#define MINIVMM_REMOVAL_H

#include "scene.h"

extern const struct story removal_basic[];

#endif
