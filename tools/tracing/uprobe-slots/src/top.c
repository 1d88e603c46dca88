// SPDX-License-Identifier: GPL-2.0-only
/*
 * top: who hits and who misses, live.
 *
 * Plain ANSI sequences on a terminal; without one a table per interval.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "command.h"
#include "limits.h"
#include "slots.h"
#include "table.h"
#include "uprobe-slots.h"
#include "utils.h"

#define ENTER_SCREEN	"\033[?1049h\033[?25l"
#define LEAVE_SCREEN	"\033[?25h\033[?1049l"
#define HOME		"\033[H"
#define END_OF_LINE	"\033[K\r\n"
#define END_OF_SCREEN	"\033[J"

#define INTERVAL_MIN	0.1
#define INTERVAL_MAX	60.0

struct top {
	struct choice choice;
	double interval;
	unsigned long long count;	/* 0: no end */
	bool json;

	struct table total;		/* as the kernel has it */
	struct table rate;		/* per second, since the time before */
	double when;
	bool cumulative, paused, help, quit;
	size_t sort;
	int selected;			/* tid or pid, 0: the first row */
	size_t at;			/* its row, for when it is gone */
	bool asking;			/* a limit is typed */
	char answer[16];
	char message[512];
};

static struct termios terminal_before;
static volatile sig_atomic_t suspended;

static void on_suspend(int sig)
{
	suspended = sig;
}

/* Only wakes poll(). */
static void on_resize(int sig)
{
	(void)sig;
}

static void terminal_enter(void)
{
	struct termios raw = terminal_before;

	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs(ENTER_SCREEN, stdout);
}

