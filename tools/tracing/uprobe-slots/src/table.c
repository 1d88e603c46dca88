// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file `tasks` as a table: a row a task, or a row a process.
 */
#include <fnmatch.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "slots.h"
#include "table.h"
#include "uprobe-slots.h"
#include "utils.h"

#define FILE_NAME	"tasks"
#define COLUMNS_MAX	32

/* ---------------------------------------------------------------- order -- */

static double ratio_of(const struct row *row)
{
	return percent(row->hits, row->hits + row->misses);
}

#define COMPARE(name, a_value, b_value)					\
static int by_##name(const void *pa, const void *pb)			\
{									\
	const struct row *a = pa, *b = pb;				\
									\
	return ((a_value) > (b_value)) - ((a_value) < (b_value));	\
}

COMPARE(tid, a->tid, b->tid)
COMPARE(pid, a->tgid, b->tgid)
COMPARE(tasks, b->tasks, a->tasks)
COMPARE(limit, b->limit_max, a->limit_max)
COMPARE(entries, b->entries, a->entries)
COMPARE(hits, b->hits, a->hits)
COMPARE(misses, b->misses, a->misses)
COMPARE(ratio, ratio_of(a), ratio_of(b))
COMPARE(total, b->hits + b->misses, a->hits + a->misses)

static int by_comm(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->comm, ((const struct row *)b)->comm);
}

static const struct order {
	const char *name;
	int (*compare)(const void *a, const void *b);
} orders[] = {
	{ "total", by_total },
	{ "tid", by_tid },
	{ "pid", by_pid },
	{ "tasks", by_tasks },
	{ "limit", by_limit },
	{ "entries", by_entries },
	{ "hits", by_hits },
	{ "misses", by_misses },
	{ "ratio", by_ratio },
	{ "comm", by_comm },
};

static const struct order *find_order(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(orders); i++)
		if (!name || !strcmp(orders[i].name, name))
			return &orders[i];
	return NULL;
}

const char *sort_name(size_t nr)
{
	return nr < ARRAY_SIZE(orders) ? orders[nr].name : NULL;
}

int choice_check(const struct choice *choice)
{
	char list[128] = "";
	size_t i, len = 0;

	if (find_order(choice->sort))
		return EXIT_OK;
	for (i = 0; i < ARRAY_SIZE(orders); i++)
		len += snprintf(list + len, sizeof(list) - len, " %s", orders[i].name);
	return fail(EXIT_USAGE, "no order '%s'; there are:%s", choice->sort, list);
}

/* Ties by number, so that two looks at the same thing look the same. */
static const struct order *sorting;

static int compare_rows(const void *a, const void *b)
{
	int result = sorting->compare(a, b);

	return result ? result : by_tid(a, b);
}

void table_sort(struct table *table, const char *name)
{
	sorting = find_order(name);
	if (table->nr)
		qsort(table->row, table->nr, sizeof(*table->row), compare_rows);
}

/* -------------------------------------------------------------- reading -- */

/* Where a column of the kernel's goes; those that we do not know are left out. */
static void set_field(struct row *row, const char *name, char *value)
{
	unsigned long long number = strtoull(value, NULL, 10);

	if (!strcmp(name, "tid"))
		row->tid = (int)number;
	else if (!strcmp(name, "tgid"))
		row->tgid = (int)number;
	else if (!strcmp(name, "limit"))
		row->limit = row->limit_max = number;
	else if (!strcmp(name, "entries"))
		row->entries = number;
	else if (!strcmp(name, "hits"))
		row->hits = number;
	else if (!strcmp(name, "misses"))
		row->misses = number;
	else if (!strcmp(name, "comm"))
		row->comm = value;
}

static size_t split(char *line, char **word, size_t max)
{
	size_t nr = 0;

	while (nr < max) {
		word[nr++] = line;
		if (nr == max)
			break;
		line += strcspn(line, " ");
		if (!*line)
			break;
		*line++ = '\0';
	}
	return nr;
}

/* The last column, the name, may be empty or have spaces. */
static bool parse_row(char *line, char **name, size_t columns, struct row *row)
{
	char *word[COLUMNS_MAX];
	size_t i;

	if (split(line, word, columns) != columns)
		return false;
	*row = (struct row){ .tasks = 1, .comm = "" };
	for (i = 0; i < columns; i++)
		set_field(row, name[i], word[i]);
	return row->tid && row->tgid;
}

static bool wanted(const struct row *row, const struct choice *choice)
{
	return (!choice->pid || row->tgid == choice->pid) &&
	       (!choice->comm || !fnmatch(choice->comm, row->comm, FNM_NOESCAPE));
}

static int compare_tgid_tid(const void *a, const void *b)
{
	int result = by_pid(a, b);

	return result ? result : by_tid(a, b);
}

static void add_row(struct row *sum, const struct row *row)
{
	sum->tasks++;
	if (row->limit < sum->limit)
		sum->limit = row->limit;
	if (row->limit_max > sum->limit_max)
		sum->limit_max = row->limit_max;
	sum->entries += row->entries;
	sum->hits += row->hits;
	sum->misses += row->misses;
	/* A process is named after its first thread, if that is here. */
	if (row->tid == row->tgid)
		sum->comm = row->comm;
}

static void merge(struct table *table)
{
	size_t i, nr = 0;

	if (table->nr)
		qsort(table->row, table->nr, sizeof(*table->row), compare_tgid_tid);
	for (i = 0; i < table->nr; i++)
		if (nr && table->row[nr - 1].tgid == table->row[i].tgid)
			add_row(&table->row[nr - 1], &table->row[i]);
		else
			table->row[nr++] = table->row[i];
	table->nr = nr;
}

