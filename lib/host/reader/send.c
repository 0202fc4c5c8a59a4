/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages to the library. */
/* ANALYZER: lists of up to 255 entries, each of which may be left out; nothing is allocated here */
#include "reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(STDOUT_FILENO, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(1);
		p += n;
		size -= (size_t)n;
	}
}

static void message(uint32_t type, const void *data, size_t size)
{
	struct wire_head h = {WIRE_MAGIC, type, (uint32_t)size, wire_check(data, size)};

	put(&h, sizeof(h));
	put(data, size);
}

void send_hello(void)
{
	struct wire_hello h = {WIRE_VERSION, sizeof(struct wire_device)};

	message(WIRE_HELLO, &h, sizeof(h));
}

void clean_text(char *ret, size_t size, const char *text, size_t length)
{
	size_t n = 0;

	for (; n < length && n < size - 1 && text[n]; n++) {
		ret[n] = text[n];
		if (text[n] < ' ' || text[n] > '~')
			ret[n] = '?';
	}
	memset(ret + n, 0, size - n);
}

void send_note(const char *format, ...)
{
	char text[WIRE_TEXT], clean[WIRE_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	clean_text(clean, sizeof(clean), text, sizeof(text));
	message(WIRE_NOTE, clean, strlen(clean) + 1);
}

void send_error(int error, const char *format, ...)
{
	struct {
		struct wire_error error;
		char text[WIRE_TEXT];
	} e = {{(uint32_t)error}, ""};
	char text[WIRE_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	clean_text(e.text, sizeof(e.text), text, sizeof(text));
	message(WIRE_ERROR, &e, sizeof(e.error) + strlen(e.text) + 1);
	exit(1);
}

void send_host(const char *kernel)
{
	struct wire_host h;

	clean_text(h.kernel, sizeof(h.kernel), kernel, strlen(kernel));
	message(WIRE_HOST, &h, sizeof(h));
}

void send_device(const struct wire_device *d, const void *config, const void *vpd)
{
	static unsigned char all[WIRE_MOST]; /* too large for a stack, and there is one thread */
	size_t size = sizeof(*d);

	memcpy(all, d, size);
	memcpy(all + size, config, d->config_size);
	size += d->config_size;
	memcpy(all + size, vpd, d->vpd_size);
	message(WIRE_DEVICE, all, size + d->vpd_size);
}

void send_end(uint32_t count)
{
	message(WIRE_END, &count, sizeof(count));
}
