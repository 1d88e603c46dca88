// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The files of trace_uprobe_slots.c: the real ones, called as the VFS would. With
 * UNIT_FUZZ, a libFuzzer target instead.
 */
#include "trace.h"
#include "trace_uprobe_slots.c"

static const struct unit_file *file_named(const char *name)
{
	unsigned int i;

	for (i = 0; i < unit_nr_files; i++)
		if (!strcmp(unit_files[i].name, name))
			return &unit_files[i];
	unit_fail(name, __FILE__, __LINE__);
}

static void open_named(struct file *file, const char *name, unsigned int flags)
{
	const struct unit_file *f = file_named(name);
	struct inode inode = { f->data };

	memset(file, 0, sizeof(*file));
	file->f_mode = flags & O_WRONLY ? FMODE_WRITE : 0;
	file->f_flags = flags;
	CHECK(!f->fops->open(&inode, file));
}

static ssize_t write_bytes(const char *name, unsigned int flags, const char *text,
			   size_t count)
{
	struct file file;
	loff_t pos = 0;

	open_named(&file, name, flags | O_WRONLY);
	return file_named(name)->fops->write(&file, text, count, &pos);
}

static ssize_t append(const char *name, const char *text)
{
	return write_bytes(name, O_APPEND, text, strlen(text));
}

static const char *contents(const char *name)
{
	static char buf[8192];
	struct file file;
	loff_t pos = 0;

	open_named(&file, name, 0);
	CHECK(file_named(name)->fops->read(&file, buf, sizeof(buf), &pos) >= 0);
	return buf;
}

static void limits_setup(void)
{
	unsigned int i;

	for (i = 0; i < UNIT_TASKS; i++) {
		unit_pid[i].nr = 1 + 3 * i;
		unit_task[i].pid = 1 + 3 * i;
	}
	if (!unit_nr_files)
		unit_tracefs();
}

/* Says no, changes nothing, and points at what is wrong. */
static bool refused(const char *name, const char *text, ssize_t err, int type,
		    unsigned int pos)
{
	char before[256];
	ssize_t ret;

	snprintf(before, sizeof(before), "%s", contents(name));
	unit_error.nr = 0;
	ret = append(name, text);
	if (ret != err || unit_error.nr != 1 || unit_error.type != type ||
	    unit_error.pos != strlen(name) + 1 + pos ||
	    strcmp(before, contents(name))) {
		printf("# %s '%s': %zd, %u errors, type %u at %u of '%s'\n", name, text,
		       ret, unit_error.nr, unit_error.type, unit_error.pos,
		       unit_error.cmd);
		return false;
	}
	return true;
}

#ifndef UNIT_FUZZ

static void knobs(void)
{
	limits_setup();
	CHECK(!strcmp(contents("cache_limit"), "8\n"));
	CHECK(append("cache_limit", " 0x10\n") == 6);
	CHECK(uprobe_slot_knobs.cache_limit == 16);
	CHECK(append("cache_limit", "64") == 2 && append("cache_limit", "0") == 1);
	CHECK(refused("cache_limit", "65", -ERANGE, ERR_RANGE, 0));
	CHECK(refused("cache_limit", "99999999999", -ERANGE, ERR_RANGE, 0));
	CHECK(refused("cache_limit", "-1", -EINVAL, ERR_NOT_A_NUMBER, 0));
	CHECK(refused("cache_limit", "", -EINVAL, ERR_NOT_A_NUMBER, 0));
	CHECK(refused("cache_limit", "8 8", -EINVAL, ERR_NOT_A_NUMBER, 0));
	CHECK(refused("cache_limit", "00000000000000000000000000000000000000008",
		      -EINVAL, ERR_NOT_A_NUMBER, 0));
	CHECK(refused("area_pages", "0", -ERANGE, ERR_RANGE, 0));
	CHECK(refused("area_pages", "17", -ERANGE, ERR_RANGE, 0));
	CHECK(append("area_pages", "16") == 2 && append("area_pages", "1") == 1);
	CHECK(refused("enable", "2", -ERANGE, ERR_RANGE, 0));
	CHECK(append("enable", "0") == 1 && !strcmp(contents("enable"), "0\n"));
	CHECK(append("enable", "1") == 1 && !strcmp(contents("enable"), "1\n"));
	CHECK(write_bytes("cache_limit", 0, "1\0" "2", 3) == -EINVAL);
}

static void limits(void)
{
	limits_setup();
	CHECK(append("task_limits", "1 16\n4 0\n\n 7\t64 \n10 -\n") == 22);
	CHECK(!strcmp(contents("task_limits"), "1 16\n4 0\n7 64\n"));
	CHECK(uprobe_slot_limit(&unit_task[0]) == 16);
	CHECK(append("task_limits", "1 -") == 3);
	CHECK(!strcmp(contents("task_limits"), "4 0\n7 64\n"));
	/* In their order, the last one wins. */
	CHECK(append("task_limits", "1 1\n1 2\n1 3") == 11);
	CHECK(uprobe_slot_limit(&unit_task[0]) == 3);
	CHECK(write_bytes("task_limits", O_TRUNC, "94 5", 4) == 4);
	CHECK(!strcmp(contents("task_limits"), "94 5\n"));
	CHECK(!write_bytes("task_limits", O_TRUNC, "", 0));
	CHECK(!strcmp(contents("task_limits"), ""));
}

