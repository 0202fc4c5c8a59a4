/* SPDX-License-Identifier: BSD-3-Clause */
/* core/image: the layout byte by byte, each way to be damaged, sticky ends. */
#include "vt_test.h"

#include <errno.h>
#include <string.h>

#include "core/image.h"

#define KIND 3u
#define VERSION 2u
#define PAYLOAD 20u
#define SIZE (VDEV__IMAGE_HEADER + PAYLOAD)

static void put_fields(struct vdev__writer *w)
{
	vdev__put_u8(w, 0x11);
	vdev__put_u32(w, 0x22232425);
	vdev__put_u64(w, UINT64_C(0x3132333435363738));
	vdev__put_bytes(w, "bytes!!", 7);
	vdev__put_bytes(w, NULL, 0);
}

static size_t make_image(uint8_t *buf, size_t size)
{
	struct vdev__writer w;
	size_t need;

	vdev__writer_init(&w, buf, size, KIND, VERSION);
	put_fields(&w);
	assert_int_equal(vdev__writer_finish(&w, &need), 0);
	return need;
}

static void put_le32(uint8_t *p, uint32_t v)
{
	int i;

	for (i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* Makes both checksums right again after a test has changed a field. */
static void mend(uint8_t *image, size_t size)
{
	put_le32(image + 24, vdev__crc32(image + 32, size - 32));
	put_le32(image + 28, vdev__crc32(image, 28));
}

static int open_image(const void *image, size_t size)
{
	struct vdev__reader r;
	int err = vdev__reader_init(&r, image, size, KIND, VERSION);

	/* a reader that was refused stays so */
	assert_int_equal(vdev__reader_finish(&r) == 0, err == 0 && size == VDEV__IMAGE_HEADER);
	return err;
}

static void crc_is_the_ieee_one(void **state)
{
	uint8_t bytes[256];
	int i;

	(void)state;
	for (i = 0; i < 256; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(vdev__crc32("", 0), 0);
	assert_int_equal(vdev__crc32("123456789", 9), 0xcbf43926);
	assert_int_equal(vdev__crc32(bytes, 256), 0x29058c73);
}

static void layout_is_fixed(void **state)
{
	static const uint8_t expected[] = "VDEVIMG\0"
					  "\3\0\0\0"
					  "\2\0\0\0"
					  "\x14\0\0\0\0\0\0\0"
					  "PPPPHHHH"
					  "\x11\x25\x24\x23\x22\x38\x37\x36\x35\x34\x33\x32\x31"
					  "bytes!!";
	uint8_t image[SIZE];

	(void)state;
	assert_int_equal(make_image(image, SIZE), SIZE);
	assert_memory_equal(image, expected, 24);
	assert_memory_equal(image + 32, expected + 32, PAYLOAD);
	assert_int_equal(sizeof(expected) - 1, SIZE);
	assert_int_equal(image[24] | image[25] << 8, vdev__crc32(image + 32, PAYLOAD) & 0xffff);
	assert_int_equal(image[30] | image[31] << 8, vdev__crc32(image, 28) >> 16);
}

static void reads_what_was_written(void **state)
{
	struct vdev__reader r;
	uint8_t image[SIZE];
	char bytes[7];

	(void)state;
	make_image(image, SIZE);
	assert_int_equal(vdev__reader_init(&r, image, SIZE, KIND, VERSION + 1), 0);
	assert_int_equal(r.version, VERSION);
	assert_int_equal(vdev__get_u8(&r), 0x11);
	assert_int_equal(vdev__get_u32(&r), 0x22232425);
	assert_true(vdev__get_u64(&r) == UINT64_C(0x3132333435363738));
	assert_int_equal(vdev__get_bytes(&r, bytes, 7), 0);
	assert_memory_equal(bytes, "bytes!!", 7);
	assert_int_equal(vdev__get_bytes(&r, NULL, 0), 0);
	assert_int_equal(vdev__reader_finish(&r), 0);
}

/* With too little room nothing is written beyond it, and the size is the same as with enough. */
static void measuring(void **state)
{
	struct vdev__writer w;
	uint8_t image[SIZE + 1];
	size_t size, need;

	(void)state;
	for (size = 0; size < SIZE; size++) {
		memset(image, 0xee, sizeof(image));
		need = 0;
		vdev__writer_init(&w, size ? image : NULL, size, KIND, VERSION);
		put_fields(&w);
		assert_int_equal(vdev__writer_finish(&w, &need), -ENOBUFS);
		assert_int_equal(need, SIZE);
		for (; need > size; need--)
			assert_int_equal(image[need], 0xee);
	}
	vdev__writer_init(&w, NULL, 1000, KIND, VERSION);
	assert_int_equal(vdev__writer_finish(&w, &need), -ENOBUFS);
	vdev__put_bytes(&w, image, SIZE_MAX);
	vdev__put_u8(&w, 1);
	assert_int_equal(vdev__writer_finish(&w, &need), -ENOBUFS);
	assert_true(need == SIZE_MAX);
}

static void empty_payload(void **state)
{
	struct vdev__writer w;
	uint8_t image[VDEV__IMAGE_HEADER];
	size_t need;

	(void)state;
	vdev__writer_init(&w, image, sizeof(image), KIND, VERSION);
	assert_int_equal(vdev__writer_finish(&w, &need), 0);
	assert_int_equal(need, VDEV__IMAGE_HEADER);
	assert_int_equal(open_image(image, need), 0);
}

static void each_flipped_bit_is_seen(void **state)
{
	uint8_t image[SIZE];
	uint32_t bit;

	(void)state;
	make_image(image, SIZE);
	for (bit = 0; bit < SIZE * 8; bit++) {
		image[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(open_image(image, SIZE), -EBADMSG);
		image[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(open_image(image, SIZE), 0);
}

static void wrong_lengths(void **state)
{
	uint8_t image[SIZE + 1] = {0};
	size_t size;

	(void)state;
	make_image(image, SIZE);
	assert_int_equal(open_image(NULL, SIZE), -EINVAL);
	for (size = 0; size < SIZE; size++)
		assert_int_equal(open_image(image, size), -EBADMSG);
	assert_int_equal(open_image(image, SIZE + 1), -EBADMSG);
	image[16]++; /* says one more than there is */
	mend(image, SIZE);
	assert_int_equal(open_image(image, SIZE), -EBADMSG);
	image[16] -= 2; /* one less: a byte after the payload */
	mend(image, SIZE);
	assert_int_equal(open_image(image, SIZE), -EBADMSG);
	image[16]++;
	image[23] = 0x80; /* huge */
	mend(image, SIZE);
	assert_int_equal(open_image(image, SIZE), -EBADMSG);
}

static void kinds_and_versions(void **state)
{
	uint8_t image[SIZE];

	(void)state;
	make_image(image, SIZE);
	image[8] = KIND + 1;
	mend(image, SIZE);
	assert_int_equal(open_image(image, SIZE), -EBADMSG);
	image[8] = KIND;
	image[12] = 0;
	mend(image, SIZE);
	assert_int_equal(open_image(image, SIZE), -EPROTONOSUPPORT);
	image[12] = VERSION + 1;
	mend(image, SIZE);
	assert_int_equal(open_image(image, SIZE), -EPROTONOSUPPORT);
	image[40] ^= 1; /* a later version's payload is not ours to check */
	assert_int_equal(open_image(image, SIZE), -EPROTONOSUPPORT);
	image[40] ^= 1;
	image[12] = VERSION - 1;
	mend(image, SIZE);
	assert_int_equal(open_image(image, SIZE), 0);
}

static void reading_past_the_end_sticks(void **state)
{
	struct vdev__reader r;
	uint8_t image[SIZE];
	char bytes[4] = "abc";

	(void)state;
	make_image(image, SIZE);
	assert_int_equal(vdev__reader_init(&r, image, SIZE, KIND, VERSION), 0);
	assert_true(vdev__get_u64(&r) != 0);
	assert_true(vdev__get_u64(&r) != 0);
	assert_true(vdev__get_u64(&r) == 0); /* 4 bytes are left */
	assert_int_equal(r.error, -EBADMSG);
	assert_int_equal(vdev__get_u8(&r), 0); /* there is one, but nothing is read any more */
	assert_int_equal(vdev__get_count(&r, 1), 0);
	assert_int_equal(vdev__get_bytes(&r, bytes, 4), -EBADMSG);
	assert_memory_equal(bytes, "\0\0\0", 4);
	assert_int_equal(vdev__get_bytes(&r, bytes, 0), -EBADMSG);
	assert_int_equal(vdev__reader_finish(&r), -EBADMSG);
}

static void one_byte_too_many(void **state)
{
	struct vdev__reader r;
	uint8_t image[SIZE + 1] = {0}, bytes[PAYLOAD + 1];

	(void)state;
	make_image(image, SIZE);
	assert_int_equal(vdev__reader_init(&r, image, SIZE, KIND, VERSION), 0);
	assert_int_equal(vdev__get_bytes(&r, bytes, PAYLOAD + 1), -EBADMSG);
	assert_int_equal(vdev__reader_init(&r, image, SIZE, KIND, VERSION), 0);
	assert_int_equal(vdev__get_bytes(&r, bytes, PAYLOAD), 0);
	vdev__get_u8(&r);
	assert_int_equal(vdev__reader_finish(&r), -EBADMSG);
}

static int count_of(uint32_t count, size_t record, uint32_t *ret_count)
{
	uint8_t image[VDEV__IMAGE_HEADER + 24] = {0};
	struct vdev__writer w;
	struct vdev__reader r;
	size_t need;

	vdev__writer_init(&w, image, sizeof(image), KIND, VERSION);
	vdev__put_u32(&w, count);
	vdev__put_bytes(&w, "12345678901234567890", 20);
	assert_int_equal(vdev__writer_finish(&w, &need), 0);
	assert_int_equal(vdev__reader_init(&r, image, need, KIND, VERSION), 0);
	*ret_count = vdev__get_count(&r, record);
	return r.error;
}

static void counts_must_fit(void **state)
{
	uint32_t count;

	(void)state;
	assert_int_equal(count_of(5, 4, &count), 0);
	assert_int_equal(count, 5);
	assert_int_equal(count_of(6, 4, &count), -EBADMSG);
	assert_int_equal(count, 0);
	assert_int_equal(count_of(UINT32_MAX, SIZE_MAX / 4, &count), -EBADMSG);
	assert_int_equal(count_of(UINT32_MAX, 1, &count), -EBADMSG);
	assert_int_equal(count_of(20, 1, &count), 0);
	assert_int_equal(count_of(21, 1, &count), -EBADMSG);
}

static void failing_and_left_overs(void **state)
{
	struct vdev__reader r;
	uint8_t image[SIZE];

	(void)state;
	make_image(image, SIZE);
	assert_int_equal(vdev__reader_init(&r, image, SIZE, KIND, VERSION), 0);
	vdev__get_u64(&r);
	assert_int_equal(vdev__reader_finish(&r), -EBADMSG);
	assert_int_equal(vdev__reader_init(&r, image, SIZE, KIND, VERSION), 0);
	assert_int_equal(vdev__reader_fail(&r), -EBADMSG);
	assert_int_equal(vdev__get_u8(&r), 0);
	assert_int_equal(vdev__reader_finish(&r), -EBADMSG);
	assert_int_equal(vdev__reader_init(&r, image, SIZE, KIND, VERSION - 1), -EPROTONOSUPPORT);
	assert_int_equal(vdev__reader_fail(&r), -EBADMSG);
	assert_int_equal(vdev__reader_finish(&r), -EPROTONOSUPPORT); /* the first error */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_is_the_ieee_one),
		cmocka_unit_test(layout_is_fixed),
		cmocka_unit_test(reads_what_was_written),
		cmocka_unit_test(measuring),
		cmocka_unit_test(empty_payload),
		cmocka_unit_test(each_flipped_bit_is_seen),
		cmocka_unit_test(wrong_lengths),
		cmocka_unit_test(kinds_and_versions),
		cmocka_unit_test(reading_past_the_end_sticks),
		cmocka_unit_test(one_byte_too_many),
		cmocka_unit_test(counts_must_fit),
		cmocka_unit_test(failing_and_left_overs),
	};

	return cmocka_run_group_tests_name("core_image", tests, NULL, NULL);
}
