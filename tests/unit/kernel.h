/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel, as far as uprobe_slots.c needs one: what its headers take from
 * <linux/...>, with the meaning that the kernel gives it and the checks of a
 * debug kernel (sleeping in atomic context, lock order, use of RCU lists).
 *
 * Every marked access is a *point*: there a test may look, jitter or switch to
 * another task. See unit.h for what tests use.
 */
#ifndef _UNIT_KERNEL_H
#define _UNIT_KERNEL_H

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef long long s64;
typedef unsigned long pgoff_t;
typedef unsigned int gfp_t;

#define CONFIG_UPROBE_SLOTS		1
#ifndef CONFIG_UPROBE_SLOTS_DEBUG
#define CONFIG_UPROBE_SLOTS_DEBUG	1
#endif
#define IS_ENABLED(option)		(option)

#define ERESTARTSYS	512
#define MAX_ERRNO	4095
#define U16_MAX		UINT16_MAX
#define IS_ERR_VALUE(x)	((unsigned long)(x) >= (unsigned long)-MAX_ERRNO)

/* --------------------------------------------------------- compiler ---- */

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define __init
#define __user
#define __weak			__attribute__((weak))
#define noinline		__attribute__((noinline))
#undef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#define __aligned(n)		__attribute__((aligned(n)))
#define ____cacheline_aligned	__aligned(64)
#define ____cacheline_aligned_in_smp	__aligned(64)
#undef static_assert
#define static_assert(expr, ...)	_Static_assert(expr, #expr)
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member)	\
	((type *)((char *)(ptr) - offsetof(type, member)))

#define min(a, b)	({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); \
			   _a < _b ? _a : _b; })
#define max(a, b)	({ __typeof__(a) _m = (a); __typeof__(b) _n = (b); \
			   _m > _n ? _m : _n; })
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max_t(type, a, b)	max((type)(a), (type)(b))

/* For -Wthread-safety; nothing elsewhere. */
#ifdef __clang__
#define unit_tsa(x)		__attribute__((x))
#else
#define unit_tsa(x)
#endif

/* sparse's words: annotated.c gives them to clang. */
#ifdef UNIT_ANNOTATED
#define __acquires(lock)	__attribute__((acquire_capability(lock)))
#define __releases(lock)	__attribute__((release_capability(lock)))
#define __must_hold(lock)	__attribute__((requires_capability(lock)))
#else
#define __acquires(lock)
#define __releases(lock)
#define __must_hold(lock)
#endif

/* ------------------------------------------------- who executes this ---- */

enum unit_mode {
	UNIT_PLAIN,		/* one thread, no surprises */
	UNIT_THREADS,		/* real threads; points jitter */
	UNIT_FIBERS,		/* points switch, as the seed says */
};

enum { LOCK_GLOBAL = 1, LOCK_AREA = 2 };	/* the order of the protocol */

#define UNIT_CPUS	64

/* A CPU with the task that runs on it: as many as there are threads or fibers. */
struct unit_ctx {
	struct task_struct	*task;
	unsigned int		cpu;
	u64			rng;
	u64			rcu;		/* 0, or the period in which it began */
	unsigned int		rcu_nest;
	unsigned int		locks;		/* held, a bit for each LOCK_ */
	void			(*on_store)(const volatile void *to);
	unsigned long		nr_locks, nr_rmws, nr_allocs, nr_copies;
} __aligned(128);

extern __thread struct unit_ctx *unit_me;
extern enum unit_mode unit_mode;

void unit_point_slow(void);
void unit_wide_point(void);
void unit_warn(const char *what, const char *file, int line);

static inline void unit_point(void)
{
	if (unlikely(unit_mode != UNIT_PLAIN))
		unit_point_slow();
}

static inline void unit_store_point(const volatile void *to)
{
	unit_point();
	if (unlikely(unit_me->on_store))
		unit_me->on_store(to);
}

static inline void unit_rmw_point(const volatile void *to)
{
	unit_me->nr_rmws++;
	unit_store_point(to);
}

#define current		(unit_me->task)

