// SPDX-License-Identifier: GPL-2.0
/*
 * The tracefs face of shared uprobe slots: the directory uprobe_slots/.
 *
 * Each file refuses what it does not understand as a whole, changes nothing
 * then, and says why in error_log.
 */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/string_helpers.h>
#include <linux/timekeeping.h>
#include <linux/trace_events.h>
#include <linux/tracefs.h>
#include <linux/uaccess.h>

#include "trace.h"

#include "../events/uprobe_slots.h"
#define CREATE_TRACE_POINTS
#include "../events/uprobe_slots_trace.h"

#define TASK_LIMITS_MAX		SZ_1M	/* bytes of one write */
#define NUMBER_MAX		32	/* bytes of one write to a number */

enum {
	ERR_NOT_A_NUMBER,
	ERR_RANGE,
	ERR_LINE,
	ERR_TID,
	ERR_NO_TASK,
	ERR_NUL,
	ERR_TOO_LONG,
	ERR_EXIT,
};

static const char * const slot_errs[] = {
	[ERR_NOT_A_NUMBER]	= "Not a number",
	[ERR_RANGE]		= "Number out of range",
	[ERR_LINE]		= "Expected 'TID LIMIT' or 'TID -'",
	[ERR_TID]		= "Not a thread ID",
	[ERR_NO_TASK]		= "No thread with this ID",
	[ERR_NUL]		= "A NUL byte in the text",
	[ERR_TOO_LONG]		= "More than 1 MiB in one write",
	[ERR_EXIT]		= "Expected 'step', 'trap' or 'jump'",
};

static void log_err(const char *cmd, int type, unsigned int pos)
{
	/* Its parameter lacks a const. */
	tracing_log_err(NULL, "uprobe_slots", cmd, (const char **)slot_errs, type, pos);
}

/* The words of the events, as tables. The first element stands for the value. */
#undef __print_symbolic
#define __print_symbolic(...)	{ __VA_ARGS__ }
static const struct trace_print_flags misses[] = show_uprobe_miss({ 0, NULL });
static const struct trace_print_flags exits[] = show_uprobe_exit({ 0, NULL });
static const struct trace_print_flags contentions[] = show_uprobe_contention({ 0, NULL });
#undef __print_symbolic

/* ----------------------------------------------------------- numbers ---- */

/**
 * struct slot_knob - a file with a number
 * @name: of the file
 * @min:  least value
 * @max:  greatest value
 * @get:  read it
 * @set:  write it; with slot_knobs_mutex held, 0 or an error
 */
struct slot_knob {
	const char	*name;
	unsigned int	min, max;
	unsigned int	(*get)(void);
	int		(*set)(unsigned int value);
};

static DEFINE_MUTEX(slot_knobs_mutex);

static unsigned int get_enable(void)
{
	return static_key_enabled(&uprobe_slots_key);
}

static int set_enable(unsigned int value)
{
	return uprobe_slots_set_enabled(value);
}

static unsigned int get_cache_limit(void)
{
	return READ_ONCE(uprobe_slot_knobs.cache_limit);
}

static int set_cache_limit(unsigned int value)
{
	WRITE_ONCE(uprobe_slot_knobs.cache_limit, value);
	return 0;
}

static unsigned int get_area_pages(void)
{
	return READ_ONCE(uprobe_slot_knobs.area_pages);
}

static int set_area_pages(unsigned int value)
{
	WRITE_ONCE(uprobe_slot_knobs.area_pages, value);
	return 0;
}

static unsigned int get_emulate(void)
{
	return static_key_enabled(&uprobe_emulate_key);
}

static int set_emulate(unsigned int value)
{
	if (value)
		static_branch_enable(&uprobe_emulate_key);
	else
		static_branch_disable(&uprobe_emulate_key);
	return 0;
}

static const struct slot_knob slot_knobs[] = {
	{ "enable",	 0, 1,			get_enable,	set_enable },
	{ "cache_limit", 0, UPROBE_CACHE_MAX,	get_cache_limit, set_cache_limit },
	{ "area_pages",	 1, UPROBE_AREA_PAGES_MAX, get_area_pages,	set_area_pages },
	{ "emulate",	 0, 1,			get_emulate,	set_emulate },
};

