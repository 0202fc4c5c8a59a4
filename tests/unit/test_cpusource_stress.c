/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CPU-map providers under load: threads attach themselves, are moved, leave or just end, while others look at them and
 * while a second object comes and goes. Under ASan nothing may be read of a thread that is no more, under TSan there
 * may be no race; and the map never says what cannot be.
 */
#include "test_cpusource_rig.h"

#include <stdlib.h>

#define MAKERS 4u
#define THREADS 150u /* each, one after the other; a multiple of 6 */
#define THREADS_SLOW 30u

struct stress {
	struct rig rig;
	uint32_t cpus[2];
	uint32_t threads; /* of each maker */
	atomic_int over;
	_Atomic uint64_t wrong; /* places that cannot be */
	_Atomic uint64_t seen; /* vCPUs that a refresh found */
	_Atomic uint64_t refused; /* calls that should have worked */
};

struct job {
	struct stress *s;
	struct vdev_cpusource
		*second; /* of the maker, with a map of its own: attached there, too */
	uint32_t vcpu, way;
};

static void *vcpu_main(void *context)
{
	struct job *j = context;
	struct vdev_cpusource *source = j->s->rig.source;
	cpu_set_t set;
	int bad = vdev_cpusource_here(source, j->vcpu) != 0;

	bad += vdev_cpusource_here(j->second, j->vcpu) != 0;
	for (uint32_t i = 0; i < 3; i++) {
		CPU_ZERO(&set);
		CPU_SET(j->s->cpus[(i + j->way) % 2], &set);
		sched_setaffinity(0, sizeof(set), &set);
		sched_yield();
	}
	if (j->way % 3 == 1)
		bad += vdev_cpusource_gone(source, j->vcpu) != 0;
	if (j->way % 3 == 2)
		bad += vdev_cpusource_remove(j->second, j->vcpu) != 0;
	atomic_fetch_add(&j->s->refused, (uint64_t)bad);
	if (j->way % 2)
		pthread_exit(NULL);
	return NULL;
}

static struct vdev_cpusource *make(struct vdev_cpumap *map, uint32_t kind)
{
	struct vdev_cpusource_config c = {.struct_size = sizeof(c),
					  .flags = VDEV_CPUSOURCE_UNTESTED,
					  .kinds = VDEV_CPUSOURCE_WANT(kind),
					  .kvm_fd = -1,
					  .map = map};
	struct vdev_cpusource *made = NULL;

	assert_int_equal(vdev_cpusource_new(&made, NULL, &c), 0);
	return made;
}

static void *maker_main(void *context)
{
	struct job j = *(struct job *)context;
	const struct vdev_cpumap_config config = {
		.struct_size = sizeof(config), .vcpus = VCPUS, .cpus = VDEV_CPUMAP_MAX_CPUS};
	struct vdev_cpumap *map;
	pthread_t thread;

	if (vdev_cpumap_new(&map, NULL, &config))
		return NULL;
	for (j.way = 0; j.way < j.s->threads; j.way++) {
		j.second = make(map, VDEV_CPUSOURCE_AFFINITY);
		if (pthread_create(&thread, NULL, vcpu_main, &j))
			break;
		vdev_cpusource_refresh(j.second, j.way);
		pthread_join(thread, NULL);
		vdev_cpusource_free(j.second);
	}
	vdev_cpumap_free(map);
	return NULL;
}

static void *looker_main(void *context)
{
	struct stress *s = context;
	uint64_t now = 0;

	while (!atomic_load(&s->over)) {
		int found = vdev_cpusource_refresh(s->rig.source, now += 1000);

		if (found < 0 || found > (int)VCPUS)
			atomic_fetch_add(&s->wrong, 1);
		else
			atomic_fetch_add(&s->seen, (uint64_t)found);
		for (uint32_t v = 0; v < VCPUS; v++) {
			int cpu = vdev_cpumap_cpu(s->rig.map, v);

			if (cpu != -ENOENT && (cpu < 0 || cpu >= CPU_SETSIZE))
				atomic_fetch_add(&s->wrong, 1);
		}
		sched_yield(); /* or nobody else gets on under valgrind */
	}
	return NULL;
}

static void stress(uint32_t kind)
{
	struct stress s = {0};
	struct job jobs[MAKERS];
	pthread_t makers[MAKERS], lookers[2];

	rig_open(&s.rig, kind);
	two_cpus(s.cpus);
	s.threads = getenv("VDEV_TEST_SLOW") ? THREADS_SLOW : THREADS;
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&lookers[i], NULL, looker_main, &s), 0);
	for (uint32_t i = 0; i < MAKERS; i++) {
		jobs[i] = (struct job){.s = &s, .vcpu = i};
		assert_int_equal(pthread_create(&makers[i], NULL, maker_main, &jobs[i]), 0);
	}
	for (uint32_t i = 0; i < MAKERS; i++)
		pthread_join(makers[i], NULL);
	atomic_store(&s.over, 1);
	for (uint32_t i = 0; i < 2; i++)
		pthread_join(lookers[i], NULL);
	assert_int_equal(atomic_load(&s.wrong), 0);
	assert_int_equal(atomic_load(&s.refused), 0);
	assert_int_equal(rig_stats(&s.rig).attached, 0);
	assert_int_equal(rig_stats(&s.rig).failed, 0);
	assert_int_equal(rig_stats(&s.rig).lost, 0);
	assert_int_equal(rig_stats(&s.rig).exits, MAKERS * s.threads * 2 / 3);
	for (uint32_t v = 0; v < VCPUS; v++)
		assert_int_equal(rig_place(&s.rig, v).cpu, VDEV_CPUMAP_NOWHERE);
	print_message("%s: %llu refreshes, found %llu\n", vdev_cpusource_kind_name(kind),
		      (unsigned long long)rig_stats(&s.rig).refreshes,
		      (unsigned long long)atomic_load(&s.seen));
	rig_end(&s.rig);
}

static void rseq(void **state)
{
	(void)state;
	stress(VDEV_CPUSOURCE_RSEQ);
}

static void procfs(void **state)
{
	(void)state;
	stress(VDEV_CPUSOURCE_PROCFS);
}

/* An object is freed while its threads end. */
struct freed {
	pthread_barrier_t barrier;
	struct vdev_cpusource *source;
	_Atomic int bad;
};

static void *freed_main(void *context)
{
	struct freed *f = context;

	if (vdev_cpusource_here(f->source, 0))
		atomic_store(&f->bad, 1);
	pthread_barrier_wait(&f->barrier);
	return NULL;
}

static void freed_while_threads_end(void **state)
{
	struct rig r;

	(void)state;
	rig_begin(&r);
	for (uint32_t i = 0; i < 200; i++) {
		struct freed f = {.source = make(r.map, VDEV_CPUSOURCE_AFFINITY)};
		pthread_t thread;

		pthread_barrier_init(&f.barrier, NULL, 2);
		assert_int_equal(pthread_create(&thread, NULL, freed_main, &f), 0);
		pthread_barrier_wait(&f.barrier);
		if (i % 2)
			sched_yield();
		vdev_cpusource_free(f.source);
		pthread_join(thread, NULL);
		pthread_barrier_destroy(&f.barrier);
		assert_int_equal(atomic_load(&f.bad), 0);
		assert_int_equal(rig_place(&r, 0).cpu, VDEV_CPUMAP_NOWHERE);
	}
	rig_end(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rseq),
		cmocka_unit_test(procfs),
		cmocka_unit_test(freed_while_threads_end),
	};

	return cmocka_run_group_tests_name("cpusource_stress", tests, NULL, NULL);
}