static int add_line(struct table *table, const struct row *row)
{
	struct row *more = one_more(table->row, table->nr, sizeof(*more));

	if (!more)
		return out_of_memory();
	table->row = more;
	table->row[table->nr++] = *row;
	return EXIT_OK;
}

static int parse_table(struct table *table, const struct choice *choice)
{
	char *name[COLUMNS_MAX], *line, *rest;
	int ret = EXIT_OK;
	size_t columns;
	struct row row;

	line = strtok_r(table->text, "\n", &rest);
	if (!line)
		return fail(EXIT_FAILED, FILE_NAME ": there is no head");
	columns = split(line, name, COLUMNS_MAX);
	while (!ret && (line = strtok_r(NULL, "\n", &rest))) {
		if (!parse_row(line, name, columns, &row))
			return fail(EXIT_FAILED, FILE_NAME ": a line of another form: %s", line);
		if (wanted(&row, choice))
			ret = add_line(table, &row);
	}
	return ret;
}

int table_read(struct table *table, const struct choice *choice)
{
	int ret;

	*table = (struct table){ .by_process = choice->by_process };
	ret = slots_read(FILE_NAME, &table->text);
	if (!ret)
		ret = parse_table(table, choice);
	if (ret) {
		table_free(table);
		return ret;
	}
	if (choice->by_process)
		merge(table);
	table_sort(table, choice->sort);
	if (choice->max && table->nr > choice->max)
		table->nr = choice->max;
	return EXIT_OK;
}

void table_free(struct table *table)
{
	free(table->row);
	free(table->text);
	*table = (struct table){ 0 };
}

struct row *table_find(const struct table *table, int id)
{
	size_t i;

	for (i = 0; i < table->nr; i++)
		if ((table->by_process ? table->row[i].tgid : table->row[i].tid) == id)
			return &table->row[i];
	return NULL;
}

/* A task that was not there before is new, or has another's number. */
void table_subtract(struct table *now, const struct table *before)
{
	struct row *old;
	size_t i;

	for (i = 0; i < now->nr; i++) {
		struct row *row = &now->row[i];

		old = table_find(before, now->by_process ? row->tgid : row->tid);
		if (!old || old->hits > row->hits || old->misses > row->misses)
			continue;
		row->hits -= old->hits;
		row->misses -= old->misses;
	}
}

/* -------------------------------------------------------------- writing -- */

void table_head(const struct table *table, char *line, size_t size)
{
	if (table->by_process)
		snprintf(line, size, "%8s %6s %6s %8s %12s %12s %8s  %s",
			 "PID", "TASKS", "LIMIT", "ENTRIES", "HITS", "MISSES", "HIT%", "COMM");
	else
		snprintf(line, size, "%8s %8s %6s %8s %12s %12s %8s  %s",
			 "TID", "PID", "LIMIT", "ENTRIES", "HITS", "MISSES", "HIT%", "COMM");
}

void row_line(const struct table *table, const struct row *row, char *line, size_t size)
{
	char limit[48], ratio[16] = "-", comm[128];

	if (row->limit == row->limit_max)
		snprintf(limit, sizeof(limit), "%ju", (uintmax_t)row->limit);
	else
		snprintf(limit, sizeof(limit), "%ju-%ju", (uintmax_t)row->limit,
			 (uintmax_t)row->limit_max);
	if (row->hits + row->misses)
		snprintf(ratio, sizeof(ratio), "%.2f", ratio_of(row));
	clean_text(comm, sizeof(comm), row->comm, false);
	if (table->by_process)
		snprintf(line, size, "%8d %6zu %6s %8ju %12ju %12ju %8s  %s", row->tgid,
			 row->tasks, limit, (uintmax_t)row->entries, (uintmax_t)row->hits,
			 (uintmax_t)row->misses, ratio, comm);
	else
		snprintf(line, size, "%8d %8d %6s %8ju %12ju %12ju %8s  %s", row->tid,
			 row->tgid, limit, (uintmax_t)row->entries, (uintmax_t)row->hits,
			 (uintmax_t)row->misses, ratio, comm);
}

void table_print(const struct table *table)
{
	char line[512];
	size_t i;

	table_head(table, line, sizeof(line));
	printf("%s%s%s\n", colour(BOLD), line, colour(NORMAL));
	for (i = 0; i < table->nr; i++) {
		row_line(table, &table->row[i], line, sizeof(line));
		puts(line);
	}
}

static struct json_object *row_json(const struct table *table, const struct row *row)
{
	struct json_object *object = json_object_new_object();
	uint64_t all = row->hits + row->misses;

	if (!table->by_process)
		json_add_number(object, "tid", row->tid);
	json_add_number(object, "pid", row->tgid);
	if (table->by_process) {
		json_add_number(object, "tasks", row->tasks);
		json_add_number(object, "limit_min", row->limit);
		json_add_number(object, "limit_max", row->limit_max);
	} else {
		json_add_number(object, "limit", row->limit);
	}
	json_add_number(object, "entries", row->entries);
	json_add_number(object, "hits", row->hits);
	json_add_number(object, "misses", row->misses);
	json_add_double(object, "hit_percent", all ? ratio_of(row) : NAN);
	json_add_text(object, "comm", row->comm);
	return object;
}

struct json_object *table_json(const struct table *table)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; array && i < table->nr; i++)
		json_object_array_add(array, row_json(table, &table->row[i]));
	return array;
}