static void limits_refused(void)
{
	static char big[(1 << 20) + 1];

	limits_setup();
	append("task_limits", "1 5");
	CHECK(refused("task_limits", "1 65", -ERANGE, ERR_RANGE, 2));
	CHECK(refused("task_limits", "1 99999999999999999999", -ERANGE, ERR_RANGE, 2));
	CHECK(refused("task_limits", "1 x", -EINVAL, ERR_NOT_A_NUMBER, 2));
	CHECK(refused("task_limits", "1 -1", -EINVAL, ERR_NOT_A_NUMBER, 2));
	CHECK(refused("task_limits", "1", -EINVAL, ERR_LINE, 1));
	CHECK(refused("task_limits", "1 2 3", -EINVAL, ERR_LINE, 2));
	CHECK(refused("task_limits", "x 2", -EINVAL, ERR_TID, 0));
	CHECK(refused("task_limits", "0 2", -EINVAL, ERR_TID, 0));
	CHECK(refused("task_limits", "-1 2", -EINVAL, ERR_TID, 0));
	CHECK(refused("task_limits", "99999999999 2", -ERANGE, ERR_TID, 0));
	CHECK(refused("task_limits", "1 7\n2 7", -ESRCH, ERR_NO_TASK, 0));
	CHECK(refused("task_limits", "1 7\n4 8\n4 65", -ERANGE, ERR_RANGE, 2));
	CHECK(!strcmp(unit_error.cmd, "task_limits 4 65"));
	CHECK(write_bytes("task_limits", 0, "1 7\0", 4) == -EINVAL);
	memset(big, '\n', sizeof(big));
	CHECK(write_bytes("task_limits", 0, big, sizeof(big)) == -E2BIG);
	CHECK(write_bytes("task_limits", 0, big, sizeof(big) - 1) == 1 << 20);
	memset(big, 'x', 200);
	CHECK(write_bytes("task_limits", 0, big, 200) == -EINVAL);
	CHECK(!strcmp(contents("task_limits"), "1 5\n"));
}

static void stats(void)
{
	struct process *p = process_new(UPROBE_AREA_PAGES, 2);
	struct task_struct *t = task_new(p);
	struct uprobe *u = probe_new(3);

	limits_setup();
	step(t, u);
	step(t, u);
	CHECK(strstr(contents("stats"), "slot_hit 1\nslot_miss 1\n"));
	CHECK(strstr(contents("stats"), "slot_miss_filled 1\n"));
	CHECK(strstr(contents("stats"), "slots_live 1\n"));
	CHECK(strstr(contents("tasks"), " 8 1 1 1 comm\n"));
	CHECK(!write_bytes("stats", O_TRUNC, "", 0));
	step(t, u);
	CHECK(strstr(contents("stats"), "slot_hit 1\nslot_miss 0\n"));
	CHECK(strstr(contents("stats"), "slots_live 1\n"));
	CHECK(t->utask->slot_cache->tally.hits == 2);
	CHECK(!strcmp(contents("check"), "ok\n"));
	task_exit(t);
	process_free(p);
	probe_free(u);
	check_nothing_left();
}

const struct unit_case limits_cases[] = {
	{ "P8 knobs take what is in their range", knobs },
	{ "P8 task_limits sets, clears and lists", limits },
	{ "P8 task_limits takes all lines or none", limits_refused },
	{ "P8 stats and tasks say what happened", stats },
	{ }
};

#else

int LLVMFuzzerTestOneInput(const u8 *text, size_t count);

/*
 * Whatever is written: all or none, one error with its place in the text that is
 * shown, and no limit out of range.
 */
int LLVMFuzzerTestOneInput(const u8 *text, size_t count)
{
	struct task_struct was[UNIT_TASKS];
	unsigned int i;
	ssize_t ret;

	unit_me = unit_cpu(0);
	limits_setup();
	memcpy(was, unit_task, sizeof(was));
	unit_error.nr = 0;
	ret = write_bytes("task_limits", O_APPEND, (const char *)text, count);
	CHECK(ret < 0 || ret == count);
	CHECK(unit_error.nr == (ret < 0));
	if (ret < 0) {
		CHECK(unit_error.pos <= strlen(unit_error.cmd));
		CHECK(!memcmp(was, unit_task, sizeof(was)));
	}
	for (i = 0; i < UNIT_TASKS; i++)
		CHECK(unit_task[i].uprobe_slot_limit <= UPROBE_CACHE_MAX + 1);
	CHECK(!tasklist_lock && !unit_me->rcu_nest && !unit_task_refs);
	return 0;
}

#endif
