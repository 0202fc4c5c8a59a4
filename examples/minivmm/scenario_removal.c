/* SPDX-License-Identifier: BSD-3-Clause */
/* The scenario `removal`: its chapters, each in a file of its own. */
#include "removal.h"

static const struct story *const chapters[] = {
	removal_basic,
	NULL,
};

const struct scenario scenario_removal = {
	.name = "removal",
	.what = "devices are taken away from a guest, with and without a warning (rules R1 to R17)",
	.chapters = chapters,
};
