// SPDX-License-Identifier: GPL-2.0-or-later
/* What kernel.h declares: locks, RCU, memory, work and waiting. */
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "unit.h"

__thread struct unit_ctx *unit_me;
enum unit_mode unit_mode;
unsigned int unit_jitter;
unsigned long unit_jiffies = 1UL << 40;
u64 unit_ns;
u32 unit_hash_mask = ~0U;
u64 unit_percpu[UNIT_CPUS][64];

static struct unit_ctx ctxs[UNIT_CPUS];

/* ------------------------------------------------- who executes this ---- */

void unit_fail(const char *what, const char *file, int line)
{
	printf("# %s:%d: %s\n", file, line, what);
	fflush(stdout);
#ifdef UNIT_FUZZ
	abort();	/* libFuzzer keeps what did it */
#endif
	_exit(1);
}

void unit_warn(const char *what, const char *file, int line)
{
	printf("# a warning of the kernel's:\n");
	unit_fail(what, file, line);
}

struct unit_ctx *unit_cpu(unsigned int cpu)
{
	ctxs[cpu].cpu = cpu;
	return &ctxs[cpu];
}

u32 unit_random(u32 below)
{
	u64 *s = &unit_me->rng;

	/* splitmix64 */
	u64 z = *s += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (z ^ z >> 31) % below;
}

static void thread_jitter(void)
{
	u32 r;

	if (!unit_jitter)
		return;
	r = unit_random(unit_jitter * 64);
	if (!r)
		usleep(20);
	else if (r < 64)
		sched_yield();
}

void unit_point_slow(void)
{
	if (unit_mode == UNIT_FIBERS)
		fiber_point();
	else
		thread_jitter();
}

void unit_wide_point(void)
{
	if (unit_mode == UNIT_FIBERS)
		fiber_wide_point();
	else if (unit_mode == UNIT_THREADS && unit_jitter && !unit_random(4))
		sched_yield();
}

/* Let others go on. */
static void relax(void)
{
	if (unit_mode == UNIT_FIBERS)
		fiber_switch();
	else
		sched_yield();
}

/* ------------------------------------------------------------ locks ---- */

void spin_lock_init(spinlock_t *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
	lock->class = LOCK_AREA;
	lock->owner = NULL;
}

static void lock_taken(spinlock_t *lock)
{
	/* In order, so that none of this class or a later one is held. */
	WARN_ON(unit_me->locks >> lock->class);
	unit_me->locks |= 1U << lock->class;
	unit_me->nr_locks++;
	__atomic_store_n(&lock->owner, unit_me, __ATOMIC_RELAXED);
}

bool spin_trylock(spinlock_t *lock) unit_tsa(no_thread_safety_analysis)
{
	unit_rmw_point(lock);
	if (pthread_mutex_trylock(&lock->mutex))
		return false;
	lock_taken(lock);
	return true;
}

void spin_lock(spinlock_t *lock) unit_tsa(no_thread_safety_analysis)
{
	unit_rmw_point(lock);
	WARN_ON(lockdep_is_held(lock));
	if (unit_mode == UNIT_THREADS)
		pthread_mutex_lock(&lock->mutex);
	else
		while (pthread_mutex_trylock(&lock->mutex))
			relax();
	lock_taken(lock);
}

void spin_unlock(spinlock_t *lock) unit_tsa(no_thread_safety_analysis)
{
	WARN_ON(!lockdep_is_held(lock));
	unit_me->locks &= ~(1U << lock->class);
	__atomic_store_n(&lock->owner, NULL, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&lock->mutex);
	unit_point();
}

/* -------------------------------------------------------------- RCU ---- */

/*
 * The harness's own RCU: a reader says in which period it began, and a grace
 * period is a new period and a wait for the readers of earlier ones. Where real
 * threads run without TSan, liburcu takes its place.
 */
static u64 rcu_period = 1;
static pthread_mutex_t rcu_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct rcu_head *rcu_callbacks;
void (*unit_in_grace_period)(void);

#ifdef UNIT_URCU
static bool with_urcu(void)
{
	return unit_mode == UNIT_THREADS;
}
#else
static bool with_urcu(void)
{
	return false;
}

void unit_urcu_register(void)
{
}

void unit_urcu_unregister(void)
{
}
#endif

void rcu_read_lock(void)
{
	if (unit_me->rcu_nest++)
		return;
	if (with_urcu())
		unit_urcu_read_lock();
	else	/* a full barrier, but no order between a writer's period and us */
		__atomic_exchange_n(&unit_me->rcu,
				    __atomic_load_n(&rcu_period, __ATOMIC_RELAXED),
				    __ATOMIC_SEQ_CST);
	unit_point();
}

void rcu_read_unlock(void)
{
	unit_point();
	WARN_ON(!unit_me->rcu_nest);
	if (--unit_me->rcu_nest)
		return;
	if (with_urcu())
		unit_urcu_read_unlock();
	else
		__atomic_store_n(&unit_me->rcu, 0, __ATOMIC_RELEASE);
}

