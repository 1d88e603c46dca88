// SPDX-License-Identifier: GPL-2.0-only
/*
 * report: what a trace.dat says, by process, by probe, by reason.
 *
 * The file is read in a process of its own: it may be truncated or worse, and
 * libtracecmd trusts it.
 */
#include <errno.h>
#include <math.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uprobe-slots.h"
#include "utils.h"

#ifdef HAVE_TRACECMD

#include <event-parse.h>
#include <trace-cmd.h>

#include "events.h"
#include "marks.h"
#include "procs.h"

#define BUCKETS		64

struct probe {
	int pid;
	unsigned long long ip;
	uint64_t hits, misses;
};

struct report {
	const char *file;
	struct tep_handle *tep;
	struct events events;
	struct procs procs;
	struct counts by_tid, counts;
	struct probe *probe;		/* by tid until finish() */
	size_t nr_probes;
	void *probes;			/* tree of indexes into it, + 1 */
	uint64_t waits[BUCKETS];	/* by the highest bit of wait_ns */
	uint64_t lost, records;
	unsigned long long first, last;
	size_t max;
};

/* -------------------------------------------------------------- probes -- */

/* The tree's nodes are small: the table of probes moves when it grows. */
struct probe_key {
	int tid;
	unsigned long long ip;
	size_t index;
};

static int by_key(const void *a, const void *b)
{
	const struct probe_key *ka = a, *kb = b;

	if (ka->tid != kb->tid)
		return ka->tid < kb->tid ? -1 : 1;
	return (ka->ip > kb->ip) - (ka->ip < kb->ip);
}

static struct probe *add_probe(struct report *r, struct probe_key *key)
{
	struct probe *more = one_more(r->probe, r->nr_probes, sizeof(*more));

	if (!more)
		return NULL;
	r->probe = more;
	key->index = r->nr_probes++;
	r->probe[key->index] = (struct probe){ .pid = key->tid, .ip = key->ip };
	return &r->probe[key->index];
}

static struct probe *find_probe(struct report *r, int tid, unsigned long long ip)
{
	const struct probe_key want = { .tid = tid, .ip = ip };
	struct probe_key *key;
	void *node = tfind(&want, &r->probes, by_key);

	if (node)
		return &r->probe[(*(struct probe_key **)node)->index];
	key = malloc(sizeof(*key));
	if (!key)
		return NULL;
	*key = want;
	if (!tsearch(key, &r->probes, by_key)) {
		free(key);
		return NULL;
	}
	return add_probe(r, key);
}

static int by_process_ip(const void *a, const void *b)
{
	const struct probe *pa = a, *pb = b;

	if (pa->pid != pb->pid)
		return pa->pid < pb->pid ? -1 : 1;
	return (pa->ip > pb->ip) - (pa->ip < pb->ip);
}

static int by_executions(const void *a, const void *b)
{
	const struct probe *pa = a, *pb = b;
	uint64_t na = pa->hits + pa->misses, nb = pb->hits + pb->misses;

	return na != nb ? (na < nb) - (na > nb) : by_process_ip(a, b);
}

/* From tasks to processes. */
static void merge_probes(struct report *r)
{
	size_t i, nr = 0;

	for (i = 0; i < r->nr_probes; i++)
		r->probe[i].pid = procs_pid(&r->procs, r->probe[i].pid);
	if (r->nr_probes)
		qsort(r->probe, r->nr_probes, sizeof(*r->probe), by_process_ip);
	for (i = 0; i < r->nr_probes; i++) {
		if (nr && !by_process_ip(&r->probe[nr - 1], &r->probe[i])) {
			r->probe[nr - 1].hits += r->probe[i].hits;
			r->probe[nr - 1].misses += r->probe[i].misses;
		} else {
			r->probe[nr++] = r->probe[i];
		}
	}
	r->nr_probes = nr;
	if (nr)
		qsort(r->probe, nr, sizeof(*r->probe), by_executions);
}

/* ------------------------------------------------------------- reading -- */

static void read_mark(struct report *r, struct tep_event *event, struct tep_record *record)
{
	struct tep_format_field *buf = tep_find_field(event, "buf");
	char text[2048];
	int tid, pid, len, n;
	const char *at;

	if (!buf || buf->offset >= record->size)
		return;
	len = record->size - buf->offset;
	snprintf(text, sizeof(text), "%.*s", len, (char *)record->data + buf->offset);
	if (strncmp(text, MARK, strlen(MARK)))
		return;
	for (at = text + strlen(MARK); sscanf(at, " %d=%d%n", &tid, &pid, &n) == 2; at += n)
		procs_set(&r->procs, tid, pid);
}

static void add_wait(struct report *r, unsigned long long ns)
{
	r->waits[ns ? 63 - __builtin_clzll(ns) : 0]++;
}

