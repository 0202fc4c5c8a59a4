/* SPDX-License-Identifier: BSD-3-Clause */
/* The smallest program a user would write; with USE_LINUX it drives the engine by the runtime, with
 * USE_HOST it looks at the host's topology, too, with USE_BPF it asks where its own thread is. */
#include <stdio.h>
#include <vdev/vdev.h>
#ifdef USE_LINUX
#include <vdev/kvm.h>
#include <vdev/runtime.h>
#endif
#ifdef USE_HOST
#include <vdev/host.h>
#endif
#ifdef USE_BPF
#include <unistd.h>
#include <vdev/bpfsource.h>
#include <vdev/cpumap.h>
#endif

static uint64_t outcome;

static int perform(void *backend, const struct vdev_action *action)
{
	(void)backend;
	if (action->kind == VDEV_REMOVAL_OUTCOME)
		outcome = action->arg[0];
	return 0;
}

#ifdef USE_LINUX
static int drain(struct vdev_removal *removal)
{
	struct vdev_backend_ops ops = {
		.struct_size = sizeof(ops), .name = "consumer", .perform = perform};
	struct vdev_runtime_config config = {
		.struct_size = sizeof(config), .max_backends = 1, .max_later = 1};
	struct vdev_runtime *runtime;
	int ret = vdev_runtime_new(&runtime, NULL, &config);

	if (ret)
		return ret;
	ret = vdev_runtime_add_backend(runtime, &ops, NULL);
	if (!ret)
		ret = vdev_runtime_set_removal(runtime, removal);
	if (!ret)
		ret = vdev_runtime_dispatch(runtime);
	vdev_runtime_set_removal(runtime, NULL);
	vdev_runtime_free(runtime);
	return ret;
}
#else
static int drain(struct vdev_removal *removal)
{
	struct vdev_action action;
	int ret = 0;

	while (ret >= 0 && vdev_removal_next(removal, &action, sizeof(action)) == 1)
		ret = vdev_removal_done(removal, 0, action.id, perform(NULL, &action));
	return ret;
}
#endif

#ifdef USE_HOST
static int look_at_host(void)
{
	struct vdev_host_size n;
	struct vdev_host *host;
	int ret = vdev_host_new(&host, NULL, NULL);

	if (ret)
		return ret;
	ret = vdev_host_size(host, &n, sizeof(n));
	printf("%u CPUs, node 0 to itself: %d\n", n.online, vdev_host_distance(host, 0, 0));
	vdev_host_free(host);
	return ret;
}
#else
static int look_at_host(void)
{
	return 0;
}
#endif

#ifdef USE_BPF
static int where_am_i(struct vdev_bpfsource *bpf)
{
	const struct vdev_cpumap_config size = {
		.struct_size = sizeof(size), .vcpus = 1, .cpus = VDEV_CPUMAP_MAX_CPUS};
	struct vdev_cpusource_config config = {
		.struct_size = sizeof(config), .ops = vdev_bpfsource_ops(), .ops_context = bpf};
	struct vdev_cpusource *source;
	int ret = vdev_cpumap_new(&config.map, NULL, &size);

	if (ret)
		return ret;
	ret = vdev_cpusource_new(&source, NULL, &config);
	if (!ret) {
		/* The only thread of a process has its number. */
		ret = vdev_cpusource_add(source, 0, getpid());
		if (!ret)
			ret = vdev_cpusource_refresh(source, 0) == 1 ? 0 : -1;
		printf("on CPU %d\n", vdev_cpumap_cpu(config.map, 0));
		vdev_cpusource_free(source);
	}
	vdev_cpumap_free(config.map);
	return ret;
}

/* Most machines do not let everybody use BPF: then the reason is what is wanted. */
static int look_by_bpf(void)
{
	const struct vdev_bpfsource_config config = {.struct_size = sizeof(config), .vcpus = 1};
	struct vdev_bpfsource *bpf;
	char reason[256];
	int ret = vdev_bpfsource_new(&bpf, NULL, &config, reason, sizeof(reason));

	if (ret) {
		printf("no BPF: %s\n", reason);
		return reason[0] ? 0 : ret;
	}
	ret = where_am_i(bpf);
	vdev_bpfsource_free(bpf);
	return ret;
}
#else
static int look_by_bpf(void)
{
	return 0;
}
#endif

int main(void)
{
	struct vdev_removal_config config = {.struct_size = sizeof(config), .max_units = 1};
	struct vdev_removal_unit unit = {.struct_size = sizeof(unit)};
	struct vdev_removal *removal;
	uint64_t handle;
	int ret = look_at_host();

	if (!ret)
		ret = look_by_bpf();
	if (!ret)
		ret = vdev_removal_new(&removal, NULL, &config);
	if (ret) {
		fprintf(stderr, "no engine, no topology, or no place: %s\n", vdev_strerror(ret));
		return 1;
	}
	printf("libvdevmgmt %s\n", vdev_version());
	vdev_removal_add(removal, 0, &unit, &handle);
	vdev_removal_declare(removal, 0, handle, VDEV_REMOVAL_OPERATOR, VDEV_REMOVAL_SAFE);
	vdev_removal_declare(removal, 0, handle, VDEV_REMOVAL_GUEST, VDEV_REMOVAL_SAFE);
	vdev_removal_request(removal, 0, handle, NULL);
	ret = drain(removal);
	vdev_removal_free(removal);
	if (ret < 0) {
		fprintf(stderr, "not drained: %s\n", vdev_strerror(ret));
		return 1;
	}
	puts(outcome == VDEV_REMOVAL_REMOVED ? "removed" : "not removed");
	return outcome != VDEV_REMOVAL_REMOVED;
}
