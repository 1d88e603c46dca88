// SPDX-License-Identifier: GPL-2.0-only
/*
 * Known work: functions whose first instruction is probed, each another one.
 *
 *	work -p GROUP FROM TO	the lines of uprobe_events that probe functions
 *				FROM to TO - 1
 *	work THREADS N ROUNDS	each thread calls the first N functions, ROUNDS
 *				times, one thread after the other
 *	work -i THREADS N	for each number of ROUNDS on stdin: do the same and
 *				answer with a line; until the end of stdin
 *
 * So with N within the limit: the first round of the first thread fills N slots,
 * that of the others finds them, and all else hits.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

/* ../../selftests/uprobe_slots/many.S */
#define MANY_SIZE	16
extern char us_many[];

/* Each thread waits for its own, and lets the next one go. */
static sem_t *turn;
static long threads, functions, rounds;

static void work(void)
{
	long r, i;

	for (r = 0; r < rounds; r++)
		for (i = 0; i < functions; i++)
			if (((int (*)(void))(us_many + i * MANY_SIZE))() != i)
				abort();
}

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

static void *thread_main(void *arg)
{
	long me = (long)arg;

	for (;;) {
		wait_for(&turn[me]);
		work();
		sem_post(&turn[(me + 1) % threads]);
	}
	return NULL;
}

static void start(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	long i;

	turn = calloc(threads, sizeof(*turn));
	if (!turn)
		exit(1);
	for (i = 0; i < threads; i++)
		sem_init(&turn[i], 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32768);
	for (i = 1; i < threads; i++)
		if (pthread_create(&thread, &attr, thread_main, (void *)i))
			exit(1);
}

/* The main thread is number 0. */
static void go(void)
{
	work();
	sem_post(&turn[1 % threads]);
	wait_for(&turn[0]);
}

static unsigned long file_offset(const char *address)
{
	const Elf64_Phdr *phdr = (void *)getauxval(AT_PHDR);
	unsigned long i, a = (unsigned long)address;

	for (i = 0; i < getauxval(AT_PHNUM); i++)
		if (phdr[i].p_type == PT_LOAD && a >= phdr[i].p_vaddr &&
		    a < phdr[i].p_vaddr + phdr[i].p_filesz)
			return a - phdr[i].p_vaddr + phdr[i].p_offset;
	exit(1);
}

static void print_probes(const char *group, int from, int to)
{
	char path[4096] = "";
	int i;

	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		exit(1);
	for (i = from; i < to; i++)
		printf("p:%s/f%d %s:0x%lx\n", group, i, path, file_offset(us_many + i * MANY_SIZE));
}

int main(int argc, char **argv)
{
	char line[64];

	if (argc == 5 && !strcmp(argv[1], "-p")) {
		print_probes(argv[2], atoi(argv[3]), atoi(argv[4]));
		return 0;
	}
	if (argc != 4)
		return 2;
	prctl(PR_SET_NAME, "slotwork");
	if (!strcmp(argv[1], "-i")) {
		threads = atol(argv[2]);
		functions = atol(argv[3]);
		start();
		while (fgets(line, sizeof(line), stdin)) {
			rounds = atol(line);
			go();
			printf("done\n");
			fflush(stdout);
		}
		return 0;
	}
	threads = atol(argv[1]);
	functions = atol(argv[2]);
	rounds = atol(argv[3]);
	start();
	go();
	return 0;
}
