/* SPDX-License-Identifier: BSD-3-Clause */
/* Which release and which features are loaded. */
#include <string.h>

#include <vdev/version.h>

static const char *const features[] = {
	"removal", "zerocopy", "cpumap", "irqhint", "migration", "msi", "pvdev", "mock",
#if defined(VDEV_TRACE) && VDEV_TRACE
	"trace",
#endif
};

const char *vdev_version(void)
{
	return VDEV_VERSION_STRING;
}

int vdev_has(const char *feature)
{
	size_t i;

	if (!feature)
		return 0;
	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (!strcmp(feature, features[i]))
			return 1;
	return 0;
}