#define WARN_ON_ONCE(cond) ({						\
	bool _warn = (cond);						\
	if (unlikely(_warn))						\
		unit_warn(#cond, __FILE__, __LINE__);			\
	_warn;								\
})
#define WARN_ON(cond)	WARN_ON_ONCE(cond)

/* Nothing here may be called with a lock held or in a read-side section. */
static inline void might_sleep(void)
{
	WARN_ON(unit_me->locks);
	WARN_ON(unit_me->rcu_nest);
}

/* ----------------------------------------------------------- memory ---- */

struct uprobe_slot_area;

/*
 * C11 knows no address dependency, which is what orders the use of what
 * READ_ONCE() read. Those are all through an index of 32 bits (a cache's entry),
 * an area's address, or RCU's own; so TSan sees the order there and nowhere else.
 */
#define UNIT_LOAD(x)							\
	(_Generic((x), struct uprobe_slot_area *: true, default: sizeof(x) == 4) ? \
	 __ATOMIC_ACQUIRE : __ATOMIC_RELAXED)

#define READ_ONCE(x)	({ unit_point(); __atomic_load_n(&(x), UNIT_LOAD(x)); })
#define WRITE_ONCE(x, v) ({						\
	__typeof__(x) _once = (v);					\
	unit_store_point(&(x));						\
	__atomic_store_n(&(x), _once, __ATOMIC_RELAXED);		\
})
/* TSan knows no fences. */
static inline void smp_mb(void)
{
	static int fence;

	__atomic_fetch_add(&fence, 0, __ATOMIC_SEQ_CST);
}

#define smp_load_acquire(p) \
	({ unit_point(); __atomic_load_n(p, __ATOMIC_ACQUIRE); })
#define smp_store_release(p, v) ({					\
	unit_store_point(p);						\
	__atomic_store_n(p, v, __ATOMIC_RELEASE);			\
})
#define xchg(p, v) \
	({ unit_rmw_point(p); __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); })
#define cmpxchg(p, old, new) ({						\
	__typeof__(*(p)) _old = (old);					\
	unit_rmw_point(p);						\
	__atomic_compare_exchange_n(p, &_old, new, false,		\
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);\
	_old;								\
})

typedef struct { int v; } refcount_t;

static inline void refcount_set(refcount_t *r, int n)
{
	__atomic_store_n(&r->v, n, __ATOMIC_RELAXED);
}

static inline void refcount_inc(refcount_t *r)
{
	unit_rmw_point(r);
	WARN_ON(__atomic_fetch_add(&r->v, 1, __ATOMIC_RELAXED) <= 0);
}

static inline bool refcount_inc_not_zero(refcount_t *r)
{
	int old = __atomic_load_n(&r->v, __ATOMIC_RELAXED);

	unit_rmw_point(r);
	while (old && !__atomic_compare_exchange_n(&r->v, &old, old + 1, false,
						   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return old;
}

static inline bool refcount_dec_and_test(refcount_t *r)
{
	int old;

	unit_rmw_point(r);
	old = __atomic_fetch_sub(&r->v, 1, __ATOMIC_ACQ_REL);
	WARN_ON(old <= 0);
	return old == 1;
}

/* ------------------------------------------------------ bits, hashes ---- */

#define BITS_PER_LONG		64
#define BIT(n)			(1UL << (n))
#define GENMASK(high, low)	((~0UL << (low)) & (~0UL >> (63 - (high))))
#define BITS_TO_LONGS(n)	(((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define DECLARE_BITMAP(name, bits)	unsigned long name[BITS_TO_LONGS(bits)]

static inline void __set_bit(unsigned int nr, unsigned long *map)
{
	map[nr / BITS_PER_LONG] |= BIT(nr % BITS_PER_LONG);
}

static inline void __clear_bit(unsigned int nr, unsigned long *map)
{
	map[nr / BITS_PER_LONG] &= ~BIT(nr % BITS_PER_LONG);
}

static inline bool test_bit(unsigned int nr, const unsigned long *map)
{
	unsigned long word = __atomic_load_n(&map[nr / BITS_PER_LONG], __ATOMIC_RELAXED);

	return word >> nr % BITS_PER_LONG & 1;
}

static inline void set_bit(unsigned int nr, unsigned long *map)
{
	__atomic_fetch_or(&map[nr / BITS_PER_LONG], BIT(nr % BITS_PER_LONG),
			  __ATOMIC_RELAXED);
}

static inline void bitmap_zero(unsigned long *map, unsigned int bits)
{
	memset(map, 0, BITS_TO_LONGS(bits) * sizeof(*map));
}

static inline void bitmap_set(unsigned long *map, unsigned int start, unsigned int nr)
{
	while (nr--)
		__set_bit(start++, map);
}

static inline unsigned int find_next_bit(const unsigned long *map,
					 unsigned int bits, unsigned int from)
{
	while (from < bits && !test_bit(from, map))
		from++;
	return from;
}

#define find_first_bit(map, bits)	find_next_bit(map, bits, 0)
#define find_next_bit_wrap(map, bits, from) ({				\
	unsigned int _from = (from), _bit = find_next_bit(map, bits, _from); \
	_bit < (bits) ? _bit : find_first_bit(map, bits);		\
})
#define for_each_set_bit(bit, map, bits)				\
	for ((bit) = find_first_bit(map, bits); (bit) < (bits);		\
	     (bit) = find_next_bit(map, bits, (bit) + 1))

