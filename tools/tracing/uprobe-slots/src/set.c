// SPDX-License-Identifier: GPL-2.0-only
/*
 * set: a knob, or the cache limit of tasks.
 *
 * The kernel judges the value; what is checked here is only what could not reach
 * it as one word of one write.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "limits.h"
#include "slots.h"
#include "uprobe-slots.h"
#include "utils.h"

struct set_options {
	struct target target;
	bool dry_run, json;
	bool twice;
};

static void print_knob(const char *name, const char *from, const char *to, bool json)
{
	struct json_object *object;

	if (!json) {
		printf("%s: %s -> %s\n", name, from, to);
		return;
	}
	object = json_object_new_object();
	json_add_text(object, "knob", name);
	json_add_text(object, "from", from);
	json_add_text(object, "to", to);
	print_json(object);
}

static int write_knob(const char *name, const char *value, const char *old, bool json)
{
	char *now;
	int ret = knob_write(name, value);

	if (ret)
		return ret;
	ret = slots_read(name, &now);
	if (!ret) {
		now[strcspn(now, "\n")] = '\0';
		print_knob(name, old, now, json);
	}
	free(now);
	return ret;
}

static int set_knob(const char *name, const char *value, const struct set_options *o)
{
	struct pairs knobs;
	const char *old;
	int ret;

	if (!is_one_word(value) || strchr(value, '\n'))
		return fail(EXIT_USAGE, "the value for %s must be one word", name);
	ret = slots_open();
	if (!ret)
		ret = slots_knobs(&knobs);
	if (ret)
		return ret;
	old = pairs_get(&knobs, name);
	if (!old)
		ret = no_knob(name, &knobs);
	else if (!o->dry_run)
		ret = write_knob(name, value, old, o->json);
	else if (!knob_in_range(name, value))
		ret = fail(EXIT_FAILED, "%s %s: out of range%s", name, value, knob_range(name));
	else
		print_knob(name, old, value, o->json);
	pairs_free(&knobs);
	return ret;
}

static void print_limit(const struct target *target, const char *limit, size_t nr, bool json)
{
	struct json_object *object;

	if (json) {
		object = json_object_new_object();
		json_add_text(object, "target", target_name(target));
		json_add_text(object, "limit", limit);
		json_add_number(object, "tasks", nr);
		print_json(object);
		return;
	}
	if (target->whose == WHOSE_TID)
		printf("%s: ", target_name(target));
	else
		printf("%s: %zu task%s, ", target_name(target), nr, nr == 1 ? "" : "s");
	if (strcmp(limit, "default"))
		printf("limit %s\n", limit);
	else
		printf("no limit of its own\n");
}

static int dry_run(const struct set_options *o, const char *limit)
{
	struct json_object *changes = o->json ? json_object_new_array() : NULL;
	int ret = limits_dry_run(&o->target, limit, changes);

	if (ret)
		json_object_put(changes);
	else if (changes)
		ret = print_json(changes);
	return ret;
}

static int set_limit(const struct set_options *o, const char *limit)
{
	size_t nr;
	int ret;

	ret = target_check(&o->target);
	if (!ret)
		ret = limit_check(limit);
	if (!ret)
		ret = slots_open();
	if (ret)
		return ret;
	if (o->dry_run)
		return dry_run(o, limit);
	catch_signals();
	ret = limits_set(&o->target, limit, &nr);
	if (ret)
		return ret;
	print_limit(&o->target, limit, nr, o->json);
	if (o->target.whose == WHOSE_COMM || o->target.whose == WHOSE_CGROUP)
		note("tasks that come later are missed, unless one of these creates them");
	return ret;
}

static int parse(const struct verb *self, int argc, char **argv, struct set_options *o)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION,
		{ "tid", required_argument, NULL, 't' },
		{ "pid", required_argument, NULL, 'p' },
		{ "comm", required_argument, NULL, 'c' },
		{ "cgroup", required_argument, NULL, 'g' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ 0 }
	};
	static const enum whose kinds[] = {
		['t'] = WHOSE_TID, ['p'] = WHOSE_PID, ['c'] = WHOSE_COMM, ['g'] = WHOSE_CGROUP,
	};
	int c;

	while ((c = getopt_long(argc, argv, "+hjnt:p:c:g:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			verb_help(self);
			return -1;
		case 'j':
			o->json = true;
			break;
		case 'n':
			o->dry_run = true;
			break;
		case '?':
			return verb_usage(self);
		default:
			o->twice |= o->target.whose != WHOSE_NOBODY;
			o->target.whose = kinds[c];
			o->target.text = optarg;
			break;
		}
	}
	return EXIT_OK;
}

static int set_main(const struct verb *self, int argc, char **argv)
{
	struct set_options o = { .target = { .text = "" } };
	int ret = parse(self, argc, argv, &o);

	if (ret)
		return ret < 0 ? EXIT_OK : ret;
	argc -= optind;
	argv += optind;
	if (o.twice)
		return fail(EXIT_USAGE, "set takes one of --tid, --pid, --comm, --cgroup");
	if (o.target.whose == WHOSE_NOBODY) {
		if (argc != 2)
			return fail(EXIT_USAGE, "set takes a NAME and a VALUE");
		return set_knob(argv[0], argv[1], &o);
	}
	if (argc != 1)
		return fail(EXIT_USAGE, "set with --tid, --pid, --comm or --cgroup takes one LIMIT");
	return set_limit(&o, argv[0]);
}

const struct verb set_verb = {
	.name = "set",
	.summary = "a knob, or the cache limit of tasks",
	.usage =
	"uprobe-slots set [OPTIONS] NAME VALUE\n"
	"       uprobe-slots set [OPTIONS] {--tid N | --pid N | --comm GLOB | --cgroup PATH} LIMIT\n"
	"\n"
	"Sets the knob NAME (`uprobe-slots show` lists those of this kernel), or gives\n"
	"tasks a cache limit of their own: 0 to 64, or `default` to take it away. What\n"
	"these tasks create later inherits it; exec keeps it. All or nothing: if it\n"
	"fails half way, what was changed is changed back.\n"
	"\n"
	"  -t, --tid N          one task\n"
	"  -p, --pid N          every thread of a process, and its later ones\n"
	"  -c, --comm GLOB      every task whose name matches\n"
	"  -g, --cgroup PATH    every task in the cgroup and those below it\n"
	"  -n, --dry-run        say what would change, change nothing\n"
	JSON_LINE HELP_LINE,
	.run = set_main,
};