static void terminal_leave(void)
{
	fputs(LEAVE_SCREEN, stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
}

/* Ctrl-Z: the shell gets its terminal as it was. */
static void suspend(void)
{
	terminal_leave();
	suspended = 0;
	signal(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	signal(SIGTSTP, on_suspend);
	terminal_enter();
}

/* --------------------------------------------------------------- tables -- */

static int copy_rows(struct table *to, const struct table *from)
{
	*to = (struct table){ .nr = from->nr, .by_process = from->by_process };
	to->row = malloc((from->nr + 1) * sizeof(*to->row));
	if (!to->row)
		return out_of_memory();
	if (from->nr)
		memcpy(to->row, from->row, from->nr * sizeof(*to->row));
	return EXIT_OK;
}

/* The rows of t->rate share their texts with t->total. */
static int refresh(struct top *t)
{
	struct table now;
	double when = now_boot(), seconds = when - t->when;
	size_t i;
	int ret;

	ret = table_read(&now, &t->choice);
	if (ret)
		return ret;
	free(t->rate.row);
	ret = copy_rows(&t->rate, &now);
	if (!ret && t->when && t->total.by_process == now.by_process) {
		table_subtract(&t->rate, &t->total);
		for (i = 0; i < t->rate.nr; i++) {
			t->rate.row[i].hits = t->rate.row[i].hits / seconds + 0.5;
			t->rate.row[i].misses = t->rate.row[i].misses / seconds + 0.5;
		}
		table_sort(&t->rate, t->choice.sort);
	}
	table_free(&t->total);
	t->total = now;
	t->when = when;
	return ret;
}

static struct table *shown(struct top *t)
{
	return t->cumulative ? &t->total : &t->rate;
}

static int id_of(const struct table *table, const struct row *row)
{
	return table->by_process ? row->tgid : row->tid;
}

/* The selection stays with its task; if that is gone, with its place. */
static void find_selected(struct top *t)
{
	const struct table *table = shown(t);
	size_t i;

	for (i = 0; i < table->nr; i++) {
		if (id_of(table, &table->row[i]) == t->selected) {
			t->at = i;
			return;
		}
	}
	if (t->at >= table->nr)
		t->at = table->nr ? table->nr - 1 : 0;
	t->selected = table->nr ? id_of(table, &table->row[t->at]) : 0;
}

/* --------------------------------------------------------------- screen -- */

static void print_line(const char *text, int columns)
{
	printf("%.*s" END_OF_LINE, columns, text);
}

static void draw_head(const struct top *t, const struct table *table, int columns)
{
	char line[512];

	snprintf(line, sizeof(line), "uprobe-slots: %zu %s, %s, by %s, every %.1f s%s", table->nr,
		 table->by_process ? "processes" : "tasks",
		 t->cumulative ? "since their first hit" : "per second",
		 t->choice.sort, t->interval, t->paused ? ", PAUSED" : "");
	print_line(line, columns);
	if (t->asking)
		snprintf(line, sizeof(line), "limit of %s %d (a number or default): %s_",
			 table->by_process ? "process" : "task", t->selected, t->answer);
	else if (t->help)
		snprintf(line, sizeof(line),
			 "q quit  p pause  s sort  t tasks  c totals  j/k select  l limit  +/- interval");
	else
		snprintf(line, sizeof(line), "%s", *t->message ? t->message : "? for help");
	print_line(line, columns);
}

static void draw(struct top *t)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	const struct table *table = shown(t);
	size_t i, first = 0, rows;
	char line[512];

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	if (size.ws_row < 5)
		size.ws_row = 5;
	if (size.ws_col < 20)
		size.ws_col = 20;
	rows = size.ws_row - 4;
	find_selected(t);
	if (t->at >= rows)
		first = t->at - rows + 1;
	fputs(HOME, stdout);
	draw_head(t, table, size.ws_col);
	table_head(table, line, sizeof(line));
	printf("%s", colour(BOLD));
	printf(" ");
	print_line(line, size.ws_col - 1);
	printf("%s", colour(NORMAL));
	for (i = first; i < table->nr && i < first + rows; i++) {
		row_line(table, &table->row[i], line, sizeof(line));
		putchar(i == t->at ? '>' : ' ');
		print_line(line, size.ws_col - 1);
	}
	fputs(END_OF_SCREEN, stdout);
	fflush(stdout);
}

/* ----------------------------------------------------------------- keys -- */

static void apply_limit(struct top *t)
{
	char id[16];
	const struct target target = {
		.whose = t->choice.by_process ? WHOSE_PID : WHOSE_TID, .text = id,
	};
	size_t nr;

	t->asking = false;
	snprintf(id, sizeof(id), "%d", t->selected);
	messages_to(t->message, sizeof(t->message));
	if (!limit_check(t->answer) && !limits_set(&target, t->answer, &nr))
		snprintf(t->message, sizeof(t->message), "%s: limit %s, %zu task%s",
			 target_name(&target), t->answer, nr, nr == 1 ? "" : "s");
	messages_to(NULL, 0);
}

static void answer_key(struct top *t, int key)
{
	size_t len = strlen(t->answer);

	switch (key) {
	case '\r':
	case '\n':
		if (len)
			apply_limit(t);
		t->asking = false;
		break;
	case '\033':
		t->asking = false;
		break;
	case '\b':
	case 0x7f:
		if (len)
			t->answer[len - 1] = '\0';
		break;
	default:
		if (key > ' ' && key < 0x7f && len + 1 < sizeof(t->answer)) {
			t->answer[len] = (char)key;
			t->answer[len + 1] = '\0';
		}
	}
}

static void select_row(struct top *t, int step)
{
	const struct table *table = shown(t);

	if (step < 0 && t->at)
		t->at--;
	if (step > 0 && t->at + 1 < table->nr)
		t->at++;
	t->selected = table->nr ? id_of(table, &table->row[t->at]) : 0;
}

static void next_sort(struct top *t)
{
	if (!sort_name(++t->sort))
		t->sort = 0;
	t->choice.sort = sort_name(t->sort);
	table_sort(&t->total, t->choice.sort);
	table_sort(&t->rate, t->choice.sort);
}

/* True if there is something new to read for it. */
static bool command_key(struct top *t, int key)
{
	t->message[0] = '\0';
	switch (key) {
	case 'q':
		t->quit = true;
		break;
	case 'p':
	case ' ':
		t->paused = !t->paused;
		break;
	case 's':
		next_sort(t);
		break;
	case 't':
		t->choice.by_process = !t->choice.by_process;
		t->selected = 0;
		t->at = 0;
		return true;
	case 'c':
		t->cumulative = !t->cumulative;
		break;
	case 'k':
		select_row(t, -1);
		break;
	case 'j':
		select_row(t, 1);
		break;
	case 'l':
	case '\r':
	case '\n':
		t->asking = t->selected != 0;
		t->answer[0] = '\0';
		break;
	case '+':
		t->interval = t->interval * 2 > INTERVAL_MAX ? INTERVAL_MAX : t->interval * 2;
		break;
	case '-':
		t->interval = t->interval / 2 < INTERVAL_MIN ? INTERVAL_MIN : t->interval / 2;
		break;
	case '?':
	case 'h':
		t->help = !t->help;
		break;
	}
	return false;
}

/* Arrows come as ESC [ A and ESC [ B. */
static bool read_keys(struct top *t)
{
	char keys[64];
	ssize_t i, n = read(STDIN_FILENO, keys, sizeof(keys));
	bool again = false;

	if (!n || (n < 0 && errno != EINTR && errno != EAGAIN))
		t->quit = true;		/* the terminal has gone */
	for (i = 0; i < n; i++) {
		int key = keys[i];

		if (key == '\033' && i + 2 < n && keys[i + 1] == '[') {
			key = keys[i + 2] == 'A' ? 'k' : keys[i + 2] == 'B' ? 'j' : 0;
			i += 2;
			if (t->asking)
				continue;
		}
		if (t->asking)
			answer_key(t, key);
		else
			again |= command_key(t, key);
	}
	return again;
}

/*
 * How many milliseconds to wait for a key. Never less than 0, which is for ever: on a
 * busy machine drawing may take longer than the interval. And never long: a signal that
 * comes before poll() does not wake it.
 */
static int patience(const struct top *t, double next)
{
	double ms = t->paused ? 1000 : (next - now_boot()) * 1000 + 1;

	return ms < 0 ? 0 : ms > 1000 ? 1000 : ms;
}

static int live(struct top *t)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	unsigned long long shown_nr = 0;
	double next = 0;
	bool now = true;
	int ret = EXIT_OK;

	while (!t->quit && !stopped && !ret) {
		if (suspended)
			suspend();
		if (now || (!t->paused && now_boot() >= next)) {
			if (t->count && shown_nr++ == t->count)
				break;
			ret = refresh(t);
			next = now_boot() + t->interval;
		}
		if (ret)
			break;
		draw(t);
		now = false;
		if (poll(&in, 1, patience(t, next)) > 0)
			now = read_keys(t);
	}
	return ret;
}

