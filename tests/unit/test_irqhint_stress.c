/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt-hint engine and CPU map: two threads that move vCPUs, one that looks at the map, a device's event
 * thread, that of another one, and the guest, all at once (H9, H11). TSan has nothing to say about words that are atomic, so what
 * must never be is counted:
 *
 *   torn       places that are half of one move and half of another: the time of a move says its CPU and state
 *   missed     vCPUs that never move and were not found where they are
 *   strangers  found where they are not, by their place before and after, or that do not exist
 *   lost       resets after which no first event came
 *   unchosen   choices that failed, or fell on what was not programmed, though the guest always had programmed
 */
#include "vt_test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <vdev/irqhint.h>

#define RUN_NS 400000000
#define FEWEST 60u /* also where all threads share one processor */
#define VCPUS 130u
#define CPUS 8u
#define WORDS 3u
#define WRITERS 2u
#define UNIT 10 /* of since_ns */
#define END (UINT64_C(1) << 30) /* in these units: after all moves */
#define FIXED 3u

static const uint32_t fixed[FIXED] = {0, 64, 129}; /* on the CPU of their index */
static struct vdev_cpumap *map;
static struct vdev_irqhint *engine;
static uint64_t reset_dev, programmed_dev;
static atomic_int stop;
static _Atomic uint64_t begun, ended, firsts, resets, moves, looks, choices;
static _Atomic uint64_t torn, missed, strangers, lost, unchosen;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int has(const uint64_t *set, uint32_t vcpu)
{
	return (int)(set[vcpu / 64] >> (vcpu % 64) & 1);
}

static int stopped(void)
{
	return atomic_load_explicit(&stop, memory_order_relaxed);
}

/* Each writer has every other vCPU; after each move it knows where that one is. */
static void move(struct vt_rand *r, uint32_t vcpu, uint64_t *units, uint32_t *at)
{
	uint32_t cpu = (uint32_t)vt_below(r, CPUS), state;
	uint64_t set[WORDS];

	cpu = cpu == *at ? (cpu + 1) % CPUS : cpu;
	*units += CPUS - *units % CPUS + cpu;
	state = (uint32_t)(*units / CPUS % 3);
	if (vdev_cpumap_set(map, *units << UNIT, vcpu, cpu, state) != 1)
		atomic_fetch_add(&missed, 1);
	if (vt_chance(r, 5)) {
		vdev_cpumap_running_on(map, cpu, set, WORDS);
		if (has(set, vcpu) != (state != VDEV_CPUMAP_SLEEPING))
			atomic_fetch_add(&missed, 1);
		if (*at < CPUS) {
			vdev_cpumap_running_on(map, *at, set, WORDS);
			atomic_fetch_add(&strangers, (uint64_t)has(set, vcpu));
		}
	}
	*at = cpu;
	atomic_fetch_add_explicit(&moves, 1, memory_order_relaxed);
}

static void *writer(void *arg)
{
	uint32_t parity = (uint32_t)(uintptr_t)arg, at[VCPUS];
	uint64_t units = 0;
	struct vt_rand r;

	vt_rand_seed(&r, parity + 1);
	memset(at, 0xff, sizeof(at));
	while (!stopped()) {
		uint32_t v = (uint32_t)vt_below(&r, VCPUS);

		if (v % WRITERS == parity && v != fixed[0] && v != fixed[1] && v != fixed[2])
			move(&r, v, &units, &at[v]);
	}
	return NULL;
}

static struct vdev_cpumap_place look_at_place(uint32_t vcpu)
{
	struct vdev_cpumap_place p;
	uint64_t units;

	vdev_cpumap_get(map, END << UNIT, vcpu, &p, sizeof(p));
	units = END - (p.since_ns >> UNIT);
	if (p.cpu != VDEV_CPUMAP_NOWHERE && vcpu != fixed[0] && vcpu != fixed[1] &&
	    vcpu != fixed[2] && (units % CPUS != p.cpu || units / CPUS % 3 != p.state))
		atomic_fetch_add(&torn, 1);
	return p;
}

/* Who is in the set and had the same place before and after it was read was there. No two moves have the same time. */
static void look_at_members(const uint64_t *set, uint32_t cpu,
			    const struct vdev_cpumap_place *before)
{
	for (uint32_t v = 0; v < VCPUS; v++) {
		struct vdev_cpumap_place after;

		if (!has(set, v))
			continue;
		after = look_at_place(v);
		if (after.since_ns == before[v].since_ns && after.cpu == before[v].cpu &&
		    (after.cpu != cpu || after.state == VDEV_CPUMAP_SLEEPING))
			atomic_fetch_add(&strangers, 1);
	}
}

/* The set of those on a CPU: who never moves is in it where he is, and nowhere else. */
static void look_at_set(const uint64_t *set, uint32_t cpu)
{
	for (uint32_t i = 0; i < FIXED; i++) {
		if (i == cpu && !has(set, fixed[i]))
			atomic_fetch_add(&missed, 1);
		if (i != cpu && has(set, fixed[i]))
			atomic_fetch_add(&strangers, 1);
	}
	if (set[WORDS - 1] >> (VCPUS % 64))
		atomic_fetch_add(&strangers, 1);
}

static void *reader(void *arg)
{
	struct vt_rand r;

	(void)arg;
	vt_rand_seed(&r, 7);
	while (!stopped()) {
		uint32_t cpu = (uint32_t)vt_below(&r, CPUS);
		struct vdev_cpumap_place before[VCPUS];
		uint64_t set[WORDS];

		for (uint32_t v = 0; v < VCPUS; v++)
			before[v] = look_at_place(v);
		vdev_cpumap_running_on(map, cpu, set, WORDS);
		look_at_members(set, cpu, before);
		look_at_set(set, cpu);
		atomic_fetch_add_explicit(&looks, 1, memory_order_relaxed);
	}
	return NULL;
}

