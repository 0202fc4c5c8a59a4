/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What hints are for: the share of interrupts that reach a vCPU on the event's CPU while vCPUs and events move; and
 * two controls that have to be bad, or the measurement shows nothing.
 */
#include "irqhint.h"

#define ROUNDS 2u

static bool measure(struct scene *s, uint32_t *ret_share)
{
	if (!irqhint_begin(s, 1))
		return false;
	if (s->vm->machine != &machine_mock && !s->vm->hints->provider) {
		scene_skip(s, "where the vCPUs are cannot be found out here: %s",
			   s->vm->hints->provider_name);
		return false;
	}
	*ret_share = irqhint_share(s, ROUNDS);
	return !s->failed;
}

static void with_hints(struct scene *s)
{
	if (!measure(s, &s->irqhint.with_hints))
		return;
	EXPECT(s, s->irqhint.with_hints >= 90, "%u %% reached a vCPU on the event's CPU",
	       s->irqhint.with_hints);
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_MOVED) > 0, "no hint because a vCPU had moved");
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_CPU_CHANGED) > 0,
	       "no hint because the events came from elsewhere");
	scene_tell(s, "%u %% reached a vCPU on the event's CPU (provider %s)",
		   s->irqhint.with_hints, s->vm->hints->provider_name);
}

static void without_hints(struct scene *s)
{
	s->options.hints.mode = HINTS_NONE;
	if (!measure(s, &s->irqhint.without_hints))
		return;
	EXPECT(s, s->irqhint.without_hints <= 60,
	       "%u %% without hints: the measurement shows nothing", s->irqhint.without_hints);
	scene_tell(s, "%u %% reached a vCPU on the event's CPU", s->irqhint.without_hints);
}

/* The truth is where the vCPU's thread is, so a provider that lies is found out. */
static void liar(struct scene *s)
{
	s->options.hints.lies = true;
	if (!measure(s, &s->irqhint.liar))
		return;
	EXPECT(s, s->irqhint.liar <= 30, "%u %% though the provider lies: it is believed as truth",
	       s->irqhint.liar);
	scene_tell(s, "%u %% reached a vCPU on the event's CPU", s->irqhint.liar);
}

static void many_vcpus(struct scene *s)
{
	s->options.cpus = GUEST_CPUS; /* on two CPUs */
	if (!irqhint_begin(s, 1))
		return;
	s->irqhint.many = irqhint_share(s, ROUNDS);
	EXPECT(s, s->irqhint.many >= 90, "%u %% reached a vCPU on the event's CPU",
	       s->irqhint.many);
	scene_tell(s, "4 vCPUs on 2 CPUs: %u %%", s->irqhint.many);
}

const struct story irqhint_shares[] = {
	{"with-hints", "H1 H2 H3 H4 H6", with_hints},
	{"without-hints", "H8", without_hints},
	{"provider-that-lies", "H9", liar},
	{"more-vcpus-than-cpus", "H1 H2 H6", many_vcpus},
	{NULL, NULL, NULL},
};
