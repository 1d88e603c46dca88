// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's slot events, and counts of them by process.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event-parse.h>
#include <json-c/json.h>

#include "events.h"
#include "uprobe-slots.h"
#include "utils.h"

/* A dynamic uprobe event may be in this system, under such a name, too. */
static bool is_slot_event(struct tep_event *event)
{
	return !strcmp(event->system, SLOT_SYSTEM) &&
	       !strncmp(event->name, SLOT_PREFIX, strlen(SLOT_PREFIX)) &&
	       !tep_find_field(event, "__probe_ip") && !tep_find_field(event, "__probe_func");
}

static void find_words(struct slot_event *event)
{
	struct tep_print_flag_sym *sym;
	struct word_field *field;
	struct tep_print_arg *arg;

	for (arg = event->tep->print_fmt.args; arg; arg = arg->next) {
		if (arg->type != TEP_PRINT_SYMBOL || arg->symbol.field->type != TEP_PRINT_FIELD ||
		    event->nr_fields == FIELDS_MAX)
			continue;
		field = &event->field[event->nr_fields++];
		field->name = arg->symbol.field->field.name;
		for (sym = arg->symbol.symbols; sym && field->nr < WORDS_MAX; sym = sym->next) {
			field->word[field->nr] = sym->str;
			field->value[field->nr++] = strtoull(sym->value, NULL, 0);
		}
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct slot_event *)a)->name, ((const struct slot_event *)b)->name);
}

void events_find(struct tep_handle *tep, struct events *events)
{
	int i, nr = tep_get_events_count(tep);
	struct slot_event *event;

	events->nr = 0;
	for (i = 0; i < nr && events->nr < EVENTS_MAX; i++) {
		if (!is_slot_event(tep_get_event(tep, i)))
			continue;
		event = &events->event[events->nr++];
		*event = (struct slot_event){ .tep = tep_get_event(tep, i) };
		event->name = event->tep->name;
		event->of_task = tep_find_field(event->tep, "ip");
		event->waits = tep_find_field(event->tep, "wait_ns");
		find_words(event);
	}
	qsort(events->event, events->nr, sizeof(events->event[0]), by_name);
}

struct slot_event *events_named(struct events *events, const char *name)
{
	size_t i;

	for (i = 0; i < events->nr; i++)
		if (!strcmp(events->event[i].name, name))
			return &events->event[i];
	return NULL;
}

const struct word_field *event_field(const struct slot_event *event, const char *name)
{
	size_t i;

	for (i = 0; i < event->nr_fields; i++)
		if (!strcmp(event->field[i].name, name))
			return &event->field[i];
	return NULL;
}

int field_word(const struct word_field *field, unsigned long long value)
{
	size_t i;

	for (i = 0; i < field->nr; i++)
		if (field->value[i] == value)
			return (int)i;
	return -1;
}

const char *event_keys(const struct slot_event *event)
{
	static char keys[128];
	size_t i, len = 0;

	for (i = 0; i < event->nr_fields && len < sizeof(keys); i++)
		len += snprintf(keys + len, sizeof(keys) - len, "%s%s", len ? "," : "",
				event->field[i].name);
	return len ? keys : NULL;
}

bool record_number(struct tep_event *event, struct tep_record *record, const char *field,
		   unsigned long long *value)
{
	struct tep_format_field *f = tep_find_any_field(event, field);

	/* A truncated record must not be read beyond its end. */
	return f && f->offset + f->size <= record->size &&
	       !tep_read_number_field(f, record->data, value);
}

bool record_text(struct tep_event *event, struct tep_record *record, const char *field,
		 char *text, size_t size)
{
	struct tep_format_field *f = tep_find_any_field(event, field);

	if (!f || f->offset + f->size > record->size)
		return false;
	snprintf(text, size, "%.*s", f->size, (const char *)record->data + f->offset);
	return true;
}

static void add_field(struct json_object *object, struct slot_event *event,
		      struct tep_record *record, struct tep_format_field *field)
{
	const struct word_field *words = event_field(event, field->name);
	unsigned long long value;
	char text[32];
	int word;

	if (!record_number(event->tep, record, field->name, &value))
		return;
	word = words ? field_word(words, value) : -1;
	if (word >= 0) {
		json_add_text(object, field->name, words->word[word]);
	} else if (!strcmp(field->name, "ip") || !strcmp(field->name, "slot") ||
		   !strcmp(field->name, "key")) {
		snprintf(text, sizeof(text), "0x%llx", value);
		json_add_text(object, field->name, text);
	} else {
		json_add_number(object, field->name, value);
	}
}

struct json_object *record_json(struct slot_event *event, struct tep_record *record,
				int tid, const char *comm)
{
	struct json_object *object = json_object_new_object();
	struct tep_format_field *field;
	char clean[80];

	clean_text(clean, sizeof(clean), comm, true);
	json_add_text(object, "event", event->name);
	json_add_double(object, "time", record->ts / 1e9);
	json_add_number(object, "cpu", record->cpu);
	json_add_number(object, "tid", tid);
	json_add_text(object, "comm", clean);
	for (field = event->tep->format.fields; field; field = field->next)
		add_field(object, event, record, field);
	return object;
}

/* ------------------------------------------------------------- counts -- */

struct process *counts_process(struct counts *counts, int pid)
{
	struct process *more;
	size_t i;

	for (i = counts->nr; i > 0; i--)
		if (counts->process[i - 1].pid == pid)
			return &counts->process[i - 1];
	more = one_more(counts->process, counts->nr, sizeof(*more));
	if (!more)
		return NULL;
	counts->process = more;
	counts->process[counts->nr] = (struct process){ .pid = pid };
	return &counts->process[counts->nr++];
}