static void own_synchronize(void)
{
	u64 period = __atomic_add_fetch(&rcu_period, 1, __ATOMIC_SEQ_CST), began;
	unsigned int cpu;

	for (cpu = 0; cpu < UNIT_CPUS; cpu++)
		while ((began = __atomic_load_n(&ctxs[cpu].rcu, __ATOMIC_ACQUIRE)) &&
		       began < period)
			relax();
}

void synchronize_rcu(void)
{
	might_sleep();
	unit_point();
	if (unit_in_grace_period)
		unit_in_grace_period();
	if (with_urcu())
		unit_urcu_synchronize();
	else
		own_synchronize();
	unit_point();
}

static void rcu_queue(struct rcu_head *head)
{
	pthread_mutex_lock(&rcu_mutex);
	head->next = rcu_callbacks;
	rcu_callbacks = head;
	pthread_mutex_unlock(&rcu_mutex);
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	head->func = func;
	rcu_queue(head);
}

void unit_kfree_rcu(struct rcu_head *head, void *obj)
{
	head->func = NULL;
	head->obj = obj;
	rcu_queue(head);
}

void unit_rcu_barrier(void)
{
	struct rcu_head *head, *next;

	pthread_mutex_lock(&rcu_mutex);
	head = rcu_callbacks;
	rcu_callbacks = NULL;
	pthread_mutex_unlock(&rcu_mutex);
	if (!head)
		return;

	synchronize_rcu();
	for (; head; head = next) {
		next = head->next;
		if (head->func)
			head->func(head);
		else
			unit_free(head->obj);
	}
}

/* ------------------------------------------------------- allocation ---- */

struct unit_memory unit_memory;

static bool alloc_fails(void)
{
	unsigned long nr = __atomic_add_fetch(&unit_memory.calls, 1, __ATOMIC_RELAXED);

	return nr == unit_memory.fail_at || (unit_memory.fail_from &&
					     nr >= unit_memory.fail_from) ||
	       (unit_memory.fail_percent && unit_random(100) < unit_memory.fail_percent);
}

void *unit_alloc(size_t size, gfp_t gfp)
{
	/* P7: charged to the task's cgroup, and giving up soon. */
	const gfp_t wanted = __GFP_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN;
	void *mem;

	might_sleep();
	unit_point();
	unit_me->nr_allocs++;
	WARN_ON((gfp & wanted) != wanted);
	if (alloc_fails())
		return NULL;

	size = (size + 63) & ~63UL;
	mem = aligned_alloc(64, size);
	if (!mem)
		abort();
	memset(mem, 0, size);
	__atomic_add_fetch(&unit_memory.objects, 1, __ATOMIC_RELAXED);
	return mem;
}

void unit_free(const void *mem)
{
	if (!mem)
		return;
	__atomic_sub_fetch(&unit_memory.objects, 1, __ATOMIC_RELAXED);
	free((void *)mem);
}

struct page *alloc_page(gfp_t gfp)
{
	struct page *page = unit_alloc(sizeof(*page), gfp);

	if (!page)
		return NULL;
	page->ref = 1;
	page->mem = aligned_alloc(64, PAGE_SIZE);
	memset(page->mem, 0xa5, PAGE_SIZE);	/* whatever was there */
	return page;
}

void put_page(struct page *page)
{
	if (__atomic_sub_fetch(&page->ref, 1, __ATOMIC_ACQ_REL))
		return;
	free(page->mem);
	unit_free(page);
}

struct kmem_cache *unit_kmem_cache(size_t size)
{
	static struct kmem_cache cache;

	cache.size = size;
	return &cache;
}

u32 jhash(const void *key, u32 length, u32 seed)
{
	const u8 *p = key;
	u32 hash = seed;

	while (length--)
		hash = (hash ^ *p++) * 0x01000193;
	hash ^= hash >> 15;
	hash *= 0x2c1b3c6d;
	hash ^= hash >> 13;
	return hash & unit_hash_mask;
}

/* ------------------------------------------------------------- work ---- */

static pthread_mutex_t work_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct delayed_work *works, *running[UNIT_CPUS];
bool unit_no_workqueue;
unsigned long unit_nr_queued;

struct workqueue_struct *alloc_workqueue(const char *name, int flags, int max)
{
	static struct workqueue_struct wq;

	return unit_no_workqueue ? NULL : &wq;
}

bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *work,
			unsigned long delay)
{
	bool queued = false;

	unit_point();
	pthread_mutex_lock(&work_mutex);
	if (!work->pending) {
		work->pending = true;
		work->due = jiffies + delay;
		work->next = works;
		works = work;
		queued = true;
		unit_nr_queued++;
	}
	pthread_mutex_unlock(&work_mutex);
	return queued;
}

