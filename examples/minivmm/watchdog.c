/* SPDX-License-Identifier: BSD-3-Clause */
/* Every wait has an end of its own; this is for what nobody thought of, such as a deadlock. */
#include "watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_S 60

struct watchdog {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stop;
	uint32_t pets;
	const char *story, *scenario, *backend;
	FILE *json;
};

static void bark(struct watchdog *w)
{
	fprintf(stderr, "minivmm: %s did not end within %d s\n", w->story, LIMIT_S);
	if (w->json) {
		fprintf(w->json,
			"{\"scenario\":\"%s\",\"backend\":\"%s\",\"checks\":[{\"name\":\"%s\","
			"\"rules\":[],\"ok\":false,\"detail\":\"did not end within %d s\"}],"
			"\"metrics\":{},\"skipped\":[],\"ok\":false}\n",
			w->scenario, w->backend, w->story, LIMIT_S);
		fflush(w->json);
	}
	_exit(1);
}

static void *watch(void *arg)
{
	struct watchdog *w = arg;
	struct timespec until;
	uint32_t pets;

	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		int r = 0;

		pets = w->pets;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += LIMIT_S;
		while (!w->stop && pets == w->pets && r != ETIMEDOUT)
			r = pthread_cond_timedwait(&w->changed, &w->lock, &until);
		if (!w->stop && pets == w->pets)
			bark(w);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct watchdog *watchdog_new(FILE *json, const char *scenario, const char *backend)
{
	struct watchdog *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->json = json;
	w->scenario = scenario;
	w->backend = backend;
	w->story = "start";
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	if (pthread_create(&w->thread, NULL, watch, w)) {
		free(w);
		return NULL;
	}
	return w;
}

static void change(struct watchdog *w, const char *story, bool stop)
{
	pthread_mutex_lock(&w->lock);
	w->pets++;
	w->story = story;
	w->stop = stop;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

void watchdog_pet(struct watchdog *w, const char *story)
{
	if (w)
		change(w, story, false);
}

void watchdog_free(struct watchdog *w)
{
	if (!w)
		return;
	change(w, "end", true);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
