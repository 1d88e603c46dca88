// SPDX-License-Identifier: GPL-2.0-only
/*
 * What advise measures: which instructions the tasks execute out of line, how often, and
 * how they leave their slots; and what that adds up to.
 */
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "uprobe-slots.h"
#include "uses.h"
#include "utils.h"

/* One task's executions of one instruction. */
struct use {
	int tid, pid;
	unsigned long long key;
	uint64_t nr;
	bool pinned, trap;		/* how it leaves its slot */
};

/* ------------------------------------------------------------ measuring -- */

int uses_start(struct session *s)
{
	struct slot_event *hit = events_named(&s->events, "slot_hit");
	struct slot_event *miss = events_named(&s->events, "slot_miss");
	int ret;

	if (!hit || !miss)
		return fail(EXIT_NO_FEATURE, "this kernel has no events slot_hit and slot_miss");
	ret = session_hist(s, hit, event_field(hit, "exit") ? "key,exit" : "key", NULL, NULL);
	/* What cannot be shared needs no shared slot. */
	if (!ret)
		ret = session_hist(s, miss, event_field(miss, "exit") ? "key,exit" : "key", NULL,
				   "!unshareable");
	return ret;
}

/* "" if it has no such field, or no word for the value. */
static const char *word_of(const struct slot_event *event, const struct hist_entry *entry,
			   const char *name)
{
	const struct word_field *field = event_field(event, name);
	int word = field ? field_word(field, hist_number(entry, name)) : -1;

	return word < 0 ? "" : field->word[word];
}

static void add_exit(struct uses *uses, const char *exit, uint64_t nr)
{
	size_t i;

	for (i = 0; uses->exit && i < uses->exit->nr; i++)
		if (!strcmp(uses->exit->word[i], exit))
			uses->of_exit[i] += nr;
}

uint64_t uses_of_exit(const struct uses *uses, const char *exit)
{
	size_t i;

	for (i = 0; uses->exit && i < uses->exit->nr; i++)
		if (!strcmp(uses->exit->word[i], exit))
			return uses->of_exit[i];
	return 0;
}

static int add_use(struct session *s, const struct slot_event *event,
		   const struct hist_entry *entry, void *data)
{
	struct uses *uses = data;
	const char *exit = word_of(event, entry, "exit");
	struct use *more = one_more(uses->use, uses->nr, sizeof(*more));

	if (!more)
		return out_of_memory();
	uses->use = more;
	more = &uses->use[uses->nr++];
	*more = (struct use){
		.tid = entry->tid,
		.pid = procs_pid_live(&s->procs, entry->tid),
		.key = hist_number(entry, "key"),
		.nr = hist_number(entry, "hitcount"),
		.pinned = !strcmp(exit, "jump") || !strcmp(exit, "none"),
		.trap = !strcmp(exit, "trap"),
	};
	add_exit(uses, exit, more->nr);
	return counts_add(&uses->names, more->pid, entry->tid, entry->comm, 0, NULL, more->nr, 0);
}

int uses_read(struct session *s, struct uses *uses)
{
	int ret;

	uses->exit = event_field(events_named(&s->events, "slot_hit"), "exit");
	ret = session_hist_read(s, events_named(&s->events, "slot_hit"), add_use, uses);
	if (!ret)
		ret = session_hist_read(s, events_named(&s->events, "slot_miss"), add_use, uses);
	return ret;
}

/* ------------------------------------------------------------- adding up -- */

static int by_task_key(const void *a, const void *b)
{
	const struct use *ua = a, *ub = b;

	if (ua->tid != ub->tid)
		return ua->tid < ub->tid ? -1 : 1;
	return (ua->key > ub->key) - (ua->key < ub->key);
}

static int by_task_number(const void *a, const void *b)
{
	const struct use *ua = a, *ub = b;

	if (ua->tid != ub->tid)
		return ua->tid < ub->tid ? -1 : 1;
	return (ua->nr < ub->nr) - (ua->nr > ub->nr);
}

static int by_process_key(const void *a, const void *b)
{
	const struct use *ua = a, *ub = b;

	if (ua->pid != ub->pid)
		return ua->pid < ub->pid ? -1 : 1;
	return (ua->key > ub->key) - (ua->key < ub->key);
}

/* Hits, and misses of each reason, are entries of their own. */
static void merge(struct uses *uses)
{
	size_t i, nr = 0;

	qsort(uses->use, uses->nr, sizeof(*uses->use), by_task_key);
	for (i = 0; i < uses->nr; i++) {
		struct use *last = nr ? &uses->use[nr - 1] : NULL;

		if (last && !by_task_key(last, &uses->use[i])) {
			last->nr += uses->use[i].nr;
			last->pinned |= uses->use[i].pinned;
			last->trap |= uses->use[i].trap;
		} else {
			uses->use[nr++] = uses->use[i];
		}
	}
	uses->nr = nr;
}

/* @use: a task's, most used first. How many make up HOT_PERCENT of all? */
static size_t working_set(const struct use *use, size_t nr)
{
	uint64_t all = 0, sum = 0;
	size_t i;

	for (i = 0; i < nr; i++)
		all += use[i].nr;
	for (i = 0; i < nr && sum * 100 < all * HOT_PERCENT; i++)
		sum += use[i].nr;
	return i;
}

static void find_limit(struct uses *uses, struct finding *f)
{
	size_t i, end, set;

	qsort(uses->use, uses->nr, sizeof(*uses->use), by_task_number);
	for (i = 0; i < uses->nr; i = end) {
		for (end = i; end < uses->nr && uses->use[end].tid == uses->use[i].tid; end++)
			f->executions += uses->use[end].nr;
		f->tasks++;
		set = working_set(&uses->use[i], end - i);
		if (set <= f->limit)
			continue;
		f->limit = set;
		f->tid = uses->use[i].tid;
		f->limit_pid = uses->use[i].pid;
	}
}

/*
 * At most half of an area is pinned. Once it is, what would be pinned ends by a
 * breakpoint: then that counts, too.
 */
static size_t slots_needed(size_t keys, size_t pinned, size_t traps, size_t slots_now)
{
	if (pinned && 2 * pinned >= slots_now)
		pinned += traps;
	return 2 * pinned > keys ? 2 * pinned : keys;
}

/* @slots_now: those that a process may have. */
static void find_keys(struct uses *uses, size_t slots_now, struct finding *f)
{
	size_t i, keys = 0, pinned = 0, traps = 0, slots;

	qsort(uses->use, uses->nr, sizeof(*uses->use), by_process_key);
	for (i = 0; i < uses->nr; i++) {
		const struct use *use = &uses->use[i];

		if (!i || use[-1].pid != use->pid) {
			f->processes++;
			keys = pinned = traps = 0;
		}
		if (!keys || use[-1].key != use->key) {
			keys++;
			pinned += use->pinned;
			traps += use->trap;
		}
		if (keys > f->keys) {
			f->keys = keys;
			f->keys_pid = use->pid;
		}
		slots = slots_needed(keys, pinned, traps, slots_now);
		if (slots > f->slots)
			f->slots = slots;
	}
}

void uses_find(struct uses *uses, size_t pages_now, size_t page_slots, struct finding *f)
{
	*f = (struct finding){ .page_slots = page_slots };
	if (!uses->nr)
		return;
	merge(uses);
	find_limit(uses, f);
	find_keys(uses, pages_now ? (pages_now - 1) * page_slots : 0, f);
	f->pages = 1 + (f->slots + page_slots - 1) / page_slots;
}

void uses_free(struct uses *uses)
{
	counts_free(&uses->names);
	free(uses->use);
}
