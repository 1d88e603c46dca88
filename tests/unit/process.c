// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process with its area, its tasks and their hits: what uprobes.c does round
 * the slots, hook by hook, and the arch below them.
 */
#include "unit.h"

/* -------------------------------------------------------- the arch ---- */

unsigned int arch_uprobe_slot_key(const struct arch_uprobe *auprobe,
				  struct mm_struct *mm, struct uprobe_slot_key *key)
{
	if (!auprobe->ops)
		return 0;
	if (auprobe->fixups & UNIT_TRAP)
		key->exit[UPROBE_EXIT_TRAP] = key->exit[UPROBE_EXIT_JUMP] =
			UPROBE_EXIT_TRAP;
	if (auprobe->fixups & UNIT_JUMP)
		key->exit[UPROBE_EXIT_JUMP] = UPROBE_EXIT_JUMP;
	if (auprobe->fixups & UNIT_NONE)
		key->exit[UPROBE_EXIT_JUMP] = UPROBE_EXIT_NONE;
	key->near = auprobe->fixups & UNIT_NEAR;
	key->arch.ops = auprobe->ops;
	memcpy(key->arch.ixol, auprobe->ixol, auprobe->ilen);
	key->arch.fixups = auprobe->fixups;
	key->arch.ilen = auprobe->ilen;
	return auprobe->ilen;
}

/* One byte, and where to. */
void arch_uprobe_slot_jump(const struct arch_uprobe *auprobe, void *code,
			   unsigned int len, unsigned long from, unsigned long to)
{
	CHECK(!memcmp(code, auprobe->ixol, len));
	*((u8 *)code + len) = 0xe9;
	memcpy(code + len + 1, &to, sizeof(to));
}

unsigned long unit_mapped, unit_reach;

unsigned long vm_unmapped_area(struct vm_unmapped_area_info *info)
{
	unsigned long end = info->high_limit;

	CHECK(info->flags == VM_UNMAPPED_AREA_TOPDOWN);
	if (unit_mapped && end > unit_mapped)
		end = unit_mapped;
	if (end < info->length || end - info->length < info->low_limit)
		return -ENOMEM;
	return end - info->length;
}

unsigned long arch_uprobe_slot_reach(void)
{
	return unit_reach;
}

bool arch_uprobe_must_step(struct pt_regs *regs)
{
	return current->stepped;
}

int arch_uprobe_pre_trap(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	return arch_uprobe_pre_xol(auprobe, regs);
}

int arch_uprobe_pre_xol(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	if (current->refuse_step)
		return -EFAULT;
	regs->ip = current->utask->xol_vaddr;
	return 0;
}

/*
 * Rule R, seen from below: the slot that is written is FREE, and nobody's hazard
 * is on it. And by halves, so that others see it half done.
 */
void arch_uprobe_copy_ixol(struct page *page, unsigned long vaddr, void *src,
			   unsigned long len)
{
	struct uprobe_slot *s = slot_of(current->process, vaddr);
	u8 *to = page->mem + vaddr % PAGE_SIZE;
	struct uprobe_slot_cache *cache;

	unit_me->nr_copies++;
	CHECK(len == UPROBE_SLOT_BYTES);
	CHECK(__atomic_load_n(&s->state, __ATOMIC_RELAXED) == SLOT_FREE);
	list_for_each_entry(cache, &current->process->root.area->tasks, node)
		CHECK(__atomic_load_n(&cache->step, __ATOMIC_RELAXED) != s->idx + 1U);
	memcpy(to, src, len / 2);
	unit_wide_point();
	memcpy(to + len / 2, src + len / 2, len - len / 2);
}

/* ---------------------------------------------------------- probes ---- */

struct uprobe *probe_make(const void *code, unsigned int len, u32 fixups,
			  bool shareable)
{
	static unsigned long vaddr = 0x400000;
	struct uprobe *u = calloc(1, sizeof(*u));

	memset(u->arch.ixol, 0x90, sizeof(u->arch.ixol));
	memcpy(u->arch.ixol, code, len);
	u->arch.ilen = len;
	u->arch.fixups = fixups;
	u->arch.ops = shareable ? probe_make : NULL;
	u->arch.flags = vaddr;
	u->vaddr = vaddr += 16;
	uprobe_slot_key_init(&u->slot_key, &u->arch, NULL);
	return u;
}

/* Instructions of several lengths, all different. */
struct uprobe *probe_new(unsigned int nr)
{
	u8 code[8] = { 0x48, nr, nr >> 8, nr >> 16, 1, 2, 3, 4 };

	return probe_make(code, 4 + nr % 5, nr % 3, true);
}

void probe_free(struct uprobe *u)
{
	free(u);
}

/* ------------------------------------------------ processes, tasks ---- */

struct process *process_new(unsigned int nr_pages, unsigned int transient)
{
	static pid_t tgid = 1000;
	struct process *p = calloc(1, sizeof(*p));

