/* SPDX-License-Identifier: BSD-3-Clause */
/* The errno contract of error.h in words. */
#include <errno.h>

#include <vdev/error.h>

static const struct {
	int error;
	const char *text;
} errors[] = {
	{0, "success"},
	{EINVAL, "an argument or a field is outside its range, or a flag is unknown"},
	{E2BIG, "a newer caller asks for something that this library does not know"},
	{ENOMEM, "out of memory; nothing has changed"},
	{ENOENT, "the handle or action id is stale, finished or was never given"},
	{EEXIST, "the name is in use"},
	{EBUSY, "not possible in this state"},
	{EAGAIN, "not finished yet; drain actions and ask again"},
	{EALREADY, "too late: the point of no return has passed"},
	{ENOSPC, "a limit of the configuration is reached"},
	{ENOBUFS, "the buffer is too small"},
	{EBADMSG, "the image is damaged or is not an image"},
	{EPROTONOSUPPORT, "the image has a version that this library does not read"},
	{EPERM, "the guest did not allow that"},
	{ERANGE, "a number that the object does not have, or that does not fit"},
	{ESTALE, "what the argument was made from has changed since"},
	{EOPNOTSUPP, "this object or this machine cannot do that"},
};

const char *vdev_strerror(int error)
{
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (error == errors[i].error || error == -errors[i].error)
			return errors[i].text;
	return "unknown error";
}
