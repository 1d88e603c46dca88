// SPDX-License-Identifier: GPL-2.0
/*
 * The stage of the KUnit suites of uprobe slots: what stands for a process, a task
 * and a hit; and the checks that follow each case.
 */
#include <linux/delay.h>
#include <linux/vmalloc.h>

#include "uprobe_slots_kunit.h"

/* ---------------------------------------- processes, tasks, probes ---- */

void ust_process_init(struct ust_process *p, unsigned int nr_pages)
{
	init_waitqueue_head(&p->wq);
	bitmap_zero(p->bitmap, UPROBE_TRANSIENT_SLOTS);
	/* The trampoline's */
	__set_bit(0, p->bitmap);
	uprobe_slots_init(&p->root, UST_AREA, nr_pages, p->bitmap, &p->wq);
}

/* As uprobe_clear_state(): when its tasks have gone. */
void ust_process_destroy(struct ust_process *p)
{
	if (!p->root.wq)
		return;
	uprobe_slots_destroy(&p->root);
	memset(&p->root, 0, sizeof(p->root));
}

/* As uprobe_free_utask(): exit or exec. */
void ust_task_exit(struct ust_task *task)
{
	uprobe_slot_cache_free(&task->utask);
	memset(&task->utask, 0, sizeof(task->utask));
}

/* As prepare_uprobe() */
void ust_probe_code(struct kunit *kunit, struct ust_probe *p, const void *code,
		    unsigned int len, unsigned long vaddr)
{
	memset(p, 0, sizeof(*p));
	memcpy(&p->arch.insn, code, min(len, sizeof(p->arch.insn)));
	p->vaddr = vaddr;
	KUNIT_ASSERT_EQ(kunit, 0, arch_uprobe_analyze_insn(&p->arch, current->mm, vaddr));
	uprobe_slot_key_init(&p->key, &p->arch, current->mm);
}

/* The probe on instruction @nr; each is another one, at another address. */
struct ust_probe *ust_probe(struct ust_test *t, unsigned int nr)
{
	u8 code[UST_CODE_MAX] = { };
	unsigned int len;

	KUNIT_ASSERT_LT(t->kunit, nr, UST_PROBES);
	for (; t->nr_probes <= nr; t->nr_probes++) {
		len = ust_insn(code, t->nr_probes);
		ust_probe_code(t->kunit, &t->probe[t->nr_probes], code, sizeof(code),
			       UST_TEXT + t->nr_probes * UST_CODE_MAX);
		KUNIT_ASSERT_EQ(t->kunit, len, t->probe[t->nr_probes].key.len);
	}

	return &t->probe[nr];
}

/* ---------------------------------------------------------- a hit ---- */

/*
 * current is @task until ust_play_none(). It never stays so: a thread that ends
 * would free its uprobe_task.
 */
void ust_play(struct ust_task *task)
{
	current->utask = &task->utask;
	current->uprobe_slot_limit = task->limit;
}

void ust_play_none(void)
{
	/* Of the task, which the next one played here knows nothing of. */
	user_disable_single_step(current);
	current->utask = NULL;
	current->uprobe_slot_limit = 0;
}

/* xol_get_slot_nr() */
static unsigned long transient_get(struct xol_area *area)
{
	struct ust_process *p = (struct ust_process *)area;
	unsigned long nr;

	do {
		nr = find_first_zero_bit(p->bitmap, 1 + UST_TRANSIENT);
		if (nr > UST_TRANSIENT)
			return UPROBE_TRANSIENT_SLOTS;
	} while (test_and_set_bit(nr, p->bitmap));

	return nr;
}

/* xol_free_insn_slot() */
static void transient_put(struct ust_task *task)
{
	struct ust_process *p = task->process;
	unsigned long nr = (task->utask.xol_vaddr - UST_AREA) / UPROBE_XOL_SLOT_BYTES;

	task->utask.xol_vaddr = 0;
	clear_bit(nr, p->bitmap);
	smp_mb__after_atomic();	/* pairs with prepare_to_wait() */
	if (waitqueue_active(&p->wq))
		wake_up(&p->wq);
}