static inline u32 hash_long(unsigned long value, unsigned int bits)
{
	return value * 0x61c8864680b583ebUL >> (64 - bits);
}

extern u32 unit_hash_mask;	/* fewer bits: more keys of one hash */
u32 jhash(const void *key, u32 length, u32 seed);

#define get_random_once(to, bytes)	memset(to, 0x5a, bytes)

#define hweight_long(n)			__builtin_popcountl(n)

/* ------------------------------------------------------------ lists ---- */

struct list_head { struct list_head *next, *prev; };
struct hlist_node { struct hlist_node *next, **pprev; };
struct hlist_head { struct hlist_node *first; };

#define LIST_HEAD(name)		struct list_head name = { &(name), &(name) }
#define LIST_POISON		((void *)0x200)
#define rcu_assign_pointer(p, v)	smp_store_release(&(p), v)
#define rcu_dereference(p)	({ unit_point(); __atomic_load_n(&(p), __ATOMIC_ACQUIRE); })

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list;
	list->prev = list;
}

static inline void list_add_tail(struct list_head *new, struct list_head *head)
{
	new->next = head;
	new->prev = head->prev;
	head->prev->next = new;
	head->prev = new;
}

static inline void list_del(struct list_head *entry)
{
	entry->next->prev = entry->prev;
	entry->prev->next = entry->next;
	entry->next = entry->prev = LIST_POISON;
}

static inline void list_add_tail_rcu(struct list_head *new, struct list_head *head)
{
	new->next = head;
	new->prev = head->prev;
	rcu_assign_pointer(head->prev->next, new);
	head->prev = new;
}

/*
 * The kernel has plain stores here: what the lock's last holder wrote comes before
 * them for everybody. C11's locks order for those only who take them.
 */
static inline void list_del_rcu(struct list_head *entry)
{
	entry->next->prev = entry->prev;
	rcu_assign_pointer(entry->prev->next, entry->next);
	entry->prev = LIST_POISON;
}

static inline void hlist_add_head_rcu(struct hlist_node *n, struct hlist_head *head)
{
	struct hlist_node *first = head->first;

	n->next = first;
	WRITE_ONCE(n->pprev, &head->first);
	rcu_assign_pointer(head->first, n);
	if (first)
		WRITE_ONCE(first->pprev, &n->next);
}

static inline void hlist_del_rcu(struct hlist_node *n)
{
	rcu_assign_pointer(*n->pprev, n->next);
	if (n->next)
		WRITE_ONCE(n->next->pprev, n->pprev);
	WRITE_ONCE(n->pprev, LIST_POISON);
}

#define unit_entry(ptr, pos, member)	container_of(ptr, __typeof__(*(pos)), member)
#define unit_hentry(ptr, pos, member) \
	({ struct hlist_node *_n = (ptr); _n ? unit_entry(_n, pos, member) : NULL; })

