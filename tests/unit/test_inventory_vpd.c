/* SPDX-License-Identifier: BSD-3-Clause */
/* Inventory (M12): vital product data. */
#include "test_inventory_rig.h"

#include <stdlib.h>

static void vpd(void **state)
{
	static const uint8_t good[] = "\x82\x04\0Name"
				      "\x90\x2d\0PN\x06K123  SN\x05 AB\x01 V0\x09"
				      "FFV20.5.1V1\x04zzzzRV\x01\x55SN\x02no"
				      "\x78";
	struct vdev_inventory_device d;

	(void)state;
	vdev__inventory_unknown(&d);
	vdev__inventory_vpd(&d, good, sizeof(good) - 1);
	assert_string_equal(d.vpd_part, "K123");
	assert_string_equal(d.vpd_serial, "AB?");
	assert_string_equal(d.vpd_firmware, "FFV20.5.1");
	for (uint32_t size = 0; size < sizeof(good); size++) {
		uint8_t *cut = malloc(size ? size : 1); /* so that reading beyond shows */

		assert_non_null(cut);
		memcpy(cut, good, size);
		vdev__inventory_vpd(&d, cut, size);
		free(cut);
	}
	vdev__inventory_vpd(&d, (const uint8_t *)"\x91\x03\0SN\0\x78",
			    7); /* the part to write to */
	vdev__inventory_vpd(&d, (const uint8_t *)"\x90\x05\0SN\x09no", 8);
	assert_string_equal(d.vpd_serial, "AB?");
	vdev__inventory_vpd(&d,
			    (const uint8_t *)"\x90\x12\0V1\x05"
					     "DSV12RM\x01\x7fSN\x03\0 \0\x78",
			    22);
	assert_string_equal(d.vpd_firmware, "?");
	assert_string_equal(d.vpd_serial, "");
	vdev__inventory_vpd(&d,
			    (const uint8_t *)"\x0a"
					     "ab\x90\x08\0V1\x05"
					     "DSV12\x78",
			    15);
	assert_string_equal(d.vpd_firmware, "DSV12");
	{
		uint8_t text[128] = {0x90, 103, 0, 'S', 'N', 100};

		memset(text + 6, '~', 100); /* is cut */
		vdev__inventory_vpd(&d, text, 106);
		assert_int_equal(strlen(d.vpd_serial), VDEV_INVENTORY_NAME - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vpd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