/* xol_get_insn_slot() */
static int transient_begin(struct ust_task *task, struct ust_probe *p, int miss)
{
	struct xol_area *area = (struct xol_area *)task->process;
	unsigned long nr = transient_get(area);

	if (nr >= UPROBE_TRANSIENT_SLOTS) {
		miss = uprobe_slots_wait(&p->key, &task->process->root, miss,
					 transient_get, area, &nr);
		if (miss <= 0)
			return miss;
	}

	task->utask.xol_vaddr = UST_AREA + nr * UPROBE_XOL_SLOT_BYTES;
	arch_uprobe_copy_ixol(task->process->page0, task->utask.xol_vaddr,
			      &p->arch.ixol, sizeof(p->arch.ixol));
	uprobe_slot_account_transient(&task->utask, &p->key, miss);
	return miss;
}

/* A task that waits and then gets a shared slot goes there with the regs of its thread. */
static int wait_is_over(struct ust_task *task, int err, const struct pt_regs *was)
{
	if (!err)
		task->regs = *current_pt_regs();
	*current_pt_regs() = *was;

	return err;
}

/* pre_ssout() */
static int begin(struct ust_task *task, struct ust_probe *p)
{
	struct pt_regs was = *current_pt_regs();
	struct uprobe_task *utask = &task->utask;
	int miss, err;

	utask->vaddr = p->vaddr;
	miss = uprobe_slot_begin(utask, &p->key, &task->regs, &task->process->root);
	if (miss <= 0)
		return miss;

	*current_pt_regs() = task->regs;
	err = wait_is_over(task, transient_begin(task, p, miss), &was);
	if (err <= 0)
		return err;

	err = arch_uprobe_pre_xol(&p->arch, &task->regs);
	if (err) {
		transient_put(task);
		return err;
	}
	utask->active_uprobe = (struct uprobe *)p;
	utask->state = UTASK_SSTEP;
	return 0;
}

/* @task hits @p; 0 if it steps now, or went to a pinned slot. */
int ust_begin(struct ust_task *task, struct ust_probe *p)
{
	int err;

	ust_user_regs(&task->regs);
	instruction_pointer_set(&task->regs, p->vaddr);
	ust_play(task);
	err = begin(task, p);
	ust_play_none();

	return err;
}

/*
 * @task waits for a transient slot, for the reason @miss. It gets one, or a shared slot:
 * see ust_in_shared().
 */
int ust_wait(struct ust_task *task, struct ust_probe *p, int miss)
{
	struct pt_regs was = *current_pt_regs();
	int err;

	ust_user_regs(current_pt_regs());
	ust_play(task);
	task->utask.vaddr = p->vaddr;
	err = wait_is_over(task, transient_begin(task, p, miss), &was);
	if (err > 0) {
		task->utask.active_uprobe = (struct uprobe *)p;
		task->utask.state = UTASK_SSTEP;
	}
	ust_play_none();

	return min(err, 0);
}

bool ust_in_shared(struct ust_task *task)
{
	return task->utask.slot;
}

/* What user mode would find at @vaddr of the area; NULL if that faults. */
const u8 *ust_code(struct ust_process *p, unsigned long vaddr)
{
	pgoff_t pgoff = (vaddr - UST_AREA) / PAGE_SIZE;
	struct page *page = pgoff ? uprobe_slots_page(&p->root, pgoff) : p->page0;

	return page ? (u8 *)page_address(page) + vaddr % PAGE_SIZE : NULL;
}

static bool is_breakpoints(const u8 *code, size_t bytes)
{
	uprobe_opcode_t swbp = UPROBE_SWBP_INSN;

	for (; bytes >= sizeof(swbp); bytes -= sizeof(swbp), code += sizeof(swbp))
		if (memcmp(code, &swbp, sizeof(swbp)))
			return false;

	return true;
}

