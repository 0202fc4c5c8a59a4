/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl: files that hold JSON, read whole and strictly; errors name the line. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inventory.h"

#define MOST_DEPTH 32

int file_status(int err)
{
	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
	case -EACCES:
	case -EPERM:
	case -EISDIR:
	case -EEXIST:
	case -EROFS:
	case -ELOOP:
	case -ENAMETOOLONG:
		return STATUS_NO_FILE;
	default:
		return STATUS_FAILED;
	}
}

static uint32_t line_of(const char *text, size_t at)
{
	uint32_t line = 1;

	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n';
	return line;
}

int json_text_parse(const char *text, size_t size, struct json_object **ret_tree,
		    uint32_t *ret_line, const char **ret_why)
{
	struct json_tokener *t = json_tokener_new_ex(MOST_DEPTH);
	enum json_tokener_error err;
	struct json_object *tree;
	size_t end;

	if (!t)
		return -ENOMEM;
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	tree = json_tokener_parse_ex(t, text, (int)size);
	err = json_tokener_get_error(t);
	end = json_tokener_get_parse_end(t);
	if (err == json_tokener_continue) {
		/* A number may go on, as far as it knows; the end of the file ends it. */
		tree = json_tokener_parse_ex(t, "\n", 1);
		err = json_tokener_get_error(t) == json_tokener_success ? json_tokener_success
									: json_tokener_continue;
		end = size;
	}
	json_tokener_free(t);
	if (err == json_tokener_success)
		end += strspn(text + end, " \t\r\n");
	*ret_why = err == json_tokener_continue  ? "the file ends too early"
		   : err != json_tokener_success ? json_tokener_error_desc(err)
		   : end != size                 ? "text after the end"
						 : NULL;
	if (!*ret_why)
		end = json_text_exact(text, tree, ret_why);
	if (!*ret_why) {
		*ret_tree = tree;
		return 0;
	}
	json_object_put(tree);
	*ret_line = line_of(text, end < size ? end : size);
	return -EBADMSG;
}

static int unfit(const char *path, const struct stat *st, uint32_t most)
{
	if (S_ISDIR(st->st_mode))
		fprintf(stderr, "vdevctl: %s: a directory, expected a file\n", path);
	else if (!S_ISREG(st->st_mode))
		fprintf(stderr, "vdevctl: %s: not a plain file\n", path);
	else if (most >= 1 << 20)
		fprintf(stderr, "vdevctl: %s: larger than %u MiB\n", path, most >> 20);
	else
		fprintf(stderr, "vdevctl: %s: larger than %u KiB\n", path, most >> 10);
	return S_ISDIR(st->st_mode) ? STATUS_NO_FILE : STATUS_DAMAGED;
}

/* The file's text with a 0 behind it; or an exit status after a word on stderr. */
static int whole(const char *path, int fd, uint32_t most, char **ret_text, size_t *ret_size)
{
	struct stat st = {0};
	size_t got = 0, size;
	char *text;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > most)
		return unfit(path, &st, most);
	size = (size_t)st.st_size;
	text = malloc(size + 1);
	while (text && got < size) {
		ssize_t n = read(fd, text + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	if (!text || got != size) {
		fprintf(stderr, "vdevctl: %s: cannot be read\n", path);
		free(text);
		return STATUS_FAILED;
	}
	text[size] = 0;
	*ret_text = text;
	*ret_size = size;
	return STATUS_OK;
}

int text_file_read(const char *path, uint32_t most, char **ret_text, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), status;

	if (fd < 0 && errno == ENXIO) { /* a socket, or a device that is not there */
		fprintf(stderr, "vdevctl: %s: not a plain file\n", path);
		return STATUS_DAMAGED;
	}
	if (fd < 0) {
		fprintf(stderr, "vdevctl: %s: %s\n", path, strerror(errno));
		return STATUS_NO_FILE;
	}
	status = whole(path, fd, most, ret_text, ret_size);
	close(fd);
	return status;
}

int json_file_read_most(const char *path, uint32_t most, struct json_object **ret_tree)
{
	const char *why = "";
	uint32_t line = 0;
	size_t size = 0;
	char *text = NULL;
	int status = text_file_read(path, most, &text, &size), err;

	if (status)
		return status;
	err = json_text_parse(text, size, ret_tree, &line, &why);
	free(text);
	if (err == -EBADMSG)
		fprintf(stderr, "vdevctl: %s:%u: no JSON: %s\n", path, line, why);
	else if (err)
		fprintf(stderr, "vdevctl: %s: %s\n", path, strerror(-err));
	return err == -EBADMSG ? STATUS_DAMAGED : err ? STATUS_FAILED : STATUS_OK;
}

int json_file_read(const char *path, struct json_object **ret_tree)
{
	return json_file_read_most(path, JSON_MOST_BYTES, ret_tree);
}
