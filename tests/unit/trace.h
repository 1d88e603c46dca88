/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In place of kernel/trace/trace.h, and of the <linux/...> that
 * trace_uprobe_slots.c includes: a tracefs whose files are called by limits.c,
 * and a system of a few tasks.
 */
#ifndef _UNIT_TRACE_H
#define _UNIT_TRACE_H

#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "unit.h"

/* The events are unit.h's; of uprobe_slots_trace.h the words are wanted. */
#define TRACE_DEFINE_ENUM(e)		static_assert(1)
#define DECLARE_EVENT_CLASS(...)	static_assert(1)
#define DEFINE_EVENT(...)		static_assert(1)
#define TRACE_EVENT(...)		static_assert(1)

struct trace_print_flags { unsigned long mask; const char *name; };
struct inode;
struct dentry;

#define SZ_1M			(1U << 20)
#define FMODE_WRITE		2
#define TRACE_MODE_READ		0440
#define TRACE_MODE_WRITE	0640

struct seq_file { char text[4096]; size_t count; };

struct inode { void *i_private; };

struct file {
	unsigned int	f_mode, f_flags;
	void		*private_data;
	int		(*show)(struct seq_file *m, void *v);
	const struct seq_operations *ops;
};

struct file_operations {
	int	(*open)(struct inode *inode, struct file *file);
	ssize_t	(*read)(struct file *file, char *buf, size_t count, loff_t *pos);
	ssize_t	(*write)(struct file *file, const char *buf, size_t count, loff_t *pos);
	loff_t	(*llseek)(struct file *file, loff_t offset, int whence);
	int	(*release)(struct inode *inode, struct file *file);
};

struct seq_operations {
	void	*(*start)(struct seq_file *m, loff_t *pos);
	void	*(*next)(struct seq_file *m, void *v, loff_t *pos);
	void	(*stop)(struct seq_file *m, void *v);
	int	(*show)(struct seq_file *m, void *v);
};

/* What was created, and what went to error_log. */
#define UNIT_FILES	16
static struct unit_file {
	const char			*name;
	unsigned int			mode;
	void				*data;
	const struct file_operations	*fops;
} unit_files[UNIT_FILES];
static unsigned int unit_nr_files;

static struct unit_error {
	unsigned int	nr, type, pos;
	char		cmd[256];
} unit_error;

static void tracing_log_err(void *tr, const char *loc, const char *cmd,
			    const char **errs, u8 type, u16 pos)
{
	CHECK(errs[type] && strlen(cmd) < sizeof(unit_error.cmd));
	unit_error.nr++;
	unit_error.type = type;
	unit_error.pos = pos;
	strcpy(unit_error.cmd, cmd);
}

#define tracing_init_dentry()		0
#define tracefs_create_dir(name, up)	((struct dentry *)unit_files)
#define fs_initcall(fn)			int unit_tracefs(void); int unit_tracefs(void) { return fn(); }

static void trace_create_file(const char *name, unsigned int mode, struct dentry *dir,
			      void *data, const struct file_operations *fops)
{
	CHECK(unit_nr_files < UNIT_FILES);
	unit_files[unit_nr_files++] = (struct unit_file){ name, mode, data, fops };
}

static int tracing_check_open_get_tr(void *tr)
{
	return 0;
}

static int tracing_open_generic(struct inode *inode, struct file *file)
{
	file->private_data = inode->i_private;
	return 0;
}

static loff_t default_llseek(struct file *file, loff_t offset, int whence)
{
	return -EINVAL;
}

#define seq_lseek	default_llseek

/* One read gets all. */
static ssize_t seq_read(struct file *file, char *buf, size_t count, loff_t *ppos)
{
	static struct seq_file m;
	loff_t pos = 0;
	void *v;

	memset(&m, 0, sizeof(m));
	if (file->show) {
		file->show(&m, NULL);
	} else {
		for (v = file->ops->start(&m, &pos); v; v = file->ops->next(&m, v, &pos))
			file->ops->show(&m, v);
		file->ops->stop(&m, v);
	}
	CHECK(m.count < count);
	memcpy(buf, m.text, m.count + 1);
	return m.count;
}

static int seq_open(struct file *file, const struct seq_operations *ops)
{
	file->ops = ops;
	return 0;
}

static int single_open(struct file *file, int (*show)(struct seq_file *m, void *v),
		       void *data)
{
	file->show = show;
	return 0;
}

static int seq_release(struct inode *inode, struct file *file)
{
	return 0;
}

#define single_release	seq_release

__attribute__((format(printf, 2, 3)))
static void seq_printf(struct seq_file *m, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	m->count += vsnprintf(m->text + m->count, sizeof(m->text) - m->count, format, args);
	va_end(args);
	CHECK(m->count < sizeof(m->text));
}

#define seq_puts(m, s)	seq_printf(m, "%s", s)
#define seq_putc(m, c)	seq_printf(m, "%c", c)
#define ESCAPE_ANY	1
#define ESCAPE_NP	2
#define ESCAPE_APPEND	4
#define seq_escape_mem(m, s, len, flags, chars)	seq_printf(m, "%.*s", (int)(len), s)

