/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file version.h
 * Version of the library and the features that this build has.
 *
 * **Purpose.** Compile-time version macros and run-time questions. **States**, **Ownership**: none.
 * **Threads.** Every call here is safe in any thread.
 */
#ifndef VDEV_VERSION_H
#define VDEV_VERSION_H

#include <vdev/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of the headers. @{ */
#define VDEV_VERSION_MAJOR 0
#define VDEV_VERSION_MINOR 1
#define VDEV_VERSION_PATCH 0
#define VDEV_VERSION_STRING "0.1.0"
/** @} */

/**
 * Version of the library that is loaded.
 * @return constant string "MAJOR.MINOR.PATCH", never NULL
 */
VDEV_API const char *vdev_version(void);

/**
 * Whether the loaded library has a feature.
 * @param feature "removal", "pvdev", "mock" or "trace"; later releases know more
 * @return 1: it has; 0: it has not, or the name is unknown or NULL
 */
VDEV_API int vdev_has(const char *feature);

#ifdef __cplusplus
}
#endif

#endif
