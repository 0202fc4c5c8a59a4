/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of numbers as the kernel writes them, "0-3,8", and the sets that they become. */
#include "internal.h"

#include <errno.h>
#include <string.h>

void vdev__set_add(struct vdev__set *s, uint32_t n)
{
	s->word[n / 64] |= 1ull << n % 64;
}

int vdev__set_has(const struct vdev__set *s, uint32_t n)
{
	return n / 64 < SET_WORDS && (s->word[n / 64] >> n % 64 & 1);
}

uint32_t vdev__set_lowest(const struct vdev__set *s)
{
	for (uint32_t i = 0; i < SET_WORDS; i++)
		if (s->word[i])
			return i * 64 + (uint32_t)__builtin_ctzll(s->word[i]);
	return UINT32_MAX;
}

uint32_t vdev__set_end(const struct vdev__set *s)
{
	for (uint32_t i = SET_WORDS; i-- > 0;)
		if (s->word[i])
			return i * 64 + 64 - (uint32_t)__builtin_clzll(s->word[i]);
	return 0;
}

uint32_t vdev__set_count(const struct vdev__set *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SET_WORDS; i++)
		n += (uint32_t)__builtin_popcountll(s->word[i]);
	return n;
}

int vdev__number(const char **text, uint32_t most, uint32_t *ret_number)
{
	const char *p = *text;
	uint64_t n = 0;

	if (*p < '0' || *p > '9')
		return -EBADMSG;
	for (; *p >= '0' && *p <= '9'; p++)
		if (n <= most)
			n = n * 10 + (uint32_t)(*p - '0');
	*text = p;
	if (n > most)
		return -ERANGE;
	*ret_number = (uint32_t)n;
	return 0;
}

/* "3" or "0-3". */
static int range(const char **text, uint32_t most, uint32_t *first, uint32_t *last)
{
	int err = vdev__number(text, most, first);

	*last = *first;
	if (err || **text != '-')
		return err;
	++*text;
	err = vdev__number(text, most, last);
	if (err)
		return err;
	return *last < *first ? -EBADMSG : 0;
}

int vdev__list(const char *text, uint32_t limit, struct vdev__set *ret_set)
{
	struct vdev__set set;
	uint32_t first = 0, last = 0;

	memset(&set, 0, sizeof(set));
	while (*text && *text != '\n') {
		int err = range(&text, limit - 1, &first, &last);

		if (err)
			return err;
		for (; first <= last; first++)
			vdev__set_add(&set, first);
		if (*text == ',' && text[1] >= '0' && text[1] <= '9')
			text++;
		else if (*text && *text != '\n')
			return -EBADMSG;
	}
	if (*text && text[1])
		return -EBADMSG;
	*ret_set = set;
	return 0;
}