bool cancel_delayed_work(struct delayed_work *work)
{
	struct delayed_work **pos;
	bool pending;

	pthread_mutex_lock(&work_mutex);
	pending = work->pending;
	for (pos = &works; pending && *pos != work; pos = &(*pos)->next)
		;
	if (pending)
		*pos = work->next;
	work->pending = false;
	pthread_mutex_unlock(&work_mutex);
	return pending;
}

/* No work runs twice at a time. */
static bool may_run(struct delayed_work *work)
{
	unsigned int cpu;

	if ((long)(work->due - jiffies) > 0)
		return false;
	for (cpu = 0; cpu < UNIT_CPUS; cpu++)
		if (running[cpu] == work)
			return false;
	return true;
}

/* Run one work that is due; false if there is none. */
bool unit_run_work(void)
{
	struct delayed_work **pos, *work;

	pthread_mutex_lock(&work_mutex);
	for (pos = &works; *pos && !may_run(*pos); pos = &(*pos)->next)
		;
	work = *pos;
	if (work) {
		*pos = work->next;
		work->pending = false;
		running[unit_me->cpu] = work;
	}
	pthread_mutex_unlock(&work_mutex);
	if (!work)
		return false;

	work->work.func(&work->work);

	pthread_mutex_lock(&work_mutex);
	running[unit_me->cpu] = NULL;
	pthread_mutex_unlock(&work_mutex);
	return true;
}

bool unit_work_pending(void)
{
	bool pending;

	pthread_mutex_lock(&work_mutex);
	pending = works;
	pthread_mutex_unlock(&work_mutex);
	return pending;
}

void unit_tick(unsigned long n)
{
	__atomic_add_fetch(&unit_jiffies, n, __ATOMIC_RELAXED);
}

/* Let @n jiffies pass, and all work run that falls due meanwhile. */
void unit_pass(unsigned long n)
{
	while (unit_run_work())
		;
	for (; n; n--) {
		unit_tick(1);
		while (unit_run_work())
			;
	}
}

/* ---------------------------------------------------------- waiting ---- */

bool waitqueue_active(wait_queue_head_t *wq)
{
	unit_point();
	return __atomic_load_n(&wq->waiters, __ATOMIC_RELAXED);
}

void wake_up(wait_queue_head_t *wq)
{
	unit_rmw_point(wq);
	__atomic_add_fetch(&wq->wakes, 1, __ATOMIC_SEQ_CST);
}

unsigned int unit_wait_prepare(wait_queue_head_t *wq)
{
	unsigned int seen = __atomic_load_n(&wq->wakes, __ATOMIC_SEQ_CST);

	__atomic_add_fetch(&wq->waiters, 1, __ATOMIC_SEQ_CST);
	unit_point();
	return seen;
}

/* In a plain test somebody else has to come in here, or nobody ever will. */
void (*unit_while_waiting)(void);

void unit_wait_sleep(wait_queue_head_t *wq, unsigned int *seen)
{
	unsigned int now, polls = 0;

	while ((now = __atomic_load_n(&wq->wakes, __ATOMIC_SEQ_CST)) == *seen) {
		if (unit_mode == UNIT_PLAIN) {
			CHECK(unit_while_waiting);
			unit_while_waiting();
		} else if (unit_mode == UNIT_FIBERS) {
			fiber_blocked();
		} else {
			/* Some 10 seconds: P5, a wake-up was lost. */
			CHECK(polls++ < 100000);
			usleep(100);
		}
	}
	*seen = now;
}

void unit_wait_finish(wait_queue_head_t *wq)
{
	__atomic_sub_fetch(&wq->waiters, 1, __ATOMIC_SEQ_CST);
}

bool unit_killed(void)
{
	return __atomic_load_n(&current->killed, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------ tracepoints ---- */

struct unit_events unit_events;
void (*unit_on_reclaim)(unsigned long slot, int result);

static void event(unsigned int *nr)
{
	__atomic_add_fetch(nr, 1, __ATOMIC_RELAXED);
}

void trace_slot_hit(unsigned long ip, unsigned long slot, u32 key, int exit)
{
	event(&unit_events.hit);
}

void trace_slot_flush_avoided(unsigned long ip, unsigned long slot, u32 key)
{
	event(&unit_events.flush_avoided);
}

void trace_slot_miss(unsigned long ip, unsigned long slot, u32 key, int reason,
		     int exit)
{
	event(&unit_events.miss[reason]);
	/* P8: all that is told of a miss is true. */
	WARN_ON(slot != current->utask->xol_vaddr);
}

void trace_slot_contention(unsigned long ip, unsigned long slot, int reason, u64 ns)
{
	event(&unit_events.contention[reason]);
	WARN_ON(!ns || ns > 1ULL << 40);
}

void trace_slot_reclaim(unsigned long slot, pid_t tgid, int result, unsigned int ms)
{
	event(&unit_events.reclaim[result]);
	WARN_ON(ms > 1U << 30);
	if (unit_on_reclaim)
		unit_on_reclaim(slot, result);
}