static ssize_t knob_read(struct file *file, char __user *ubuf, size_t count,
			 loff_t *ppos)
{
	const struct slot_knob *knob = file->private_data;
	char buf[NUMBER_MAX];
	int len;

	len = scnprintf(buf, sizeof(buf), "%u\n", knob->get());
	return simple_read_from_buffer(ubuf, count, ppos, buf, len);
}

static ssize_t knob_write(struct file *file, const char __user *ubuf,
			  size_t count, loff_t *ppos)
{
	const struct slot_knob *knob = file->private_data;
	/* What error_log shows: the name of the file and what was written. */
	char cmd[NUMBER_MAX + 16], *text;
	unsigned int value;
	int name_len, ret;

	name_len = scnprintf(cmd, sizeof(cmd), "%s ", knob->name);
	text = cmd + name_len;
	if (copy_from_user(text, ubuf, min(count, (size_t)NUMBER_MAX - 1)))
		return -EFAULT;
	text[min(count, (size_t)NUMBER_MAX - 1)] = '\0';

	ret = -EINVAL;
	if (strlen(text) == count)	/* not too long, and no NUL in it */
		ret = kstrtouint(strim(text), 0, &value);
	if (ret == -ERANGE || (!ret && (value < knob->min || value > knob->max))) {
		log_err(cmd, ERR_RANGE, name_len);
		return -ERANGE;
	}
	if (ret) {
		log_err(cmd, ERR_NOT_A_NUMBER, name_len);
		return -EINVAL;
	}

	mutex_lock(&slot_knobs_mutex);
	ret = knob->set(value);
	mutex_unlock(&slot_knobs_mutex);

	return ret ?: count;
}

static const struct file_operations knob_fops = {
	.open		= tracing_open_generic,
	.read		= knob_read,
	.write		= knob_write,
	.llseek		= default_llseek,
};

/* -------------------------------------------------------- task_limits ---- */

/* A line of one write: where it stands in the text, and what it says. */
struct limit_line {
	unsigned int		pos;
	pid_t			tid;
	u8			override;	/* as in task_struct */
	struct task_struct	*task;
};

static void log_line_err(const char *text, const char *line, int type,
			 unsigned int pos)
{
	char cmd[80];
	int name_len = scnprintf(cmd, sizeof(cmd), "task_limits ");

	scnprintf(cmd + name_len, sizeof(cmd) - name_len, "%.*s",
		  (int)strcspn(line, "\n"), line);
	log_err(cmd, type, name_len + pos);
}

/* A word of a line, cut off; what is behind it goes on at *@next. */
static char *next_word(char **next)
{
	char *word = skip_spaces(*next);

	*next = word + strcspn(word, " \t");
	if (**next)
		*(*next)++ = '\0';
	return word;
}

/*
 * Parse "TID LIMIT" or "TID -". On an error, says which kind and where in the
 * line it is.
 */
static int parse_line(const char *text, struct limit_line *line, int *type,
		      unsigned int *pos)
{
	char buf[64], *next = buf, *word;
	unsigned int limit;
	int ret;

	*pos = 0;
	*type = ERR_LINE;
	if (strscpy(buf, text, sizeof(buf)) < 0)
		return -EINVAL;

	word = next_word(&next);
	*pos = word - buf;
	*type = ERR_TID;
	ret = kstrtoint(word, 10, &line->tid);
	if (ret || line->tid <= 0)
		return ret == -ERANGE ? -ERANGE : -EINVAL;

	word = next_word(&next);
	*pos = word - buf;
	*type = ERR_LINE;
	if (!*word || *skip_spaces(next))
		return -EINVAL;
	if (!strcmp(word, "-")) {
		line->override = 0;
		return 0;
	}

	ret = kstrtouint(word, 10, &limit);
	*type = ret == -EINVAL ? ERR_NOT_A_NUMBER : ERR_RANGE;
	if (ret)
		return ret;
	if (limit > UPROBE_CACHE_MAX)
		return -ERANGE;
	line->override = limit + 1;
	return 0;
}

