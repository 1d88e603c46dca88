// SPDX-License-Identifier: GPL-2.0
/*
 * Description: the events uprobes:slot_* against the counters: as many in the
 * ring buffer as the counters say, for each event, reason and result; their
 * fields make sense; with `enable` 0 there are none.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "stuck.h"
#include "team.h"

static struct team team;
static struct stuck stuck;

static const char * const events[] = {
	"slot_hit", "slot_miss", "slot_flush_avoided", "slot_contention",
	"slot_reclaim",
};

static void trace_slots(bool on)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(events); i++)
		us_trace_event("uprobes", events[i], on);
}

static int equal(const char *what, long traced, int64_t counted)
{
	return us_check(traced == counted, "%s: %ld in the trace, %jd counted",
			what, traced, counted);
}

/* The trace's lines of @event, all and by @reason, against the counters. */
static int compare_events(const char *trace, const struct us_stats *a,
			  const struct us_stats *b)
{
	char text[64], *reason;
	unsigned int i;
	int bad = 0, n;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		snprintf(text, sizeof(text), " %s: ", events[i]);
		bad |= equal(events[i], us_count(trace, text, NULL),
			     us_delta(a, b, events[i]));
	}
	for (n = 0; n < a->n; n++) {
		bool miss = !strncmp(a->e[n].name, "slot_miss_", 10);
		const char *name = a->e[n].name;

		if (!miss && (strncmp(name, "slot_contention_", 16) ||
			      !strcmp(name, "slot_contention_ns")))
			continue;
		if (asprintf(&reason, "reason=%s", name + (miss ? 10 : 16)) < 0)
			us_die("asprintf");
		bad |= equal(name, us_count(trace, miss ? " slot_miss: " :
					    " slot_contention: ", reason),
			     us_delta(a, b, name));
		free(reason);
	}
	bad |= equal("slot_reclaim freed + busy",
		     us_count(trace, " slot_reclaim: ", "result=freed") +
		     us_count(trace, " slot_reclaim: ", "result=busy"),
		     us_delta(a, b, "slot_reclaim"));
	return bad;
}

/* Each ip is a probe's, each slot lies in the area, each ip has one key. */
static int check_fields(const char *trace)
{
	static unsigned int keys[US_MANY];
	unsigned long start, end, ip, slot, i;
	unsigned int key;
	const char *p;
	int bad = 0;

	if (!us_area(0, &start, &end))
		return us_fail("no [uprobes]");
	for (p = strstr(trace, ": ip="); p && bad < 5; p = strstr(p + 1, ": ip=")) {
		if (sscanf(p, ": ip=%lx slot=%lx key=%x", &ip, &slot, &key) != 3)
			continue;	/* slot_contention has no key */
		i = (ip - (unsigned long)us_many) / US_MANY_SIZE;
		if (ip < (unsigned long)us_many || i >= US_MANY ||
		    (ip - (unsigned long)us_many) % US_MANY_SIZE)
			bad += us_fail("ip %#lx is no probe's", ip);
		else if (keys[i] && keys[i] != key)
			bad += us_fail("ip %#lx has keys %#x and %#x", ip,
				       keys[i], key);
		else
			keys[i] = key;
		if (slot < start || slot >= end)
			bad += us_fail("slot %#lx is not in %#lx-%#lx", slot,
				       start, end);
	}
	return bad;
}

static int traced_work(int insns, long rounds)
{
	struct us_stats a, b;
	char *trace;
	int bad;

	us_probe_many("events", 0, insns);
	us_enable("events", true);
	team_start(&team, 4, 0, insns);
	us_trace_start(8192);
	trace_slots(true);
	us_stats(&a);
	team_go(&team, rounds);
	bad = us_check(us_quiesce(), "reclaim goes on without work");
	us_stats(&b);
	trace_slots(false);
	trace = us_trace_read();
	bad |= us_check(!us_trace_lost(), "%ld events lost: enlarge the buffer",
			us_trace_lost());
	bad |= us_laws(&a, &b, us_mode() == US_OFF ? 0 : team_calls(&team));
	bad |= compare_events(trace, &a, &b);
	bad |= check_fields(trace);
	us_diag("%jd hits, %jd misses, %jd reclaimed",
		us_delta(&a, &b, "slot_hit"), us_delta(&a, &b, "slot_miss"),
		us_delta(&a, &b, "slot_reclaim"));
	free(trace);
	bad |= team_stop(&team);
	return bad;
}