/* The head is in no entry: UBSan would see a misaligned one. */
#define list_for_each_entry(pos, head, member)				\
	for (struct list_head *_l = (head)->next;			\
	     _l != (head) && (pos = unit_entry(_l, pos, member), true);	\
	     _l = _l->next)
#define list_for_each_entry_rcu(pos, head, member)			\
	for (struct list_head *_l = (WARN_ON(!unit_me->rcu_nest),	\
				     rcu_dereference((head)->next));	\
	     _l != (head) && (pos = unit_entry(_l, pos, member), true);	\
	     _l = rcu_dereference(_l->next))
#define hlist_for_each_entry(pos, head, member)				\
	for (pos = unit_hentry((head)->first, pos, member); pos;	\
	     pos = unit_hentry((pos)->member.next, pos, member))
#define hlist_for_each_entry_rcu(pos, head, member, cond)		\
	for (WARN_ON(!unit_me->rcu_nest && !(cond)),			\
	     pos = unit_hentry(rcu_dereference((head)->first), pos, member); \
	     pos;							\
	     pos = unit_hentry(rcu_dereference((pos)->member.next), pos, member))

/* ------------------------------------------------------------ locks ---- */

struct unit_tsa(capability("spinlock")) spinlock {
	pthread_mutex_t	mutex;
	int		class;
	struct unit_ctx	*owner;
};
typedef struct spinlock spinlock_t;

#define DEFINE_SPINLOCK(name) \
	spinlock_t name = { PTHREAD_MUTEX_INITIALIZER, LOCK_GLOBAL, NULL }

void spin_lock_init(spinlock_t *lock);
bool spin_trylock(spinlock_t *lock) unit_tsa(try_acquire_capability(true, *lock));
void spin_lock(spinlock_t *lock) unit_tsa(acquire_capability(*lock));
void spin_unlock(spinlock_t *lock) unit_tsa(release_capability(*lock));

static inline bool lockdep_is_held(spinlock_t *lock)
{
	return __atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == unit_me;
}

/* -------------------------------------------------------------- RCU ---- */

struct rcu_head {
	struct rcu_head	*next;
	void		(*func)(struct rcu_head *head);
	void		*obj;		/* to free, where there is no func */
};

void rcu_read_lock(void);
void rcu_read_unlock(void);
#define rcu_read_lock_sched()		rcu_read_lock()
#define rcu_read_unlock_sched()		rcu_read_unlock()
#define rcu_read_lock_sched_held()	true
void synchronize_rcu(void);
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));
void unit_kfree_rcu(struct rcu_head *head, void *obj);
#define kfree_rcu(ptr, field)	unit_kfree_rcu(&(ptr)->field, ptr)

/* ------------------------------------------------ static keys, CPUs ---- */

struct static_key_true { int on; };

#define DEFINE_STATIC_KEY_TRUE(name)	struct static_key_true name = { 1 }
#define DECLARE_STATIC_KEY_TRUE(name)	extern struct static_key_true name
#define DEFINE_STATIC_KEY_FALSE(name)	struct static_key_true name = { 0 }
#define DECLARE_STATIC_KEY_FALSE(name)	DECLARE_STATIC_KEY_TRUE(name)
#define static_key_enabled(key) \
	({ unit_point(); __atomic_load_n(&(key)->on, __ATOMIC_RELAXED); })
#define static_branch_likely(key)	static_key_enabled(key)
/* Both have each CPU interrupted, so no access goes round them. */
#define static_branch_enable(key)	__atomic_store_n(&(key)->on, 1, __ATOMIC_SEQ_CST)
#define static_branch_disable(key)	__atomic_store_n(&(key)->on, 0, __ATOMIC_SEQ_CST)

/*
 * There is one per-CPU variable. The one that is defined only lends its address;
 * each CPU has its own words.
 */
extern u64 unit_percpu[UNIT_CPUS][64];

#define DEFINE_PER_CPU(type, name)	type name; \
	static_assert(sizeof(type) <= sizeof(unit_percpu[0]))
#define DECLARE_PER_CPU(type, name)	extern type name
#define per_cpu(var, cpu)						\
	(*(__typeof__(var) *)((char *)unit_percpu[cpu] +		\
			      ((char *)&(var) - (char *)&slot_counters)))