/*
 * Parse all lines of @text, which is cut at its newlines. Returns how many
 * there are, or an error, which is logged.
 */
static int parse_lines(char *text, struct limit_line *lines)
{
	char *next = text, *one;
	unsigned int pos;
	int ret, type, nr = 0;

	while ((one = strsep(&next, "\n"))) {
		if (!*skip_spaces(one))
			continue;
		ret = parse_line(one, &lines[nr], &type, &pos);
		if (ret) {
			log_line_err(text, one, type, pos);
			return ret;
		}
		lines[nr++].pos = one - text;
	}

	return nr;
}

/* How many lines one hold of tasklist_lock applies: microseconds. */
#define LIMITS_BATCH	256

/* One write is applied as a whole, before the next. */
static DEFINE_MUTEX(limits_mutex);

/*
 * Find the threads that the lines name, each with a reference. Returns the line that
 * names none, or NULL. May sleep.
 */
static struct limit_line *resolve_lines(struct limit_line *lines, int nr)
{
	struct limit_line *line;

	for (line = lines; line < lines + nr; line++) {
		line->task = find_get_task_by_vpid(line->tid);
		if (!line->task)
			return line;
		cond_resched();
	}

	return NULL;
}

/*
 * Apply the lines in their order. tasklist_lock keeps a fork from inheriting what was
 * before (copy_process() reads it under the same lock). A thread that has exited since it
 * was found takes no harm. May sleep.
 */
static void apply_lines(struct limit_line *lines, int nr)
{
	int i, end;

	for (i = 0; i < nr; ) {
		end = min(nr, i + LIMITS_BATCH);
		read_lock(&tasklist_lock);
		for (; i < end; i++)
			WRITE_ONCE(lines[i].task->uprobe_slot_limit, lines[i].override);
		read_unlock(&tasklist_lock);
		cond_resched();
	}
}

/* May sleep. */
static void put_lines(struct limit_line *lines, int nr)
{
	struct limit_line *line;

	for (line = lines; line < lines + nr && line->task; line++) {
		put_task_struct(line->task);
		cond_resched();
	}
}

static ssize_t task_limits_write(struct file *file, const char __user *ubuf,
				 size_t count, loff_t *ppos)
{
	struct limit_line *lines = NULL, *missing;
	unsigned int max_lines = 1, i;
	char *text;
	ssize_t ret;
	int nr = 0;

	if (count > TASK_LIMITS_MAX) {
		log_err("task_limits", ERR_TOO_LONG, 0);
		return -E2BIG;
	}

	text = kvmalloc(count + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	ret = -EFAULT;
	if (copy_from_user(text, ubuf, count))
		goto out;
	text[count] = '\0';

	for (i = 0; i < count; i++)
		max_lines += text[i] == '\n';
	ret = -ENOMEM;
	lines = kvcalloc(max_lines, sizeof(*lines), GFP_KERNEL);
	if (!lines)
		goto out;

	ret = -EINVAL;
	if (strlen(text) != count) {
		log_err("task_limits", ERR_NUL, 0);
		goto out;
	}
	ret = parse_lines(text, lines);
	if (ret < 0)
		goto out;

	nr = ret;
	missing = resolve_lines(lines, nr);
	if (missing) {
		log_line_err(text, text + missing->pos, ERR_NO_TASK, 0);
		ret = -ESRCH;
		goto out;
	}
	mutex_lock(&limits_mutex);
	apply_lines(lines, nr);
	mutex_unlock(&limits_mutex);
	ret = count;
out:
	put_lines(lines, nr);
	kvfree(lines);
	kvfree(text);
	return ret;
}

/* The file's position is a thread ID of the reader's namespace. */
static void *task_limits_start(struct seq_file *m, loff_t *pos)
	__acquires(RCU)
{
	struct pid *pid;

	rcu_read_lock();
	pid = *pos > INT_MAX ? NULL :
	      find_ge_pid(*pos, task_active_pid_ns(current));
	if (pid)
		*pos = pid_vnr(pid);
	return pid;
}

static void *task_limits_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct pid *pid;

	pid = find_ge_pid(++*pos, task_active_pid_ns(current));
	if (pid)
		*pos = pid_vnr(pid);
	return pid;
}