static void choose(uint64_t now, uint32_t cpu)
{
	uint32_t vcpu = VCPUS;
	int ret = vdev_irqhint_choose(engine, now, programmed_dev, 0, cpu, &vcpu, NULL);

	if (ret != 1 || (vcpu != 3 && vcpu != 4 && vcpu != 70 && vcpu != 71))
		atomic_fetch_add(&unchosen, 1);
	atomic_fetch_add_explicit(&choices, 1, memory_order_relaxed);
}

/* The other device's thread. */
static void *chooser(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; !stopped(); i++)
		choose(0, i % FIXED);
	return NULL;
}

/* Each event comes from another CPU, so each that is not a first one is worth a hint, too. */
static void *device(void *arg)
{
	uint64_t now = END << UNIT, set[WORDS];

	(void)arg;
	while (!stopped()) {
		uint32_t cpu = (uint32_t)(now >> 12) % FIXED;
		struct vdev_irqhint_hint h;

		atomic_fetch_add(&begun, 1);
		if (vdev_irqhint_event(engine, now, reset_dev, 0, cpu, 0, &h, sizeof(h), set,
				       WORDS) == 1) {
			if (h.distance == VDEV_IRQHINT_SAME_CPU)
				look_at_set(set, cpu);
			else
				atomic_fetch_add(&missed, 1);
			if (h.reason == VDEV_IRQHINT_FIRST)
				atomic_fetch_add(&firsts, 1);
		}
		atomic_fetch_add(&ended, 1);
		now += 4096;
	}
	return NULL;
}

/* Until an event that begins now has ended. */
static void await_event(void)
{
	uint64_t n = atomic_load(&begun) + 1;

	for (uint32_t i = 0; atomic_load(&ended) < n && !stopped(); i++)
		if (i % 1024 == 1023)
			sched_yield();
}

/* One and the other in turn: a reader sees a whole set, even if it is overtaken twice. */
static void program(void)
{
	static uint32_t n;
	static const uint64_t sets[2][WORDS] = {{0x18, 0, 0}, {0, 0xc0, 0}};

	vdev_irqhint_programmed(engine, 0, programmed_dev, 0, sets[n++ % 2], WORDS);
}

static void *guest(void *arg)
{
	struct vt_rand r;

	(void)arg;
	vt_rand_seed(&r, 9);
	while (!stopped()) {
		uint64_t before;

		for (uint64_t k = vt_below(&r, 10000); k; k--)
			program();
		before = atomic_load(&firsts);
		vdev_irqhint_device_reset(engine, reset_dev);
		await_event();
		if (!stopped() && atomic_load(&firsts) == before)
			atomic_fetch_add(&lost, 1);
		atomic_fetch_add(&resets, 1);
	}
	return NULL;
}

static void make(struct vt_env *v)
{
	const struct vdev_cpumap_config m = {
		.struct_size = sizeof(m), .flags = VDEV_CPUMAP_LIVE, .vcpus = VCPUS, .cpus = CPUS};
	const struct vdev_irqhint_config c = {.struct_size = sizeof(c),
					      .max_devices = 2,
					      .max_types = 2,
					      .max_distance = VDEV_IRQHINT_ANY,
					      .hysteresis_ns = 1,
					      .interval_ns = 1};

	assert_int_equal(vdev_cpumap_new(&map, &v->env, &m), 0);
	for (uint32_t i = 0; i < FIXED; i++)
		vdev_cpumap_set(map, 0, fixed[i], i, VDEV_CPUMAP_RUNNING);
	assert_int_equal(vdev_irqhint_new(&engine, &v->env, map, &c), 0);
	assert_int_equal(vdev_irqhint_add(engine, 1, 0, &reset_dev), 0);
	assert_int_equal(vdev_irqhint_add(engine, 1, 0, &programmed_dev), 0);
	program();
}

static void all_at_once(void **state)
{
	void *(*const run[])(void *) = {writer, writer, reader, device, chooser, guest};
	pthread_t threads[VT_COUNT(run)];
	uint64_t begin = now_ns();
	const struct timespec nap = {.tv_nsec = 1000000};
	struct vt_env v;

	(void)state;
	vt_env_init(&v);
	make(&v);
	for (uintptr_t i = 0; i < VT_COUNT(run); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run[i], (void *)i), 0);
	while (now_ns() - begin < RUN_NS || atomic_load(&resets) < FEWEST)
		nanosleep(&nap, NULL);
	atomic_store(&stop, 1);
	for (uint32_t i = 0; i < VT_COUNT(run); i++)
		pthread_join(threads[i], NULL);
	printf("moves %llu looks %llu events %llu resets %llu choices %llu: torn %llu missed %llu "
	       "strangers %llu lost %llu unchosen %llu\n",
	       (unsigned long long)moves, (unsigned long long)looks, (unsigned long long)ended,
	       (unsigned long long)resets, (unsigned long long)choices, (unsigned long long)torn,
	       (unsigned long long)missed, (unsigned long long)strangers, (unsigned long long)lost,
	       (unsigned long long)unchosen);
	assert_int_equal(torn, 0);
	assert_int_equal(missed, 0);
	assert_int_equal(strangers, 0);
	assert_int_equal(lost, 0);
	assert_int_equal(unchosen, 0);
	vdev_irqhint_free(engine);
	vdev_cpumap_free(map);
	vt_assert_clean(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_at_once)};

	return cmocka_run_group_tests_name("irqhint_stress", tests, NULL, NULL);
}