/* --------------------------------------------------------- strings ---- */

#define scnprintf(buf, size, ...) \
	min_t(int, snprintf(buf, size, __VA_ARGS__), (int)(size) - 1)
#define copy_from_user(to, from, n)	(memcpy(to, from, n), 0)

static ssize_t simple_read_from_buffer(char *to, size_t count, loff_t *ppos,
				       const void *from, size_t available)
{
	CHECK(available < count);
	memcpy(to, from, available);
	to[available] = '\0';
	return available;
}

static char *skip_spaces(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return (char *)s;
}

static char *strim(char *s)
{
	char *end = s + strlen(s);

	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return skip_spaces(s);
}

static int match_string(const char * const *names, size_t nr, const char *name)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (!strcmp(names[i], name))
			return i;
	return -EINVAL;
}

static ssize_t strscpy(char *to, const char *from, size_t size)
{
	size_t len = strnlen(from, size);

	if (len == size) {
		memcpy(to, from, size - 1);
		to[size - 1] = '\0';
		return -E2BIG;
	}
	memcpy(to, from, len + 1);
	return len;
}

/* As the kernel's: digits, a newline at most behind them, no sign but "+". */
static int kstrto(const char *s, unsigned int base, unsigned long long *value)
{
	char *end;

	if (base == 0)
		base = s[0] != '0' ? 10 : tolower(s[1]) == 'x' && isxdigit(s[2]) ? 16 : 8;
	if (base == 16 && s[0] == '0' && tolower(s[1]) == 'x')
		s += 2;
	if (!isxdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	*value = strtoull(s, &end, base);
	if (end == s || (*end == '\n' ? end[1] : *end))
		return -EINVAL;
	return errno ? -ERANGE : 0;
}

static int kstrtouint(const char *s, unsigned int base, unsigned int *value)
{
	unsigned long long v;
	int ret = kstrto(s + (*s == '+'), base, &v);

	if (ret || v != (unsigned int)v)
		return ret ?: -ERANGE;
	*value = v;
	return 0;
}

static int kstrtoint(const char *s, unsigned int base, int *value)
{
	unsigned long long v;
	int ret = kstrto(s + (*s == '-' || *s == '+'), base, &v);

	if (ret || v > (unsigned int)INT_MAX + (*s == '-'))
		return ret ?: -ERANGE;
	*value = *s == '-' ? -(long long)v : (long long)v;
	return 0;
}

/* ----------------------------------------------------------- tasks ---- */

#define UNIT_TASKS	32	/* of TIDs 1, 4, 7... */

struct pid { int nr; };
struct pid_namespace;

static struct pid unit_pid[UNIT_TASKS];
static struct task_struct unit_task[UNIT_TASKS];
static int tasklist_lock;

#define PIDTYPE_PID			0
#define TASK_COMM_LEN			16
#define read_lock(lock)			((void)++*(lock))
#define read_unlock(lock)		((void)--*(lock))
#define task_active_pid_ns(task)	((struct pid_namespace *)0)
#define task_pid_nr_ns(task, ns)	((void)(ns), (task)->pid)
#define task_tgid_nr_ns(task, ns)	((void)(ns), (task)->tgid)
#define get_task_comm(to, task)		strcpy(to, "comm")
#define for_each_process_thread(p, t)	\
	for ((p) = unit_task, (t) = (p); (t) < unit_task + UNIT_TASKS; (t)++)

static int pid_vnr(const struct pid *pid)
{
	return pid->nr;
}

static struct task_struct *pid_task(const struct pid *pid, int type)
{
	return &unit_task[pid - unit_pid];
}

/* References that are held. */
static int unit_task_refs;

#define put_task_struct(task)		((void)(task), (void)--unit_task_refs)
/* Nobody who has to wait for long waits for the lock. */
#define cond_resched()			CHECK(!tasklist_lock && !unit_me->rcu_nest)

static struct task_struct *find_get_task_by_vpid(pid_t nr)
{
	CHECK(!tasklist_lock && !unit_me->rcu_nest);
	if (nr % 3 != 1 || nr / 3 >= UNIT_TASKS)
		return NULL;
	unit_task_refs++;
	return &unit_task[nr / 3];
}

static struct pid *find_ge_pid(int nr, struct pid_namespace *ns)
{
	unsigned int i = nr <= 1 ? 0 : (nr + 1) / 3;

	CHECK(unit_me->rcu_nest);
	return i < UNIT_TASKS ? &unit_pid[i] : NULL;
}

/* ------------------------------------------------------------- other ---- */

struct mutex { bool held; };

#define DEFINE_MUTEX(name)	struct mutex name
#define mutex_lock(m)		((m)->held = true)
#define mutex_unlock(m)		((m)->held = false)
#define ktime_get_boottime_ns()	ktime_get_ns()

/* Not the slots' memory: charged to nobody. */
#undef kvcalloc
#undef kvfree
#define kvmalloc(size, gfp)	malloc(size)
#define kvcalloc(n, size, gfp)	calloc(n, size)
#define kvfree(mem)		free(mem)

#endif /* _UNIT_TRACE_H */