static void task_limits_stop(struct seq_file *m, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
}

static int task_limits_show(struct seq_file *m, void *v)
{
	struct task_struct *t = pid_task(v, PIDTYPE_PID);
	u8 override = t ? READ_ONCE(t->uprobe_slot_limit) : 0;

	if (override)
		seq_printf(m, "%d %u\n", pid_vnr(v), override - 1);
	return 0;
}

static const struct seq_operations task_limits_seq_ops = {
	.start	= task_limits_start,
	.next	= task_limits_next,
	.stop	= task_limits_stop,
	.show	= task_limits_show,
};

static void task_limits_clear(void)
{
	struct task_struct *p, *t;

	read_lock(&tasklist_lock);
	for_each_process_thread(p, t)
		WRITE_ONCE(t->uprobe_slot_limit, 0);
	read_unlock(&tasklist_lock);
}

static int task_limits_open(struct inode *inode, struct file *file)
{
	int ret = tracing_check_open_get_tr(NULL);

	if (ret)
		return ret;
	if ((file->f_mode & FMODE_WRITE) && (file->f_flags & O_TRUNC))
		task_limits_clear();
	return seq_open(file, &task_limits_seq_ops);
}

static const struct file_operations task_limits_fops = {
	.open		= task_limits_open,
	.read		= seq_read,
	.write		= task_limits_write,
	.llseek		= seq_lseek,
	.release	= seq_release,
};

/* -------------------------------------------------------------- exits ---- */

/* The value of a word, or an error; the first element of @words is none. */
static int value_of(const struct trace_print_flags *words, unsigned int nr,
		    const char *word)
{
	unsigned int i;

	for (i = 1; i < nr; i++) {
		if (!strcmp(words[i].name, word))
			return words[i].mask;
	}

	return -EINVAL;
}

static int exits_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%s\n", exits[1 + READ_ONCE(uprobe_slot_knobs.exits)].name);
	return 0;
}

static ssize_t exits_write(struct file *file, const char __user *ubuf,
			   size_t count, loff_t *ppos)
{
	char cmd[NUMBER_MAX] = "exits ", *text = cmd + strlen(cmd);
	int exit = -EINVAL;

	if (count < sizeof(cmd) - strlen(cmd)) {
		if (copy_from_user(text, ubuf, count))
			return -EFAULT;
		if (strlen(text) == count)
			exit = value_of(exits, ARRAY_SIZE(exits), strim(text));
	}
	/* The last of the words says what an instruction does, not what it may. */
	if (exit < 0 || exit > UPROBE_EXIT_JUMP) {
		log_err(cmd, ERR_EXIT, text - cmd);
		return -EINVAL;
	}

	WRITE_ONCE(uprobe_slot_knobs.exits, exit);
	return count;
}

/* -------------------------------------------------------------- stats ---- */

/* The counters at the last reset; other CPUs' are never written. */
static struct uprobe_slot_counters stats_base;
static u64 stats_reset_ns;
static DEFINE_MUTEX(stats_mutex);

static void stats_reset(void)
{
	mutex_lock(&stats_mutex);
	uprobe_slots_counters(&stats_base);
	stats_reset_ns = ktime_get_boottime_ns();
	mutex_unlock(&stats_mutex);
}

static u64 sum_of(const u64 *c, unsigned int nr)
{
	u64 sum = 0;

	while (nr--)
		sum += c[nr];
	return sum;
}

static void stats_line(struct seq_file *m, const char *name, u64 value)
{
	seq_printf(m, "%s %llu\n", name, value);
}