static int add_slot_record(struct report *r, size_t index, struct tep_record *record, int tid)
{
	const struct slot_event *event = &r->events.event[index];
	unsigned long long value, wait_ns = 0;
	int words[FIELDS_MAX] = { -1, -1 };
	struct probe *probe;
	size_t i;
	int ret;

	for (i = 0; i < event->nr_fields; i++)
		if (record_number(event->tep, record, event->field[i].name, &value))
			words[i] = field_word(&event->field[i], value);
	if (event->waits && record_number(event->tep, record, "wait_ns", &wait_ns))
		add_wait(r, wait_ns);
	/* Of a worker: the process is a field. */
	if (!event->of_task && record_number(event->tep, record, "tgid", &value))
		tid = (int)value;
	ret = counts_add(&r->by_tid, tid, tid, NULL, index, words, 1, wait_ns);
	if (ret || !event->of_task || !record_number(event->tep, record, "ip", &value))
		return ret;
	probe = find_probe(r, tid, value);
	if (!probe)
		return out_of_memory();
	probe->hits += !strcmp(event->name, "slot_hit");
	probe->misses += !strcmp(event->name, "slot_miss");
	return EXIT_OK;
}

static int on_record(struct tracecmd_input *handle, struct tep_record *record, int cpu, void *data)
{
	struct report *r = data;
	struct tep_event *event = tep_find_event_by_record(r->tep, record);
	int tid = tep_data_pid(r->tep, record);
	size_t i;

	(void)handle;
	(void)cpu;
	if (record->missed_events)
		r->lost += record->missed_events > 0 ? record->missed_events : 1;
	if (!event || procs_learn(&r->procs, event, record, tid))
		return 0;
	if (!strcmp(event->name, "print"))
		read_mark(r, event, record);
	for (i = 0; i < r->events.nr; i++) {
		if (r->events.event[i].tep != event)
			continue;
		if (!r->records++)
			r->first = record->ts;
		r->last = record->ts;
		return add_slot_record(r, i, record, tid);
	}
	return 0;
}

static int read_handle(struct report *r, struct tracecmd_input *handle)
{
	r->tep = tracecmd_get_tep(handle);
	if (!r->tep)
		return fail(EXIT_FAILED, "%s: a damaged trace", r->file);
	events_find(r->tep, &r->events);
	return tracecmd_iterate_events(handle, NULL, 0, on_record, r) ? EXIT_FAILED : EXIT_OK;
}

static void finish(struct report *r)
{
	size_t i;

	for (i = 0; i < r->by_tid.nr; i++) {
		const struct process *task = &r->by_tid.process[i];

		counts_add_all(&r->counts, procs_pid(&r->procs, task->pid), task,
			       tep_data_comm_from_pid(r->tep, task->pid));
	}
	counts_sort(&r->counts, &r->events);
	merge_probes(r);
}

/* ------------------------------------------------------------- writing -- */

static void print_probes(const struct report *r)
{
	size_t i, nr = r->max && r->max < r->nr_probes ? r->max : r->nr_probes;

	printf("\n%sprobes: %zu%s\n", colour(BOLD), r->nr_probes, colour(NORMAL));
	printf("%8s %18s %12s %12s %8s\n", "PID", "IP", "HITS", "MISSES", "HIT%");
	for (i = 0; i < nr; i++) {
		const struct probe *p = &r->probe[i];

		printf("%8d %#18llx %12ju %12ju %8.2f\n", p->pid, p->ip, (uintmax_t)p->hits,
		       (uintmax_t)p->misses, percent(p->hits, p->hits + p->misses));
	}
	if (nr < r->nr_probes)
		printf("  … and %zu more\n", r->nr_probes - nr);
}

static void print_waits(const struct report *r)
{
	uint64_t most = 0;
	int i;

	for (i = 0; i < BUCKETS; i++)
		most = r->waits[i] > most ? r->waits[i] : most;
	if (!most)
		return;
	printf("\n%swaits%s\n%14s %14s %12s\n", colour(BOLD), colour(NORMAL), "FROM (us)",
	       "TO (us)", "COUNT");
	for (i = 0; i < BUCKETS; i++)
		if (r->waits[i])
			printf("%14.3f %14.3f %12ju %.*s\n", i ? ldexp(1, i) / 1e3 : 0,
			       ldexp(1, i + 1) / 1e3, (uintmax_t)r->waits[i],
			       (int)(r->waits[i] * 30 / most), "##############################");
}

static void print_report(const struct report *r, struct events *events)
{
	size_t i;

	printf("%s: %ju slot events in %.3f s\n", r->file, (uintmax_t)r->records,
	       (r->last - r->first) / 1e9);
	process_print(&r->counts.total, events);
	for (i = 0; i < r->counts.nr; i++) {
		printf("\n%sprocess %d (%s)%s\n", colour(BOLD), r->counts.process[i].pid,
		       r->counts.process[i].comm, colour(NORMAL));
		process_print(&r->counts.process[i], events);
	}
	print_probes(r);
	print_waits(r);
}

static struct json_object *probes_json(const struct report *r)
{
	struct json_object *array = json_object_new_array();
	char ip[32];
	size_t i;

