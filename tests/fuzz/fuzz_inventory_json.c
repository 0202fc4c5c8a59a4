/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: an inventory as JSON. What is accepted is written again, read again, and is the same.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "tools/vdevctl/inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
	if (!ok)
		abort();
}

static void again(const struct inventory *v)
{
	struct json_object *tree = inventory_to_json(v);
	struct inventory other = {0};
	char why[WHY_SIZE];

	require(tree && !inventory_from_json(tree, &other, why));
	require(v->count == other.count && v->node_count == other.node_count);
	require(!memcmp(v->devices, other.devices, v->count * sizeof(*v->devices)));
	require(!v->node_count ||
		!memcmp(v->distances, other.distances, (size_t)v->node_count * v->node_count));
	json_object_put(tree);
	inventory_free(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), why[WHY_SIZE];
	struct json_object *tree = NULL;
	struct inventory v = {0};
	const char *word = NULL;
	uint32_t line = 0;
	int err;

	require(text != NULL);
	memcpy(text, data, size);
	text[size] = 0;
	err = json_text_parse(text, size, &tree, &line, &word);
	require(!err || (err == -EBADMSG && word && line >= 1));
	if (!err) {
		err = inventory_from_json(tree, &v, why);
		require(!err || (err == -EBADMSG && memchr(why, 0, sizeof(why)) && why[0]));
		json_object_put(tree);
		if (!err) {
			again(&v);
			inventory_free(&v);
		}
	}
	free(text);
	return 0;
}