	p->transient = transient;
	p->tgid = __atomic_fetch_add(&tgid, 1, __ATOMIC_RELAXED);
	*p->bitmap = 1;				/* the trampoline's */
	uprobe_slots_init(&p->root, AREA_VADDR, nr_pages, p->bitmap, &p->wq);
	return p;
}

void process_free(struct process *p)
{
	CHECK(*p->bitmap == 1 && !p->wq.waiters);
	uprobe_slots_destroy(&p->root);
	memset(p, 0x6b, sizeof(*p));
	free(p);
}

struct task_struct *task_new(struct process *p)
{
	static pid_t pid = 2000;
	struct task_struct *t = calloc(1, sizeof(*t));

	t->pid = __atomic_fetch_add(&pid, 1, __ATOMIC_RELAXED);
	t->process = p;
	t->tgid = p->tgid;
	return t;
}

void be(struct task_struct *t)
{
	unit_me->task = t;
}

/* uprobe_free_utask() */
static void utask_free(struct task_struct *t)
{
	struct uprobe_task *utask = t->utask;

	if (!utask)
		return;
	CHECK(!uprobe_stepping(utask) && !utask->xol_vaddr);
	t->utask = NULL;
	uprobe_slot_cache_free(utask);
	free(utask);
}

void task_exec(struct task_struct *t, struct process *p)
{
	be(t);
	utask_free(t);
	t->process = p;
	t->tgid = p->tgid;
	memset(t->tlb, 0, sizeof(t->tlb));
}

static void task_rcu_free(struct rcu_head *rcu)
{
	free(container_of(rcu, struct task_struct, rcu));
}

void task_exit(struct task_struct *t)
{
	be(t);
	utask_free(t);
	call_rcu(&t->rcu, task_rcu_free);
	be(NULL);
}

/* ------------------------------------------------------------- hits ---- */

/* xol_get_slot_nr() */
static unsigned long transient_get(struct xol_area *area)
{
	struct process *p = (struct process *)area;
	unsigned long taken, free;

	unit_rmw_point(p->bitmap);
	taken = __atomic_load_n(p->bitmap, __ATOMIC_RELAXED);
	do {
		free = ~taken & ((2UL << p->transient) - 1);
		if (!free)
			return UPROBE_TRANSIENT_SLOTS;
	} while (!__atomic_compare_exchange_n(p->bitmap, &taken, taken | (free & -free),
					      false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return __builtin_ctzl(free);
}

static void transient_put(struct task_struct *t)
{
	unsigned int nr = (t->utask->xol_vaddr - AREA_VADDR) / UPROBE_XOL_SLOT_BYTES;
	struct process *p = t->process;

	t->utask->xol_vaddr = 0;
	__atomic_fetch_and(p->bitmap, ~(1UL << nr), __ATOMIC_SEQ_CST);
	if (waitqueue_active(&p->wq))
		wake_up(&p->wq);
}

/* xol_get_insn_slot() */
static int transient_begin(struct task_struct *t, struct uprobe *u, int miss)
{
	struct process *p = t->process;
	struct xol_area *area = (struct xol_area *)p;
	unsigned long nr;

	nr = transient_get(area);
	if (nr >= UPROBE_TRANSIENT_SLOTS) {
		miss = uprobe_slots_wait(&u->slot_key, &p->root, miss, transient_get, area, &nr);
		if (miss <= 0)
			return miss;
	}

	t->utask->xol_vaddr = AREA_VADDR + nr * UPROBE_XOL_SLOT_BYTES;
	memcpy(p->page0[nr], u->arch.ixol, sizeof(u->arch.ixol));
	uprobe_slot_account_transient(t->utask, &u->slot_key, miss);
	return miss;
}

/* pre_ssout() */
int step_begin(struct task_struct *t, struct uprobe *u)
{
	struct uprobe_task *utask;
	int miss, err;

	be(t);
	if (!t->utask)
		t->utask = aligned_alloc(64, 64), memset(t->utask, 0, 64);
	utask = t->utask;
	CHECK(!uprobe_stepping(utask));
	t->regs.ip = u->vaddr;
	utask->vaddr = u->vaddr;
	miss = uprobe_slot_begin(utask, &u->slot_key, &t->regs, &t->process->root);
	if (miss <= 0)
		return miss;
	err = transient_begin(t, u, miss);
	if (err <= 0)
		return err;

	err = arch_uprobe_pre_xol(&u->arch, &t->regs);
	if (err) {
		transient_put(t);
		return err;
	}
	utask->active_uprobe = u;
	utask->state = UTASK_SSTEP;
	return 0;
}

bool slot_is_of(struct uprobe_slot *s, const struct uprobe *u)
{
	return s->hash == lookup_hash(&u->slot_key, s->exit, 0) &&
	       !memcmp(&s->arch, &u->slot_key.arch, sizeof(s->arch));
}

bool in_shared(struct task_struct *t)
{
	return t->utask && t->utask->slot;
}

/* What the CPU fetches: by xol_fault() the first time, as a TLB would have it. */
static const u8 *fetch(struct task_struct *t)
{
	unsigned long offset = t->utask->xol_vaddr - AREA_VADDR;
	pgoff_t pgoff = offset / PAGE_SIZE;
	struct page *page;

	if (!in_shared(t))
		return t->process->page0[offset / UPROBE_XOL_SLOT_BYTES];
	if (!t->tlb[pgoff]) {
		page = uprobe_slots_page(&t->process->root, pgoff);
		CHECK(page);
		t->tlb[pgoff] = page->mem;
	}
	return t->tlb[pgoff] + offset % PAGE_SIZE;
}

/* P3: the slot holds the instruction, and the fix-ups that go with it. */
void step_check(struct task_struct *t, struct uprobe *u)
{
	const struct arch_uprobe *arch = uprobe_slot_arch(t->utask);
	const u8 *code = fetch(t);
	u8 traps[UPROBE_SLOT_BYTES];

	CHECK(uprobe_stepping(t->utask) && t->utask->state == UTASK_SSTEP);
	CHECK(t->utask->vaddr == u->vaddr);
	CHECK(!memcmp(code, u->arch.ixol, u->arch.ilen));
	if (!in_shared(t))
		return;
	memset(traps, UPROBE_SWBP_INSN, sizeof(traps));
	CHECK(!memcmp(code + u->arch.ilen, traps, sizeof(traps) - u->arch.ilen));
	CHECK(!memcmp(arch, &u->slot_key.arch, sizeof(*arch)));
	CHECK(t->utask->slot_cache->step == t->utask->slot->idx + 1U);
}

/* handle_singlestep() */
void step_end(struct task_struct *t)
{
	struct uprobe_task *utask = t->utask;

	be(t);
	utask->state = UTASK_RUNNING;
	if (!utask->active_uprobe) {
		uprobe_slot_end(utask);
		CHECK(!utask->xol_vaddr && !utask->slot && !utask->slot_cache->step);
		return;
	}
	utask->active_uprobe = NULL;
	transient_put(t);
}

void step(struct task_struct *t, struct uprobe *u)
{
	CHECK(!step_begin(t, u));
	step_check(t, u);
	step_end(t);
}

unsigned int transient_taken(struct process *p)
{
	return __builtin_popcountl(*p->bitmap) - 1;
}

/*
 * The task's cache forgets all. Entries are weak: nothing may depend on them, and
 * without them reclaim comes to slots that somebody is in.
 */
void forget(struct task_struct *t)
{
	if (t->utask->slot_cache)
		cache_trim(t->utask->slot_cache, 0);
}

/* ----------------------------------------------------------- checks ---- */

struct uprobe_slot *slot_of(struct process *p, unsigned long vaddr)
{
	unsigned long offset = vaddr - AREA_VADDR - PAGE_SIZE;

	return slot_at(p->root.area, offset / PAGE_SIZE * UPROBE_PAGE_SLOTS +
		       offset % PAGE_SIZE / UPROBE_SLOT_BYTES);
}

u64 counter(unsigned int which)
{
	struct uprobe_slot_counters sum;

	uprobe_slots_counters(&sum);
	return sum.c[which];
}

u64 counter_misses(void)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < UPROBE_NR_MISSES; i++)
		sum += counter(UPROBE_COUNT_MISS + i);
	return sum;
}

