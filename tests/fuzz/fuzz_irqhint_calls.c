/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: any sequence of calls of the CPU map and the interrupt-hint engine, with any values.
 *
 * A byte chooses the call, those that follow its arguments; small numbers are mostly meant for devices that exist.
 * Whatever was called: who is in a hint is there, a choice is among what the guest programmed, no handle comes
 * twice, and an image can be written and read again.
 */
#include "fuzz_irqhint.h"

#define CALLS 400
#define IDS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct device {
	uint64_t handle; /* 0: none */
	uint32_t types;
	uint64_t prog[FI_TYPES][FI_WORDS];
};

struct fuzz {
	const uint8_t *data;
	size_t size;
	uint64_t now, last_handle;
	uint32_t vcpus, style;
	int long_ago; /* the clock was centuries away */
	struct vdev_irqhint_config config;
	struct vdev_cpumap *map;
	struct vdev_irqhint *h;
	struct device device[FI_DEVICES];
	uint64_t ids[IDS]; /* ever issued */
	uint32_t id_count;
};

static uint8_t byte(struct fuzz *f)
{
	if (!f->size)
		return 0;
	f->size--;
	return *f->data++;
}

static uint64_t number(struct fuzz *f, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | byte(f);
	return v;
}

static void set(struct fuzz *f)
{
	uint8_t b = byte(f);
	uint32_t vcpu = byte(f), cpu = b & 15, state = b >> 4 & 3;
	int got;

	if (b >> 6 == 3) {
		cpu = b & 1 ? VDEV_CPUMAP_NOWHERE : (uint32_t)number(f, 4);
		state = b >> 1 & 3;
	}
	got = vdev_cpumap_set(f->map, f->now, vcpu, cpu, state);
	fi_require(got >= -EINVAL && got <= 1);
	if (got >= 0)
		fi_require(vdev_cpumap_cpu(f->map, vcpu) == (cpu < FI_CPUS ? (int)cpu : -ENOENT));
}

/* All of them, from a few bits. */
static void spread(struct fuzz *f)
{
	uint8_t b = byte(f);

	for (uint32_t v = 0; v < f->vcpus; v++)
		vdev_cpumap_set(f->map, f->now, v, v * (b | 1u) % FI_CPUS, (v + b) * (b >> 4) % 3);
}

static void look(struct fuzz *f)
{
	uint64_t on[FI_WORDS + FI_SPARE];
	uint32_t cpu = byte(f), words = FI_WORDS + (cpu >> 6 & 1);
	int got = vdev_cpumap_running_on(f->map, cpu & 31, on, words);

	if (got < 0)
		return;
	fi_require((uint32_t)got == fi_bits(on, words));
	for (uint32_t v = 0; v < f->vcpus; v++) {
		struct vdev_cpumap_place p;

		fi_require(vdev_cpumap_get(f->map, f->now, v, &p, sizeof(p)) == 0);
		fi_require((on[v / 64] >> v % 64 & 1) ==
			   (p.cpu == (cpu & 31) && p.state != VDEV_CPUMAP_SLEEPING));
	}
}

static void add(struct fuzz *f)
{
	uint32_t types = 1 + byte(f) % 6, i = 0;
	uint64_t handle = 0;

	while (i < FI_DEVICES && f->device[i].handle)
		i++;
	if (vdev_irqhint_add(f->h, types, f->now, &handle))
		return;
	fi_require(i < FI_DEVICES && handle);
	for (uint32_t k = 0; k < IDS; k++)
		fi_require(f->ids[k] != handle);
	f->ids[f->id_count++ % IDS] = handle;
	f->device[i] = (struct device){.handle = handle, .types = types};
}

/* Mostly a device that lives; else none, and a handle that is over or was never there. */
static struct device *device(struct fuzz *f, uint8_t which, uint64_t *ret_handle)
{
	struct device *d = &f->device[which % FI_DEVICES];

	*ret_handle = d->handle;
	if (d->handle)
		return d;
	*ret_handle = which & 0x80 ? number(f, 8) : f->ids[which % IDS];
	for (uint32_t i = 0; i < FI_DEVICES; i++)
		if (f->device[i].handle == *ret_handle)
			*ret_handle = 0;
	return NULL;
}

static void drop(struct fuzz *f)
{
	uint64_t handle;
	struct device *d = device(f, byte(f), &handle);

	fi_require(vdev_irqhint_remove(f->h, handle) == (d ? 0 : -ENOENT));
	if (d)
		d->handle = 0;
}

static void event(struct fuzz *f)
{
	uint8_t which = byte(f), cpu = byte(f);
	uint64_t handle;
	struct device *d = device(f, which, &handle);
	uint32_t type = which >> 2 & 7;

	f->now += cpu >> 5 == 7 ? number(f, 2) : 0;
	cpu &= 31;
	fi_event(f->h, f->map, f->now, handle, type, cpu, f->vcpus, f->config.max_distance);
	if (d && type < d->types && cpu < FI_CPUS)
		fi_info(f->h, handle, type, f->vcpus);
}