#define this_cpu_add(var, n) ({						\
	__typeof__(var) *_cpu = &per_cpu(var, unit_me->cpu);		\
	WRITE_ONCE(*_cpu, *_cpu + (n));					\
})
#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (cpu) < UNIT_CPUS; (cpu)++)

/* ------------------------------------------------------------- time ---- */

#define HZ	1000

extern unsigned long unit_jiffies;
extern u64 unit_ns;

#define jiffies			__atomic_load_n(&unit_jiffies, __ATOMIC_RELAXED)
#define jiffies_to_msecs(j)	((unsigned int)(j))
#define ktime_get_ns()		__atomic_add_fetch(&unit_ns, 1, __ATOMIC_RELAXED)
#define cpu_relax()		((void)0)
#define preempt_disable()	((void)0)
#define preempt_enable()	((void)0)
#define div64_u64(a, b)		((a) / (b))
#define NSEC_PER_USEC		1000L
#define U64_MAX			((u64)~0ULL)

/* ------------------------------------------------------- allocation ---- */

#define GFP_KERNEL		0x01u
#define __GFP_ACCOUNT		0x02u
#define __GFP_NORETRY		0x04u
#define __GFP_NOWARN		0x08u
#define __GFP_HIGHMEM		0x10u
#define GFP_KERNEL_ACCOUNT	(GFP_KERNEL | __GFP_ACCOUNT)

/* Small pages: areas fill soon. */
#ifndef UNIT_PAGE_SIZE
#define UNIT_PAGE_SIZE		256
#endif
#define PAGE_SIZE		((size_t)UNIT_PAGE_SIZE)
#define PAGE_MASK		(~(PAGE_SIZE - 1))

struct page {
	int	ref;
	u8	*mem;
};

struct kmem_cache { size_t size; };

void *unit_alloc(size_t size, gfp_t gfp);
void unit_free(const void *mem);
struct page *alloc_page(gfp_t gfp);
void put_page(struct page *page);
struct kmem_cache *unit_kmem_cache(size_t size);

#define kvzalloc(size, gfp)		unit_alloc(size, gfp)
#define kcalloc(n, size, gfp)		unit_alloc((n) * (size), gfp)
#define kvcalloc(n, size, gfp)		unit_alloc((n) * (size), gfp)
#define kmem_cache_zalloc(slab, gfp)	unit_alloc((slab)->size, gfp)
#define kfree(mem)			unit_free(mem)
#define kvfree(mem)			unit_free(mem)
#define KMEM_CACHE(type, flags)		unit_kmem_cache(sizeof(struct type))
#define kmap_local_page(page)		((void *)(page)->mem)
#define kunmap_local(addr)		((void)(addr))
#define flush_dcache_page(page)		((void)(page))

/* ------------------------------------------- work, and waiting for it ---- */

struct work_struct;
typedef void (*work_func_t)(struct work_struct *work);
struct work_struct { work_func_t func; };

struct delayed_work {
	struct work_struct	work;
	unsigned long		due;
	bool			pending;
	struct delayed_work	*next;
};

struct workqueue_struct { int unused; };

#define WQ_UNBOUND		0
struct workqueue_struct *alloc_workqueue(const char *name, int flags, int max);
#define INIT_DELAYED_WORK(w, f)	((w)->work.func = (f))
#define to_delayed_work(w)	container_of(w, struct delayed_work, work)
bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *work,
			unsigned long delay);
bool cancel_delayed_work(struct delayed_work *work);

typedef struct {
	pthread_mutex_t	lock;
	unsigned int	waiters;
	unsigned int	wakes;
} wait_queue_head_t;

bool waitqueue_active(wait_queue_head_t *wq);
void wake_up(wait_queue_head_t *wq);
unsigned int unit_wait_prepare(wait_queue_head_t *wq);
void unit_wait_sleep(wait_queue_head_t *wq, unsigned int *seen);
void unit_wait_finish(wait_queue_head_t *wq);
bool unit_killed(void);

