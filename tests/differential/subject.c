// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * subject.c - executes each station of a chunk in each machine state
 *
 * One signal handler does all of it. Behind every instruction is a fault; the handler
 * records what its frame says, makes the frame that of the next instruction, and
 * returns into that. The control program says what to do in the memory that both share.
 */
#include <asm/unistd.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/time.h>

#include "subject.h"

static struct shared *const shared = (struct shared *)SHARED_BASE;
static struct record *const records = (struct record *)(SHARED_BASE + SHARED_HEADER);
static unsigned long bases[MAX_MAPS] = { NEAR_BASE, (unsigned long)FAR_BASE };

static char stack[65536] __attribute__((aligned(16)));
static unsigned int map, station, state, started;
static volatile int busy;

void start(void);

static void advance(void)
{
	if (++state < NR_STATES)
		return;
	state = 0;
	do {
		if (++station == shared->nr_stations) {
			station = 0;
			map++;
		}
	} while (map < shared->nr_maps && shared->skip[station]);
}

static void begin(const struct ucontext *uc)
{
	state_prepare(uc);
	started = 1;
	station = -1u;
	state = NR_STATES - 1;
}

static void finish(siginfo_t *info, struct ucontext *uc)
{
	unsigned int i = record_index(shared->nr_stations, map, station, state);

	capture(&records[i], info, uc, bases[map] + DATA_OFFSET);
}

static void next(struct ucontext *uc)
{
	advance();
	if (map == shared->nr_maps) {
		shared->current = 0;
		die(0);
	}
	shared->current = 1 + record_index(shared->nr_stations, map, station, state);
	state_set(uc, state, bases[map] + station_insn(station));
}

static void fault(int sig, siginfo_t *info, struct ucontext *uc)
{
	(void)sig;
	if (busy)
		die(END_NESTED);
	busy = 1;
	if (started)
		finish(info, uc);
	else
		begin(uc);
	next(uc);
	busy = 0;
}

static int known(unsigned long ip)
{
	unsigned int i;

	for (i = 0; i < shared->nr_maps; i++)
		if (ip >= bases[i] && ip < bases[i] + CHUNK_STATIONS * STATION_SIZE)
			return 1;
	return ip - (unsigned long)fault < 0x10000 || (unsigned long)fault - ip < 0x10000;
}

/* No frame may show an address in a slot. */
static void tick(int sig, siginfo_t *info, struct ucontext *uc)
{
#ifdef __x86_64__
	unsigned long ip = uc->uc_mcontext.rip;
#else
	unsigned long ip = uc->uc_mcontext.eip;
#endif
	(void)sig;
	(void)info;
	shared->alarms++;
	if (!known(ip) && in_slot_area(ip)) {
		shared->slot_ips++;
		shared->slot_current = shared->current;
		shared->slot_ip = ip;
	}
}

static void map_memory(void)
{
	unsigned int i, size = CHUNK_STATIONS * STATION_SIZE;
	int anon = MAP_PRIVATE | MAP_ANONYMOUS;
	unsigned long j;

	map_at(SCRATCH_BASE, SCRATCH_SIZE, PROT_READ | PROT_WRITE, anon, -1);
	map_at(PAD_BASE, PAD_SIZE, PROT_READ | PROT_WRITE, anon, -1);
	for (j = 0; j < PAD_SIZE; j++)
		((char *)PAD_BASE)[j] = (char)STATION_FILL;
	sys(__NR_mprotect, PAD_BASE, PAD_SIZE, PROT_READ | PROT_EXEC, 0, 0, 0);
	capture_prepare();
	for (i = 0; i < shared->nr_maps; i++) {
		map_at(bases[i], size, PROT_READ | PROT_EXEC, MAP_PRIVATE, CHUNK_FD);
		map_at(bases[i] + DATA_OFFSET, DATA_SIZE, PROT_READ | PROT_WRITE, anon, -1);
		for (j = 0; j < DATA_SIZE; j += 8)
			store64((void *)(bases[i] + DATA_OFFSET + j), pristine(j));
	}
}

static void map_shared(void)
{
	map_at(SHARED_BASE, SHARED_HEADER, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD);
	/* All of it, now that it says how much that is. */
	unsigned long size = SHARED_SIZE(shared->nr_stations, shared->nr_maps);

	sys(__NR_munmap, SHARED_BASE, SHARED_HEADER, 0, 0, 0, 0);
	map_at(SHARED_BASE, size, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD);
}

static void start_timer(void)
{
	long us[4] = { 0, shared->timer_us, 0, shared->timer_us };

	if (shared->timer_us)
		sys(__NR_setitimer, 0, (long)us, 0, 0, 0, 0);
}

void start(void)
{
	static const int signals[] = { SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP, SIGSYS };
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	unsigned int i;

	sys(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0);
	map_shared();
	map_memory();
	if (sys(__NR_sigaltstack, (long)&ss, 0, 0, 0, 0, 0))
		die(END_SETUP);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		catch_signal(signals[i], fault);
	catch_signal(SIGALRM, tick);
	start_timer();
	asm volatile("hlt");
	die(END_SETUP);
}