static void stats_show_reasons(struct seq_file *m, const char *event,
			       const struct trace_print_flags *reasons,
			       unsigned int nr, const u64 *c)
{
	unsigned int i;

	for (i = 1; i < nr; i++)
		seq_printf(m, "%s_%s %llu\n", event, reasons[i].name,
			   c[reasons[i].mask]);
}

static void stats_show_counters(struct seq_file *m, const u64 *c)
{
	const u64 *miss = &c[UPROBE_COUNT_MISS];
	const u64 *contention = &c[UPROBE_COUNT_CONTENTION];

	stats_line(m, "slot_hit", c[UPROBE_COUNT_HIT]);
	stats_line(m, "slot_miss", sum_of(miss, UPROBE_NR_MISSES));
	stats_line(m, "slot_flush_avoided",
		   c[UPROBE_COUNT_HIT] + miss[UPROBE_MISS_SHARED]);
	stats_line(m, "slot_contention", sum_of(contention, UPROBE_NR_CONTENTIONS));
	stats_line(m, "slot_reclaim", c[UPROBE_COUNT_RECLAIM]);
	stats_show_reasons(m, "slot_miss", misses, ARRAY_SIZE(misses), miss);
	stats_show_reasons(m, "slot_contention", contentions,
			   ARRAY_SIZE(contentions), contention);
	stats_line(m, "slot_contention_ns", c[UPROBE_COUNT_CONTENTION_NS]);
	stats_line(m, "slot_write", c[UPROBE_COUNT_WRITE]);
	stats_show_reasons(m, "slot_exit", exits, ARRAY_SIZE(exits),
			   &c[UPROBE_COUNT_EXIT]);
	stats_line(m, "slot_exit_promoted", c[UPROBE_COUNT_PROMOTED]);
}

static int stats_show(struct seq_file *m, void *v)
{
	struct uprobe_slot_counters now;
	struct uprobe_slot_gauges gauges;
	unsigned int i;

	mutex_lock(&stats_mutex);
	uprobe_slots_counters(&now);
	for (i = 0; i < UPROBE_NR_COUNTERS; i++)
		now.c[i] -= stats_base.c[i];
	uprobe_slots_gauges(&gauges);

	stats_show_counters(m, now.c);
	stats_line(m, "slots_free", gauges.free);
	stats_line(m, "slots_live", gauges.live);
	stats_line(m, "slots_dying", gauges.dying);
	stats_line(m, "slots_pinned", gauges.pinned);
	stats_line(m, "slots_transient", gauges.transient);
	stats_line(m, "areas", gauges.areas);
	stats_line(m, "pages", gauges.pages);
	stats_line(m, "slots_per_page", UPROBE_PAGE_SLOTS);
	stats_line(m, "reset_ns", stats_reset_ns);
	mutex_unlock(&stats_mutex);

	return 0;
}

static int stats_open(struct inode *inode, struct file *file)
{
	int ret = tracing_check_open_get_tr(NULL);

	if (ret)
		return ret;
	if ((file->f_mode & FMODE_WRITE) && (file->f_flags & O_TRUNC))
		stats_reset();
	return single_open(file, stats_show, NULL);
}

/* Truncating is all that can be done to it. */
static ssize_t stats_write(struct file *file, const char __user *ubuf,
			   size_t count, loff_t *ppos)
{
	return count;
}