#define wait_event_killable(wq, cond) ({				\
	int _ret = 0;							\
									\
	might_sleep();							\
	if (!(cond)) {							\
		unsigned int _seen = unit_wait_prepare(&(wq));		\
									\
		while (!(cond)) {					\
			if (unit_killed()) {				\
				_ret = -ERESTARTSYS;			\
				break;					\
			}						\
			unit_wait_sleep(&(wq), &_seen);			\
		}							\
		unit_wait_finish(&(wq));				\
	}								\
	_ret;								\
})

/* -------------------------------------------------- uprobes, an arch ---- */

#define UPROBE_SWBP_INSN	0xcc
#define UPROBE_SWBP_INSN_SIZE	1
#define UPROBE_SLOT_BYTES	32
#define UPROBE_XOL_SLOT_BYTES	4	/* 64 transient ones, or some of these */

typedef u8 uprobe_opcode_t;

struct pt_regs { unsigned long ip, cs; };
struct mm_struct;
struct seq_file;
struct uprobe;

/* As x86: what executes, and what is done round it. */
struct arch_uprobe {
	u8		ixol[16];
	const void	*ops;		/* NULL: cannot share */
	u32		fixups;
	u8		ilen;
	u16		flags;		/* may change: never part of a key */
	u16		cs;		/* of a key: the mode that it is for */
};

#define arch_uprobe_mode_fits(auprobe, regs)	((auprobe)->cs == (regs)->cs)

enum uprobe_task_state { UTASK_RUNNING, UTASK_SSTEP };

struct uprobe_task {
	enum uprobe_task_state	state;
	unsigned long		xol_vaddr, vaddr;
	struct uprobe		*active_uprobe;
	struct uprobe_slot	*slot;
	struct uprobe_slot_cache *slot_cache;
};

struct task_struct {
	pid_t			pid, tgid;
	u8			uprobe_slot_limit;
	bool			killed;
	bool			refuse_step;	/* pre_xol fails */
	bool			stepped;	/* by a debugger */
	bool			fault;		/* a signal of its own making */
	struct uprobe_task	*utask;
	struct pt_regs		regs;
	struct process		*process;
	struct rcu_head		rcu;
	u8			*tlb[16];	/* [uprobes], as far as touched */
};

#define current_pt_regs()		(&current->regs)
#define instruction_pointer(regs)	((regs)->ip)
#define instruction_pointer_set(regs, to)	((void)((regs)->ip = (to)))
#define uprobe_get_swbp_addr(regs)	((regs)->ip - UPROBE_SWBP_INSN_SIZE)
#define __fatal_signal_pending(t)	((t)->killed)
#define uprobe_fault_pending()		(current->fault)

/* One mapping, at unit_mapped: the highest place below it that is in the limits. */
#define VM_UNMAPPED_AREA_TOPDOWN	1
#define mmap_min_addr			0x10000UL
#define TASK_SIZE			0x7ffffffff000UL
struct vm_unmapped_area_info {
	unsigned long flags, length, low_limit, high_limit;
};
extern unsigned long unit_mapped, unit_reach;
unsigned long vm_unmapped_area(struct vm_unmapped_area_info *info);

int arch_uprobe_pre_xol(struct arch_uprobe *auprobe, struct pt_regs *regs);
void arch_uprobe_copy_ixol(struct page *page, unsigned long vaddr, void *src,
			   unsigned long len);

/* ------------------------------------------------ boot, tracepoints ---- */

#define core_param(name, var, type, perm)	static_assert(1)
#define core_initcall(fn)	int unit_##fn(void); int unit_##fn(void) { return fn(); }

#define trace_slot_miss_enabled()		true
#define DECLARE_TRACEPOINT(tp)			static_assert(1)
#define tracepoint_enabled(tp)			true
#define trace_slot_flush_avoided_enabled()	true

void trace_slot_hit(unsigned long ip, unsigned long slot, u32 key, int exit);
void trace_slot_flush_avoided(unsigned long ip, unsigned long slot, u32 key);
void trace_slot_miss(unsigned long ip, unsigned long slot, u32 key, int reason,
		     int exit);
void trace_slot_contention(unsigned long ip, unsigned long slot, int reason, u64 ns);
void trace_slot_reclaim(unsigned long slot, pid_t tgid, int result, unsigned int ms);

#endif /* _UNIT_KERNEL_H */