static void programmed(struct fuzz *f)
{
	uint8_t which = byte(f), how = byte(f);
	uint64_t handle, bits[FI_WORDS + FI_SPARE] = {0};
	struct device *d = device(f, which, &handle);
	uint32_t type = which >> 2 & 7, words = VDEV_CPUMAP_WORDS(f->vcpus), got;

	if (how < f->vcpus)
		bits[how / 64] = UINT64_C(1) << how % 64;
	else if (how & 1)
		for (uint32_t i = 0; i < FI_WORDS + FI_SPARE; i++)
			bits[i] = number(f, 3) * UINT64_C(0x1000001);
	if (how >= 0xf8)
		words = how & 3;
	got = (uint32_t)vdev_irqhint_programmed(f->h, f->now, handle, type, bits, words);
	if (got > 1)
		return;
	fi_require(d && type < d->types && words <= FI_WORDS);
	memset(d->prog[type], 0, sizeof(d->prog[type]));
	memcpy(d->prog[type], bits, words * sizeof(*bits));
	fi_info(f->h, handle, type, f->vcpus);
}

static void choose(struct fuzz *f)
{
	uint8_t which = byte(f);
	uint64_t handle;
	struct device *d = device(f, which, &handle);
	uint32_t type = which >> 2 & 7;

	fi_choose(f->h, f->now, handle, type, byte(f) & 31, f->vcpus,
		  d && type < d->types ? d->prog[type] : NULL);
}

static void forget(struct device *d)
{
	memset(d->prog, 0, sizeof(d->prog));
}

static void reset(struct fuzz *f)
{
	uint8_t which = byte(f);
	uint64_t handle;
	struct device *d = device(f, which, &handle);

	if (which & 0x40) {
		fi_require(vdev_irqhint_guest_reset(f->h) == 0);
		for (uint32_t i = 0; i < FI_DEVICES; i++)
			forget(&f->device[i]);
	} else {
		fi_require(vdev_irqhint_device_reset(f->h, handle) == (d ? 0 : -ENOENT));
		if (d)
			forget(d);
	}
}

static void time_goes_on(struct fuzz *f)
{
	uint8_t b = byte(f);

	if (b == 0xff)
		f->now = number(f, 8); /* perhaps back */
	else
		f->now += (uint64_t)(b & 31) << (b >> 5) * 3;
	f->long_ago |= f->now >> 54 != 0;
	if (b & 1)
		vdev_cpumap_refreshed(f->map, f->now);
}

static void reload(struct fuzz *f)
{
	uint8_t b = byte(f);

	uint64_t then = b & 2 ? number(f, 1 + (b >> 5)) : f->now;

	f->long_ago |= (f->now | then) >> 54 != 0;
	f->h = fi_reload(f->h, f->map, &f->config, b & 1, &f->now, then, !f->long_ago);
}

static void count(struct fuzz *f)
{
	struct vdev_irqhint_stats s;
	uint64_t cursor = 0, handle, answers = 0, hints = 0;
	uint32_t devices = 0, types = 0, n;

	fi_require(vdev_irqhint_stats(f->h, &s, sizeof(s)) == 0);
	while (vdev_irqhint_walk(f->h, &cursor, &handle, &n) == 1) {
		fi_require(devices++ < FI_DEVICES);
		types += n;
	}
	fi_require(s.devices == devices && s.types == types && types <= FI_TYPES);
	for (uint32_t i = 0; i < VDEV_IRQHINT_REASONS; i++)
		answers += s.answers[i];
	for (uint32_t i = 0; i < VDEV_IRQHINT_DISTANCES; i++)
		hints += s.by_distance[i];
	fi_require(answers == s.events);
	fi_require(hints == s.answers[0] + s.answers[1] + s.answers[2]);
	fi_require(s.followed + s.ignored <= s.programmed);
}

typedef void do_call(struct fuzz *f);

static do_call *const calls[] = {set,   set,          spread,       look,       add,    event,
				 event, event,        programmed,   programmed, choose, drop,
				 reset, time_goes_on, time_goes_on, reload,     count};

static void begin(struct fuzz *f)
{
	uint8_t size = byte(f);

	f->style = byte(f);
	f->now = 1 << 20;
	f->vcpus = fi_vcpus(size);
	f->map = fi_map(f->vcpus, size & 8);
	f->config = fi_config(f->style);
	fi_require(vdev_irqhint_new(&f->h, NULL, f->map, &f->config) == 0);
	add(f);
	vdev_cpumap_refreshed(f->map, f->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;

	memset(&f, 0, sizeof(f));
	f.data = data;
	f.size = size;
	begin(&f);
	for (uint32_t n = 0; n < CALLS && f.size; n++)
		calls[byte(&f) % (sizeof(calls) / sizeof(calls[0]))](&f);
	count(&f);
	f.h = fi_reload(f.h, f.map, &f.config, 0, &f.now, f.now, !f.long_ago);
	vdev_irqhint_free(f.h);
	vdev_cpumap_free(f.map);
	return 0;
}