static const struct file_operations stats_fops = {
	.open		= stats_open,
	.read		= seq_read,
	.write		= stats_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

/* ----------------------------------------------- files that are shown ---- */

/* A file's data is the function that shows it. */
static int shown_open(struct inode *inode, struct file *file)
{
	int ret = tracing_check_open_get_tr(NULL);

	return ret ?: single_open(file, inode->i_private, NULL);
}

static const struct file_operations shown_fops = {
	.open		= shown_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static const struct file_operations exits_fops = {
	.open		= shown_open,
	.read		= seq_read,
	.write		= exits_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

/* -------------------------------------------------------------- tasks ---- */

static void tasks_show_one(struct uprobe_slot_task *t, void *data)
{
	struct pid_namespace *ns = task_active_pid_ns(current);
	pid_t tid = task_pid_nr_ns(t->task, ns);
	char comm[TASK_COMM_LEN];
	struct seq_file *m = data;

	if (!tid)
		return;		/* not of the reader's namespace */

	seq_printf(m, "%d %d %u %u %lu %lu ", tid, task_tgid_nr_ns(t->task, ns),
		   uprobe_slot_limit(t->task), t->entries, t->hits, t->misses);
	get_task_comm(comm, t->task);
	seq_escape_mem(m, comm, strlen(comm),
		       ESCAPE_ANY | ESCAPE_NP | ESCAPE_APPEND, "\\");
	seq_putc(m, '\n');
}

static int tasks_show(struct seq_file *m, void *v)
{
	seq_puts(m, "tid tgid limit entries hits misses comm\n");
	uprobe_slots_walk_tasks(tasks_show_one, m);
	return 0;
}

/* -------------------------------------------------------------- check ---- */

static int check_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%s\n", uprobe_slots_check() ?: "ok");
	return 0;
}

/* -------------------------------------------------------------- delay ---- */

#define DELAY_MAX_US	1000

static const char * const delay_names[UPROBE_NR_DELAYS] = {
	[UPROBE_DELAY_HIT]	= "hit",
	[UPROBE_DELAY_END]	= "end",
	[UPROBE_DELAY_FILL]	= "fill",
	[UPROBE_DELAY_MARK]	= "mark",
	[UPROBE_DELAY_SCAN]	= "scan",
};

static unsigned int delay_us[UPROBE_NR_DELAYS];

static int delay_show(struct seq_file *m, void *v)
{
	unsigned int i;

	for (i = 0; i < UPROBE_NR_DELAYS; i++)
		stats_line(m, delay_names[i], delay_us[i]);
	return 0;
}

/* "NAME MICROSECONDS" */
static ssize_t delay_write(struct file *file, const char __user *ubuf,
			   size_t count, loff_t *ppos)
{
	char buf[NUMBER_MAX], *next = buf, *name;
	unsigned int us;
	int i, ret;

	if (count >= sizeof(buf))
		return -EINVAL;
	if (copy_from_user(buf, ubuf, count))
		return -EFAULT;
	buf[count] = '\0';

	name = next_word(&next);
	i = match_string(delay_names, UPROBE_NR_DELAYS, name);
	if (i < 0)
		return i;
	ret = kstrtouint(strim(next), 10, &us);
	if (ret)
		return ret;
	if (us > DELAY_MAX_US)
		return -ERANGE;

	delay_us[i] = us;
	uprobe_slots_set_delay(i, us);
	return count;
}

static const struct file_operations delay_fops = {
	.open		= shown_open,
	.read		= seq_read,
	.write		= delay_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static __init int uprobe_slots_init_tracefs(void)
{
	struct dentry *dir;
	unsigned int i;

	if (tracing_init_dentry())
		return 0;
	dir = tracefs_create_dir("uprobe_slots", NULL);
	if (!dir)
		return 0;

	for (i = 0; i < ARRAY_SIZE(slot_knobs); i++)
		trace_create_file(slot_knobs[i].name, TRACE_MODE_WRITE, dir,
				  (void *)&slot_knobs[i], &knob_fops);
	trace_create_file("exits", TRACE_MODE_WRITE, dir, exits_show, &exits_fops);
	trace_create_file("task_limits", TRACE_MODE_WRITE, dir, NULL,
			  &task_limits_fops);
	trace_create_file("stats", TRACE_MODE_WRITE, dir, NULL, &stats_fops);
	trace_create_file("tasks", TRACE_MODE_READ, dir, tasks_show, &shown_fops);
	if (IS_ENABLED(CONFIG_UPROBE_SLOTS_DEBUG)) {
		trace_create_file("check", TRACE_MODE_READ, dir, check_show,
				  &shown_fops);
		trace_create_file("delay", TRACE_MODE_WRITE, dir, delay_show,
				  &delay_fops);
	}

	return 0;
}
fs_initcall(uprobe_slots_init_tracefs);