static int on_terminal(struct top *t)
{
	char error[512] = "";
	int ret;

	signal(SIGTSTP, on_suspend);
	signal(SIGWINCH, on_resize);
	terminal_enter();
	messages_to(error, sizeof(error));
	ret = live(t);
	messages_to(NULL, 0);
	terminal_leave();
	if (ret)
		note("%s", error);
	return ret;
}

/* ------------------------------------------------------------ in a pipe -- */

static int in_a_pipe(struct top *t)
{
	unsigned long long nr;
	int ret = refresh(t);

	for (nr = 0; !ret && (!t->count || nr < t->count); nr++) {
		double next = t->when + t->interval;

		while (!stopped && now_boot() < next)
			sleep_seconds(next - now_boot());
		if (stopped)
			break;
		ret = refresh(t);
		if (ret)
			break;
		if (t->json)
			ret = print_json(table_json(&t->rate));
		else
			table_print(&t->rate);
		if (!t->json)
			printf("\n");
		if (!output_flush())
			break;
	}
	return ret;
}

static int top(struct top *t)
{
	struct table first;
	int ret;

	ret = slots_open();
	/* What is wrong is said before the screen is taken. */
	if (!ret)
		ret = table_read(&first, &t->choice);
	if (ret)
		return ret;
	table_free(&first);
	catch_signals();
	if (!t->json && isatty(STDOUT_FILENO) && !tcgetattr(STDIN_FILENO, &terminal_before))
		ret = on_terminal(t);
	else
		ret = in_a_pipe(t);
	free(t->rate.row);
	table_free(&t->total);
	return ret;
}

static int set_sort(struct top *t, const char *name)
{
	t->choice.sort = name;
	for (t->sort = 0; sort_name(t->sort) && strcmp(sort_name(t->sort), name); t->sort++)
		;
	return choice_check(&t->choice);
}

static int top_option(struct top *t, int c, const char *text)
{
	switch (c) {
	case 'j':
		t->json = true;
		return EXIT_OK;
	case 't':
		t->choice.by_process = false;
		return EXIT_OK;
	case 's':
		return set_sort(t, text);
	case 'p':
		if (!parse_id(text, &t->choice.pid))
			return fail(EXIT_USAGE, "'%s' is no process ID", text);
		return EXIT_OK;
	case 'i':
		if (!parse_seconds(text, &t->interval))
			return fail(EXIT_USAGE, "'%s' is no interval: 0.01 to 86400 seconds", text);
		return EXIT_OK;
	default:
		if (!parse_number(text, &t->count) || !t->count)
			return fail(EXIT_USAGE, "'%s' is no number of times", text);
		return EXIT_OK;
	}
}

static int top_main(const struct verb *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION,
		{ "tasks", no_argument, NULL, 't' },
		{ "sort", required_argument, NULL, 's' },
		{ "pid", required_argument, NULL, 'p' },
		{ "interval", required_argument, NULL, 'i' },
		{ "count", required_argument, NULL, 'n' },
		{ 0 }
	};
	struct top t = { .choice = { .by_process = true, .sort = "total" }, .interval = 1 };
	int c, ret = EXIT_OK;

	while (!ret && (c = getopt_long(argc, argv, "+hjts:p:i:n:", options, NULL)) != -1) {
		if (c == 'h')
			return verb_help(self);
		if (c == '?')
			return verb_usage(self);
		ret = top_option(&t, c, optarg);
	}
	if (!ret)
		ret = verb_no_more(self, argc, argv);
	return ret ? ret : top(&t);
}

const struct verb top_verb = {
	.name = "top",
	.summary = "hits and misses of each process, live",
	.usage =
	"uprobe-slots top [OPTIONS]\n"
	"\n"
	"Shows per second who hits and who misses. Keys: q quit, p or space pause, s next\n"
	"order, t tasks or processes, c totals or rates, j and k or arrows select, l or Enter\n"
	"change the limit of the selected process, + and - the interval, ? help. Where there\n"
	"is no terminal it prints a table per interval.\n"
	"\n"
	"  -t, --tasks          a row for each task, not for each process\n"
	"  -s, --sort ORDER     as for `uprobe-slots tasks`\n"
	"  -p, --pid N          only the tasks of this process\n"
	"  -i, --interval S     seconds, 1 if not given\n"
	"  -n, --count N        end after N times\n"
	JSON_LINE HELP_LINE,
	.run = top_main,
};