static void count_add(struct count *count, const int *words, uint64_t nr, uint64_t wait_ns)
{
	size_t i;

	count->nr += nr;
	count->wait_ns += wait_ns;
	for (i = 0; words && i < FIELDS_MAX; i++)
		if (words[i] >= 0)
			count->of_word[i][words[i]] += nr;
}

static struct process *named_process(struct counts *counts, int pid, int tid, const char *comm)
{
	struct process *process = counts_process(counts, pid);

	if (process && comm && !process->named) {
		clean_text(process->comm, sizeof(process->comm), comm, true);
		process->named = pid == tid;
	}
	return process;
}

int counts_add(struct counts *counts, int pid, int tid, const char *comm, size_t event,
	       const int *words, uint64_t nr, uint64_t wait_ns)
{
	struct process *process = named_process(counts, pid, tid, comm);

	if (!process)
		return out_of_memory();
	count_add(&process->count[event], words, nr, wait_ns);
	count_add(&counts->total.count[event], words, nr, wait_ns);
	return EXIT_OK;
}

static void counts_sum(struct process *to, const struct process *from)
{
	size_t e, f, w;

	for (e = 0; e < EVENTS_MAX; e++) {
		count_add(&to->count[e], NULL, from->count[e].nr, from->count[e].wait_ns);
		for (f = 0; f < FIELDS_MAX; f++)
			for (w = 0; w < WORDS_MAX; w++)
				to->count[e].of_word[f][w] += from->count[e].of_word[f][w];
	}
}

int counts_add_all(struct counts *counts, int pid, const struct process *task, const char *comm)
{
	struct process *process = named_process(counts, pid, task->pid, comm);

	if (!process)
		return out_of_memory();
	counts_sum(process, task);
	counts_sum(&counts->total, task);
	return EXIT_OK;
}

void counts_free(struct counts *counts)
{
	free(counts->process);
	*counts = (struct counts){ 0 };
}

uint64_t count_of(const struct process *process, struct events *events, const char *name)
{
	struct slot_event *event = events_named(events, name);

	return event ? process->count[event - events->event].nr : 0;
}

double process_percent(const struct process *process, struct events *events)
{
	double hits = count_of(process, events, "slot_hit");
	double all = hits + count_of(process, events, "slot_miss");

	return all ? percent(hits, all) : NAN;
}

static struct events *sorting;

static int by_executions(const void *a, const void *b)
{
	const struct process *pa = a, *pb = b;
	uint64_t na = count_of(pa, sorting, "slot_hit") + count_of(pa, sorting, "slot_miss");
	uint64_t nb = count_of(pb, sorting, "slot_hit") + count_of(pb, sorting, "slot_miss");

	return na != nb ? (na < nb) - (na > nb) : pa->pid - pb->pid;
}

void counts_sort(struct counts *counts, struct events *events)
{
	sorting = events;
	if (counts->nr)
		qsort(counts->process, counts->nr, sizeof(*counts->process), by_executions);
}

/* Why it came about needs no more words; of another field its name is said. */
static void print_words(const struct word_field *field, const uint64_t *of_word)
{
	bool why = !strcmp(field->name, "reason") || !strcmp(field->name, "result");
	size_t i;

	for (i = 0; i < field->nr; i++)
		if (of_word[i])
			printf("  %14ju    %s%s%s\n", (uintmax_t)of_word[i],
			       why ? "" : field->name, why ? "" : " ", field->word[i]);
}

static void print_count(const struct slot_event *event, const struct count *count)
{
	size_t i;

	printf("  %14ju  %s", (uintmax_t)count->nr, event->name);
	if (event->waits && count->nr)
		printf(", %.3f ms in all", count->wait_ns / 1e6);
	printf("\n");
	for (i = 0; i < event->nr_fields; i++)
		print_words(&event->field[i], count->of_word[i]);
}

void process_print(const struct process *process, struct events *events)
{
	double ratio = process_percent(process, events);
	size_t i;

	for (i = 0; i < events->nr; i++)
		if (events->event[i].of_task || process->count[i].nr)
			print_count(&events->event[i], &process->count[i]);
	if (isnan(ratio))
		printf("  %14s  hit ratio\n", "-");
	else
		printf("  %12.2f %%  hit ratio\n", ratio);
}

static struct json_object *words_json(const struct word_field *field, const uint64_t *of_word)
{
	struct json_object *object = json_object_new_object();
	size_t i;

	for (i = 0; i < field->nr; i++)
		if (of_word[i])
			json_add_number(object, field->word[i], of_word[i]);
	return object;
}

static struct json_object *count_json(const struct slot_event *event, const struct count *count)
{
	struct json_object *object = json_object_new_object();
	size_t i;

	json_add_number(object, "count", count->nr);
	if (event->waits)
		json_add_number(object, "wait_ns", count->wait_ns);
	for (i = 0; i < event->nr_fields; i++)
		json_object_object_add(object, event->field[i].name,
				       words_json(&event->field[i], count->of_word[i]));
	return object;
}

struct json_object *process_json(const struct process *process, struct events *events)
{
	struct json_object *object = json_object_new_object();
	size_t i;

	if (process->pid) {
		json_add_number(object, "pid", process->pid);
		json_add_text(object, "comm", process->comm);
	}
	for (i = 0; i < events->nr; i++)
		json_object_object_add(object, events->event[i].name,
				       count_json(&events->event[i], &process->count[i]));
	json_add_double(object, "hit_percent", process_percent(process, events));
	return object;
}

struct json_object *counts_json(struct counts *counts, struct events *events)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < counts->nr; i++)
		json_object_array_add(array, process_json(&counts->process[i], events));
	return array;
}