static int warm(void)
{
	us_knob("cache_limit", 32);
	return traced_work(30, us_scaled(20));
}

static int thrashing(void)
{
	us_knob("area_pages", 2);
	return traced_work(US_SLOTS_PER_PAGE + 150, us_scaled(3));
}

static int limit0(void)
{
	us_knob("cache_limit", 0);
	return traced_work(30, us_scaled(10));
}

static int off(void)
{
	struct us_stats a, b;
	char *trace;
	int bad;

	us_knob("enable", 0);
	us_probe_many("off", 0, 30);
	us_enable("off", true);
	team_start(&team, 4, 0, 30);
	us_trace_start(1024);
	trace_slots(true);
	us_stats(&a);
	team_go(&team, 10);
	us_stats(&b);
	trace_slots(false);
	trace = us_trace_read();
	bad = us_check(!strstr(trace, "slot_"), "there are slot events");
	bad |= us_laws(&a, &b, 0);
	free(trace);
	return bad | team_stop(&team);
}

/* Waits for page 0 are events with the time waited. */
static int contention(void)
{
	struct us_stats a, b;
	const char *p;
	char *trace;
	uint64_t ns, sum = 0;
	int bad;

	if (US_PAGE0_SLOTS >= STUCK_MAX)
		return us_skip("page 0 has %d slots: progress fills them",
			       US_PAGE0_SLOTS);
	us_knob("cache_limit", 0);
	stuck_probes(false);
	us_enable("load", true);
	us_trace_start(1024);
	trace_slots(true);
	us_stats(&a);
	bad = stuck_start(&stuck, 40, false);
	if (bad)
		return bad;
	bad = stuck_wait(&stuck, US_PAGE0_SLOTS);
	bad |= stuck_all(&stuck);
	bad |= stuck_end(&stuck);
	us_stats(&b);
	trace_slots(false);
	trace = us_trace_read();
	bad |= compare_events(trace, &a, &b);
	bad |= us_check(us_delta(&a, &b, "slot_contention_page0_full") ==
			40 - US_PAGE0_SLOTS, "slot_contention_page0_full %jd",
			us_delta(&a, &b, "slot_contention_page0_full"));
	for (p = trace; (p = strstr(p, "wait_ns=")); p++) {
		ns = strtoull(p + 8, NULL, 10);
		bad |= us_check(ns > 0, "a wait of 0 ns");
		sum += ns;
	}
	bad |= us_check(sum == (uint64_t)us_delta(&a, &b, "slot_contention_ns"),
			"%ju ns in the trace, %jd counted", sum,
			us_delta(&a, &b, "slot_contention_ns"));
	free(trace);
	return bad;
}

static const struct {
	const char *event, *fields;
} formats[] = {
	{ "slot_hit", "ip slot key" },
	{ "slot_miss", "ip slot key reason" },
	{ "slot_flush_avoided", "ip slot key" },
	{ "slot_contention", "ip slot reason wait_ns" },
	{ "slot_reclaim", "slot tgid result age_ms" },
};

static int field_names(void)
{
	char path[128], fields[64], want[40], *format, *f, *save;
	unsigned int i;
	int bad = 0;

	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		snprintf(path, sizeof(path), TRACING "/events/uprobes/%s/format",
			 formats[i].event);
		format = us_slurp(path);
		strcpy(fields, formats[i].fields);
		for (f = strtok_r(fields, " ", &save); f;
		     f = strtok_r(NULL, " ", &save)) {
			snprintf(want, sizeof(want), " %s;", f);
			bad |= us_check(strstr(format, want), "%s has no field %s",
					formats[i].event, f);
		}
		free(format);
	}
	return bad;
}

static const struct us_case cases[] = {
	{ "events have their fields", field_names, US_SLOTS },
	{ "events equal counters, warm caches", warm, US_SLOTS },
	{ "events equal counters, more instructions than slots", thrashing, US_SLOTS, 240 },
	{ "events equal counters, limit 0", limit0, US_SLOTS },
	{ "events equal counters, page 0 full", contention, US_SLOTS },
	{ "no slot events with enable 0", off, US_SLOTS },
};

int main(void)
{
	return us_run(cases, ARRAY_SIZE(cases));
}
