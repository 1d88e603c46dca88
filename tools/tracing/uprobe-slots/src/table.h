/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file `tasks` as a table: a row a task, or a row a process.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

struct row {
	int tid;		/* of a process: that of its first task here */
	int tgid;
	size_t tasks;		/* how many the row is made of */
	uint64_t limit, limit_max;
	uint64_t entries, hits, misses;
	char *comm;		/* points into the table's text */
};

struct table {
	struct row *row;
	size_t nr;
	bool by_process;
	char *text;
};

/* Which rows, in what order. */
struct choice {
	bool by_process;
	const char *sort;	/* NULL: most executions first */
	int pid;		/* 0: all */
	const char *comm;	/* a glob; NULL: all */
	size_t max;		/* 0: all */
};

int choice_check(const struct choice *choice);
/* The names that sort takes, in the order of the columns. */
const char *sort_name(size_t nr);

int table_read(struct table *table, const struct choice *choice);
void table_free(struct table *table);
void table_print(const struct table *table);
struct json_object *table_json(const struct table *table);

/* What a head and a row look like; @size is the room. */
void table_head(const struct table *table, char *line, size_t size);
void row_line(const struct table *table, const struct row *row, char *line, size_t size);
struct row *table_find(const struct table *table, int id);
/* What @now has more than @before: what happened in between. */
void table_subtract(struct table *now, const struct table *before);
void table_sort(struct table *table, const char *name);

#endif
