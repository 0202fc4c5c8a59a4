/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A process whose threads are named by the arguments, as a VMM names its own; "main=NAME" names the first
 * one, "spin=NAME" makes a thread that never sleeps. Prints "TID NAME" for each and "ready", and ends when
 * standard input does.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t named;

static void *thread(void *arg)
{
	const char *name = arg;
	int spin = strncmp(name, "spin=", 5) == 0;

	name += spin ? 5 : 0;
	prctl(PR_SET_NAME, name);
	printf("%ld %s\n", syscall(SYS_gettid), name);
	pthread_barrier_wait(&named);
	for (;;)
		if (!spin)
			pause();
	return NULL;
}

static int begin(char *arg)
{
	pthread_t t;

	if (strncmp(arg, "main=", 5) == 0)
		return prctl(PR_SET_NAME, arg + 5);
	if (pthread_create(&t, NULL, thread, arg))
		return 1;
	pthread_barrier_wait(&named); /* in turn, so that lines are in the order of the arguments */
	return 0;
}

int main(int argc, char **argv)
{
	if (pthread_barrier_init(&named, NULL, 2)) /* one for all, in turn */
		return EXIT_FAILURE;
	for (int i = 1; i < argc; i++)
		if (begin(argv[i]))
			return EXIT_FAILURE;
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
	fflush(stdout);
	_exit(0);
}