/* P3: NULL if the slot that @task steps in holds what @p needs. */
const char *ust_fault(struct ust_task *task, struct ust_probe *p)
{
	struct uprobe_task *utask = &task->utask;
	struct uprobe_slot *s = utask->slot;
	const u8 *code;

	if (!utask->xol_vaddr || !uprobe_stepping(utask))
		return "the task steps";
	code = ust_code(task->process, utask->xol_vaddr);
	if (!code)
		return "D: the slot's page is there";
	if (instruction_pointer(&task->regs) != utask->xol_vaddr)
		return "the task goes to its slot";
	if (!s)
		return memcmp(code, &p->arch.ixol, sizeof(p->arch.ixol)) ?
		       "P3: a transient slot holds the instruction" : NULL;
	if (utask->active_uprobe)
		return "P1: a step in a shared slot has no reference on the uprobe";
	if (memcmp(code, &p->arch.ixol, p->key.len))
		return "P3: a shared slot holds the instruction";
	if (!is_breakpoints(code + p->key.len, UPROBE_SLOT_BYTES - p->key.len))
		return "P3: behind the instruction it traps";
	if (memcmp(uprobe_slot_arch(utask), &p->key.arch, sizeof(p->key.arch)))
		return "P3: a shared slot has the instruction's fix-ups";
	if (READ_ONCE(utask->slot_cache->step) != s->idx + 1)
		return "P3: a task that steps says where";
	return NULL;
}

/* The end of handle_singlestep(); what the arch does there is a case of its own. */
void ust_end(struct ust_task *task)
{
	struct uprobe_task *utask = &task->utask;

	if (!uprobe_stepping(utask))
		return;
	utask->state = UTASK_RUNNING;
	if (utask->active_uprobe) {
		utask->active_uprobe = NULL;
		transient_put(task);
	} else {
		uprobe_slot_end(utask);
	}
}

/* A hit and its step; NULL if all went well. */
const char *ust_step(struct ust_task *task, struct ust_probe *p)
{
	const char *rule;

	if (ust_begin(task, p))
		return "P2: no hit fails";
	rule = ust_fault(task, p);
	ust_end(task);
	if (!rule && (task->utask.xol_vaddr || task->utask.slot))
		rule = "P6: nothing is left of a step";

	return rule;
}

/* The same, in a shared slot or, if not @shared, in a transient one. */
const char *ust_step_in(struct ust_task *task, struct ust_probe *p, bool shared)
{
	const char *rule;

	if (ust_begin(task, p))
		return "P2: no hit fails";
	rule = ust_fault(task, p);
	if (!rule && ust_in_shared(task) != shared)
		rule = shared ? "the slot is a shared one" : "the slot is transient";
	ust_end(task);

	return rule;
}

/* --------------------------------------------------------- checks ---- */

/* Since the case began. */
u64 ust_counted(struct ust_test *t, unsigned int which)
{
	struct uprobe_slot_counters now;

	uprobe_slots_counters(&now);
	return now.c[which] - t->old.counters.c[which];
}

/* How many transient slots are taken, more than before the case. */
unsigned long ust_transient(struct ust_test *t)
{
	struct uprobe_slot_gauges now;

	uprobe_slots_gauges(&now);
	return now.transient - t->old.gauges.transient;
}

u64 ust_missed(struct ust_test *t, enum uprobe_slot_miss miss)
{
	return ust_counted(t, UPROBE_COUNT_MISS + miss);
}

u64 ust_misses(struct ust_test *t)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < UPROBE_NR_MISSES; i++)
		sum += ust_missed(t, i);
	return sum;
}

static const char *check_process(struct ust_process *p)
{
	struct uprobe_slot_area *area = p->root.area;
	const char *rule = NULL;

	if (!p->root.wq || !area)
		return NULL;

	spin_lock(&area->lock);
	if (area->nr_free + area->nr_live + area->nr_dying + area->nr_pinned !=
	    area->nr_pages * UPROBE_PAGE_SLOTS)
		rule = "P4: free + live + dying + pinned is the capacity";
	if (bitmap_weight(area->free, AREA_MAX_SLOTS) != area->nr_free)
		rule = "P4: each free slot has its bit";
	if (area->nr_pages >= p->root.nr_pages)
		rule = "P7: no more pages than were mapped";
	if (area->nr_pinned > UPROBE_PAGE_SLOTS * (UPROBE_AREA_PAGES - 1) / 2)
		rule = "P7: half of the area is pinned at most";
	spin_unlock(&area->lock);

	return rule;
}