	for (i = 0; i < r->nr_probes; i++) {
		struct json_object *object = json_object_new_object();
		const struct probe *p = &r->probe[i];

		snprintf(ip, sizeof(ip), "%#llx", p->ip);
		json_add_number(object, "pid", p->pid);
		json_add_text(object, "ip", ip);
		json_add_number(object, "hits", p->hits);
		json_add_number(object, "misses", p->misses);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *waits_json(const struct report *r)
{
	struct json_object *array = json_object_new_array();
	int i;

	for (i = 0; i < BUCKETS; i++) {
		struct json_object *object;

		if (!r->waits[i])
			continue;
		object = json_object_new_object();
		json_add_number(object, "from_ns", i ? 1ull << i : 0);
		json_add_number(object, "to_ns", i < 63 ? 2ull << i : UINT64_MAX);
		json_add_number(object, "count", r->waits[i]);
		json_object_array_add(array, object);
	}
	return array;
}

static int report_json(struct report *r)
{
	struct json_object *object = json_object_new_object();

	json_add_text(object, "file", r->file);
	json_add_number(object, "records", r->records);
	json_add_double(object, "seconds", (r->last - r->first) / 1e9);
	json_object_object_add(object, "total", process_json(&r->counts.total, &r->events));
	json_object_object_add(object, "processes", counts_json(&r->counts, &r->events));
	json_object_object_add(object, "probes", probes_json(r));
	json_object_object_add(object, "waits", waits_json(r));
	json_add_number(object, "lost", r->lost);
	return print_json(object);
}

static int read_file_in(struct report *r, struct tracecmd_input *handle)
{
	int i, ret, nr = tracecmd_buffer_instances(handle);

	ret = read_handle(r, handle);
	for (i = 0; i < nr && !ret; i++) {
		struct tracecmd_input *buffer = tracecmd_buffer_instance_handle(handle, i);

		if (!buffer)
			return fail(EXIT_FAILED, "%s: a damaged trace", r->file);
		ret = read_handle(r, buffer);
		tracecmd_close(buffer);
	}
	return ret;
}

static int report(struct report *r, bool json)
{
	struct tracecmd_input *handle;
	int ret;

	tracecmd_set_loglevel(TEP_LOG_NONE);
	tep_set_loglevel(TEP_LOG_NONE);
	handle = tracecmd_open(r->file, TRACECMD_FL_LOAD_NO_PLUGINS);
	if (!handle)
		return fail(EXIT_FAILED, "%s is no trace.dat, or a damaged one", r->file);
	ret = read_file_in(r, handle);
	if (!ret && !r->events.nr)
		ret = fail(EXIT_FAILED, "%s has no slot events", r->file);
	if (!ret) {
		finish(r);
		if (json)
			ret = report_json(r);
		else
			print_report(r, &r->events);
		if (r->lost)
			note("at least %ju events were lost: the figures are too low",
			     (uintmax_t)r->lost);
	}
	tracecmd_close(handle);
	tdestroy(r->probes, free);
	free(r->probe);
	counts_free(&r->by_tid);
	counts_free(&r->counts);
	procs_free(&r->procs);
	return ret;
}

static int report_guarded(struct report *r, bool json)
{
	static const struct rlimit no_core = { 0 };
	int status;
	pid_t pid;

	if (access(r->file, R_OK))
		return fail(errno == EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED, "reading %s: %m",
			    r->file);
	pid = fork();
	if (pid < 0)
		return fail(EXIT_FAILED, "cannot start a process: %m");
	if (!pid) {
		setrlimit(RLIMIT_CORE, &no_core);
		status = report(r, json);
		if (fflush(stdout) && !status)
			status = fail(EXIT_FAILED, "cannot write the output: %m");
		_exit(status);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return fail(EXIT_FAILED, "%s is damaged: reading it ended with signal %d", r->file,
		    WTERMSIG(status));
}

#else

struct report {
	const char *file;
	size_t max;
};

static int report_guarded(struct report *r, bool json)
{
	(void)json;
	return fail(EXIT_FAILED, "%s: this uprobe-slots was built without libtracecmd", r->file);
}

#endif

static int report_main(const struct verb *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION,
		{ "limit", required_argument, NULL, 'n' },
		{ 0 }
	};
	struct report r = { .max = 20 };
	unsigned long long max;
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "+hjn:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return verb_help(self);
		case 'j':
			json = true;
			break;
		case 'n':
			if (!parse_number(optarg, &max))
				return fail(EXIT_USAGE, "'%s' is no number of lines", optarg);
			r.max = max;
			break;
		default:
			return verb_usage(self);
		}
	}
	if (argc - optind != 1)
		return fail(EXIT_USAGE, "report takes one FILE");
	r.file = argv[optind];
	return report_guarded(&r, json);
}

const struct verb report_verb = {
	.name = "report",
	.summary = "what a trace.dat says, by process, probe and reason",
	.usage =
	"uprobe-slots report [OPTIONS] FILE\n"
	"\n"
	"Sums up the slot events of FILE, which `uprobe-slots record` or trace-cmd wrote: by\n"
	"process, by probe, by reason, and a histogram of the waits. It needs neither root\n"
	"nor this kernel.\n"
	"\n"
	"  -n, --limit N        at most N probes, 20 if not given; 0: all\n"
	JSON_LINE HELP_LINE,
	.run = report_main,
};
