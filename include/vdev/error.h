/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file error.h
 * The errno contract.
 *
 * **Purpose.** Calls return 0 or a positive count on success and a negative errno value on failure.
 * The table says what each value means in this library; each call lists those that it can return.
 *
 * | value      | meaning                                                                        |
 * |------------|--------------------------------------------------------------------------------|
 * | -EINVAL    | an argument or a field is outside its stated range; a flag bit is unknown      |
 * | -E2BIG     | a struct from a newer caller has a non-zero tail that this library cannot obey |
 * | -ENOMEM    | the allocation hook gave nothing; nothing has changed                          |
 * | -ENOENT    | the handle or action id is stale, foreign, already finished or was never given |
 * | -EEXIST    | the name is in use; try again after the outcome that frees it                  |
 * | -EBUSY     | not in this state; the header says what to wait for                            |
 * | -EAGAIN    | not finished yet; drain actions and ask again                                  |
 * | -EALREADY  | too late: the point of no return has passed                                    |
 * | -ENOSPC    | a limit of the configuration is reached                                        |
 * | -ENOBUFS   | the buffer is too small; the needed size is in the output                      |
 * | -EBADMSG   | an image is damaged or is not an image                                         |
 * | -EPROTONOSUPPORT | an image is of a version that this library does not read                 |
 * | -EPERM     | the guest did not allow that                                                   |
 * | -ERANGE    | a number that the object does not have, or that does not fit                   |
 * | -ESTALE    | what the argument was made from has changed since: make it anew                |
 * | -EOPNOTSUPP | this object or this machine cannot do that                                    |
 *
 * **States**, **Ownership**: none. **Threads.** Every call here is safe in any thread.
 */
#ifndef VDEV_ERROR_H
#define VDEV_ERROR_H

#include <vdev/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Says in English what a returned error means in this library.
 * @param error a value that a call of this library returned (negative), or its positive errno
 * @return a constant string, never NULL; "unknown error" for values that the library never returns
 */
VDEV_API const char *vdev_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