/* P4 and what goes with it, as the file `check` says it; NULL if all is well. */
const char *ust_check(struct ust_test *t)
{
	const char *rule = uprobe_slots_check();
	unsigned int i, taken = 0;

	for (i = 0; !rule && i < UST_PROCESSES; i++)
		rule = check_process(&t->process[i]);
	for (i = 0; i < UST_TASKS; i++)
		taken += t->task[i].utask.xol_vaddr && !t->task[i].utask.slot;
	if (!rule && ust_transient(t) != taken)
		rule = "P4: page 0's bitmap is the count of transient slots";

	return rule;
}

/* A cache's own rules: its entries are counted, and found from their home. */
const char *ust_check_cache(struct uprobe_slot_cache *cache)
{
	unsigned int nr = cache->area->nr_pages * UPROBE_PAGE_SLOTS;
	unsigned int pos, at, taken = 0;
	u32 entry;

	for (pos = 0; pos < CACHE_SIZE; pos++) {
		entry = cache->entry[pos];
		if (test_bit(pos, cache->taken) != !!entry)
			return "an entry has its bit";
		if (!entry)
			continue;
		taken++;
		if (!(entry & ENTRY_IDX) || (entry & ENTRY_IDX) > nr)
			return "an entry names a slot";
		for (at = cache_home(entry); at != pos; at = cache_next(at))
			if (!cache->entry[at])
				return "P1: an entry is found from its home";
	}
	if (taken != cache->nr || taken > UPROBE_CACHE_MAX)
		return "P7: a cache counts its entries";

	return NULL;
}

/* ------------------------------------------------------- an area ---- */

/* Shared slots of an area as area_pages has it. */
unsigned int ust_capacity(void)
{
	return (uprobe_slot_knobs.area_pages - 1) * UPROBE_PAGE_SLOTS;
}

/* The first instructions take all slots. */
void ust_fill_area(struct ust_test *t, struct ust_task *task)
{
	unsigned int i;

	for (i = 0; i < ust_capacity(); i++)
		UST_STEP(t, task, ust_probe(t, i));
	KUNIT_ASSERT_EQ(t->kunit, 0, task->process->root.area->nr_free);
	KUNIT_ASSERT_EQ(t->kunit, ust_capacity(), task->process->root.area->nr_live);
}

/* Has a round of reclaim that is due come now. */
bool ust_reclaim(struct ust_process *p)
{
	return flush_delayed_work(&p->root.area->reclaim);
}

/* Off and on: all slots that nobody is in become free. */
void ust_drain(struct ust_process *p)
{
	uprobe_slots_set_enabled(false);
	ust_reclaim(p);
	uprobe_slots_set_enabled(true);
	ust_reclaim(p);
}

/* -------------------------------------------------------- threads ---- */

static int worker_main(void *data)
{
	struct ust_worker *w = data;

	allow_signal(SIGKILL);
	w->ret = w->fn(w);
	smp_store_release(&w->done, true);	/* for ust_until() */
	return 0;
}

/* Worker @nr of @t does @fn as @task; NULL if there is no thread to be had. */
struct ust_worker *ust_start(struct ust_test *t, unsigned int nr,
			     int (*fn)(struct ust_worker *w), struct ust_task *task,
			     struct ust_probe *p)
{
	struct ust_worker *w = &t->worker[nr];
	struct task_struct *thread;

	*w = (struct ust_worker){ .t = t, .fn = fn, .task = task, .probe = p, .nr = nr };
	thread = kthread_create(worker_main, w, "uprobe_slots_kunit/%u", nr);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(t->kunit, thread);
	w->thread = get_task_struct(thread);
	wake_up_process(thread);

	return w;
}

static bool is_done(void *data)
{
	struct ust_worker *w = data;

	return smp_load_acquire(&w->done);	/* with what it wrote */
}