/* A cache's own rules: entries are found from their home, and counted. */
void check_cache(struct uprobe_slot_cache *cache)
{
	unsigned int pos, probe, nr = 0;
	u32 entry;

	for (pos = 0; pos < CACHE_SIZE; pos++) {
		entry = READ_ONCE(cache->entry[pos]);
		if (!entry)
			continue;
		nr++;
		CHECK(entry & ENTRY_IDX);
		CHECK((entry & ENTRY_IDX) <= cache->area->nr_pages * UPROBE_PAGE_SLOTS);
		for (probe = cache_home(entry); probe != pos; probe = cache_next(probe))
			CHECK(cache->entry[probe]);
	}
	CHECK(nr == cache->nr);
	CHECK(nr <= UPROBE_CACHE_MAX);
}

/* P4, from outside: the checker is content, and its sums are the capacity. */
void check_area(struct process *p)
{
	struct uprobe_slot_area *area = p->root.area;
	const char *rule = uprobe_slots_check();

	if (rule)
		unit_fail(rule, "uprobe_slots_check()", 0);
	if (!area)
		return;
	spin_lock(&area->lock);
	CHECK(area->nr_free + area->nr_live + area->nr_dying + area->nr_pinned ==
	      area->nr_pages * UPROBE_PAGE_SLOTS);
	spin_unlock(&area->lock);
	/* P7 */
	CHECK(area->nr_pages < p->root.nr_pages);
}

/* P6: after the last process went. */
void check_nothing_left(void)
{
	struct uprobe_slot_gauges g;

	unit_pass(2 * HZ);
	unit_rcu_barrier();
	unit_rcu_barrier();
	CHECK(!unit_work_pending());
	CHECK(!unit_memory.objects);
	CHECK(slot_areas.next == &slot_areas);
	uprobe_slots_gauges(&g);
	CHECK(!g.areas && !g.pages && !g.free && !g.live && !g.dying && !g.transient);
}
