// SPDX-License-Identifier: GPL-2.0-only
/*
 * threads N NAME: a process of N threads of that name which do nothing. It says
 * so when all are there. SIGUSR1 makes one more.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static void *idle(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static int add(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32768);
	error = pthread_create(&thread, &attr, idle, NULL);
	pthread_attr_destroy(&attr);
	return error;
}

int main(int argc, char **argv)
{
	sigset_t usr1;
	int i, sig;

	if (argc != 3)
		return 2;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	prctl(PR_SET_NAME, argv[2]);
	for (i = 1; i < atoi(argv[1]); i++)
		if (add())
			return 1;
	printf("ready\n");
	fflush(stdout);
	while (!sigwait(&usr1, &sig))
		add();
	return 0;
}