/* Waits for its end, by force if need be; what it returned. */
int ust_finish(struct ust_worker *w)
{
	bool by_itself;

	if (!w->thread)
		return 0;
	WRITE_ONCE(w->stop, true);
	by_itself = ust_until(is_done, w);
	if (!by_itself)
		send_sig(SIGKILL, w->thread, 1);
	kthread_stop(w->thread);
	if (!by_itself)
		w->fault = "P5: who waits goes on";
	put_task_struct(w->thread);
	w->thread = NULL;

	return w->ret;
}

/* Waits for @cond, not for ever; whether it came. */
bool ust_until(bool (*cond)(void *data), void *data)
{
	unsigned long end = jiffies + 20 * HZ;

	while (!cond(data)) {
		if (time_after(jiffies, end))
			return false;
		usleep_range(500, 1000);
	}

	return true;
}

/* ------------------------------------------ before and after a case ---- */

static void knobs_default(void)
{
	uprobe_slot_knobs.cache_limit = 8;
	uprobe_slot_knobs.area_pages = 2;
	uprobe_slot_knobs.exits = UPROBE_EXIT_STEP;
	uprobe_slots_set_enabled(true);
}

int ust_init(struct kunit *kunit)
{
	struct ust_test *t;
	unsigned int i;
	int err;

	err = ust_attach_mm();
	if (err)
		return err;

	/* By pages, since a uprobe_task is aligned. */
	t = vzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	kunit->priv = t;
	t->kunit = kunit;
	t->probe = vcalloc(UST_PROBES, sizeof(*t->probe));
	for (i = 0; i < UST_PROCESSES; i++)
		t->process[i].page0 = alloc_page(GFP_KERNEL);
	/* Freed by ust_exit() in any case. */
	if (!t->probe || !t->process[0].page0 || !t->process[1].page0 ||
	    !t->process[2].page0)
		return -ENOMEM;

	t->old.enabled = static_key_enabled(&uprobe_slots_key);
	t->old.knobs = uprobe_slot_knobs;
	uprobe_slots_counters(&t->old.counters);
	uprobe_slots_gauges(&t->old.gauges);
	knobs_default();
	ust_process_init(&t->process[0], UPROBE_AREA_PAGES);
	for (i = 0; i < UST_TASKS; i++)
		t->task[i].process = &t->process[0];

	return 0;
}

/* A case that was given up may have left anybody anywhere. */
static void end_all(struct ust_test *t)
{
	unsigned int i;

	for (i = 0; i < UST_WORKERS; i++) {
		if (t->worker[i].thread)
			send_sig(SIGKILL, t->worker[i].thread, 1);
		ust_finish(&t->worker[i]);
	}
	for (i = 0; i < UST_TASKS; i++)
		ust_end(&t->task[i]);
}

static bool nothing_left(void *data)
{
	struct uprobe_slot_gauges now, *old = data;

	uprobe_slots_gauges(&now);
	return now.areas == old->areas && now.pages == old->pages &&
	       now.free == old->free && now.live == old->live && now.dying == old->dying &&
	       now.pinned == old->pinned && (old->areas || list_empty(&slot_areas));
}

void ust_exit(struct kunit *kunit)
{
	struct ust_test *t = kunit->priv;
	unsigned int i;

	if (!t)
		return;
	for (i = 0; i < UPROBE_NR_DELAYS; i++)
		uprobe_slots_set_delay(i, 0);
	end_all(t);
	if (t->process[0].root.wq)
		UST_EXPECT_FINE(kunit, ust_check(t));
	for (i = 0; i < UST_TASKS; i++)
		ust_task_exit(&t->task[i]);
	for (i = 0; i < UST_PROCESSES; i++)
		ust_process_destroy(&t->process[i]);

	if (t->old.knobs.area_pages) {
		uprobe_slot_knobs = t->old.knobs;
		uprobe_slots_set_enabled(t->old.enabled);
		KUNIT_EXPECT_TRUE_MSG(kunit, ust_until(nothing_left, &t->old.gauges),
				      "P6: nothing is left");
		KUNIT_EXPECT_EQ(kunit, 0, ust_transient(t));
	}
	rcu_barrier();
	for (i = 0; i < UST_PROCESSES; i++)
		if (t->process[i].page0)
			put_page(t->process[i].page0);
	vfree(t->probe);
	vfree(t);
}
