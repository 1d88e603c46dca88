# SPDX-License-Identifier: GPL-2.0
#
# uprobe-slots.py - what the slots of uprobes did: hits, misses, waits
#
# perf script record uprobe-slots -- COMMAND
# perf script report uprobe-slots [--json] [--svg FILE] ...
#
# An instruction that the kernel cannot emulate is executed out of line, in a
# slot. The events uprobes:slot_* say where the slot came from; this adds them
# up for each process and each probe. The counters have the names of those in
# /sys/kernel/tracing/uprobe_slots/stats. No word of an event is known here in
# advance: reasons, and whatever else a kernel tells in words, come from the
# formats of the events.

import argparse
import array
import collections
import ctypes
import json
import math
import os
import re
import signal
import sys
import tempfile
from xml.sax.saxutils import escape

SYSTEM = "uprobes__"
HIT, MISS, AVOIDED, WAIT, RECLAIM = ("slot_hit", "slot_miss", "slot_flush_avoided",
                                     "slot_contention", "slot_reclaim")
# Sharing is none of what a limit decides for these misses.
NO_LIMIT_HELPS = MISS + "_unshareable"
# Other misses took no shared slot: how these ended is no counter of `stats`.
TRANSIENT = re.compile(MISS + "_(?!shared$|filled$)")
NS = 10 ** 9
MIN_INTERVAL_NS = 10 ** 6
MAX_INTERVALS = 2048


def parse_args():
    parser = argparse.ArgumentParser(prog="uprobe-slots",
                                     description="Report what the slots of uprobes did.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--svg", metavar="FILE",
                        help="draw hit ratio and contention over time")
    parser.add_argument("--svg-size", metavar="WxH", type=size, default=(960, 540),
                        help="of the picture (default 960x540, at least 400x300)")
    parser.add_argument("--interval", metavar="MS", type=milliseconds,
                        help="of the timeline (default: some 20 lines)")
    parser.add_argument("--live", action="store_true",
                        help="print each interval when it is over, and the rest at the end")
    parser.add_argument("--top", metavar="N", type=int, default=20,
                        help="print at most N processes and N probes (default 20, 0: all)")
    return parser.parse_args()


def size(text):
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match or int(match[1]) < 400 or int(match[2]) < 300:
        raise argparse.ArgumentTypeError("'%s' is no WIDTHxHEIGHT of at least 400x300" % text)
    return int(match[1]), int(match[2])


def milliseconds(text):
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0.001 <= value <= 1e9:
        raise argparse.ArgumentTypeError("'%s' is no number of milliseconds" % text)
    return int(value * 10 ** 6)


# ---- what perf calls ---------------------------------------------------------

def trace_begin():
    # As other filters do: no traceback when the reader has seen enough.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def define_symbolic_value(event, field, value, text):
    # perf reads a negative value as 0, which another word may have for its own.
    recorder.words.setdefault(event, {}).setdefault(field, {}).setdefault(value, text)
    recorder.symbolic[event] = sorted(recorder.words[event])
    recorder.known.clear()


def trace_unhandled(event, context, fields, sample):
    """All events: by name, so that a kernel may add fields to them."""
    if event.startswith("uprobes__slot_"):
        head = sample["sample"]
        if not recorder.again(event, head, sample["raw_buf"]):
            recorder.add(event, fields, head)


def trace_end():
    recorder.fold()
    lost.read()
    report = Report(recorder, lost.count)
    with os.fdopen(lost.stdout, "w") as out:
        if args.json:
            json.dump(report.as_dict(), out, indent=1)
            out.write("\n")
        else:
            print_report(report, out)
    if args.svg:
        try:
            with open(args.svg, "w", encoding="utf-8") as out:
                out.write(Picture(report, *args.svg_size).draw())
        except OSError as error:
            sys.exit("uprobe-slots: %s: %s" % (args.svg, error.strerror))


class Lost:
    """What perf says of lost events (--show-lost-events) while this runs.

    It tells no script, but prints; so its output goes into a file, and ours
    where its output went.
    """
    def __init__(self):
        self.count = 0
        self.stdout = os.dup(1)
        self.file = tempfile.TemporaryFile()
        os.dup2(self.file.fileno(), 1)

    def read(self):
        ctypes.CDLL(None).fflush(None)
        self.file.seek(0)
        found = collections.Counter()
        # As events, these too may be there twice.
        for line in set(self.file):
            match = re.search(rb"PERF_RECORD_(LOST\w*)\D+(\d+)", line)
            if match:
                found[match[1]] += int(match[2])
        # Both kinds of record may tell of the same loss.
        self.count = max(found.values(), default=0)


# ---- gathering -----------------------------------------------------------------

class Recorder:
    """Counts equal events of an interval as one; all else is done at the end."""

    def __init__(self, interval):
        self.fixed = interval
        self.interval = interval or MIN_INTERVAL_NS
        self.words = {}         # event -> field -> value -> word
        self.symbolic = {}      # event -> its fields that have words
        self.known = {}         # (event, word) -> names
        self.now = None         # the interval that is being counted
        self.counts = collections.Counter()
        self.waits = collections.defaultdict(lambda: array.array("Q"))
        self.totals = collections.Counter()
        self.timeline = {}      # interval -> (pid, counter) -> value
        self.comms = {}
        self.symbols = {}       # (pid, ip) -> (name, offset, dso)
        self.first = self.last = None
        self.now_ns = None      # time of the last event
        self.then = set()       # the events of that time
        self.repeated = 0

    def again(self, event, sample, raw):
        """Whether this is an event that was there before.

        perf record looks twice how far a buffer is filled: it copies what has
        come up to the second look, and then again what has since the first. perf
        sorts by time, so both copies come at once.
        """
        time = sample["time"]
        what = (event, sample["cpu"], raw)
        if time != self.now_ns:
            self.now_ns = time
            self.then = {what}
            return False
        if what in self.then:
            self.repeated += 1
            return True
        self.then.add(what)
        return False

    def add(self, event, fields, sample):
        time, tid = sample["time"], sample["tid"]
        pid = fields.get("tgid", sample["pid"])
        number = time // self.interval
        if number != self.now:
            self.fold()
            self.now = number
            if self.first is None:
                self.first = time
        if self.last is None or time > self.last:
            self.last = time
        ip = fields.get("ip")
        word = tuple([(field, fields.get(field)) for field in self.symbolic.get(event, ())])
        what = (event, pid, tid, ip, fields.get("key"), word)
        # What is done for each event makes a third of the time: most have been seen.
        if what in self.counts:
            self.counts[what] += 1
        else:
            self.counts[what] = 1
            if "tgid" not in fields:
                self.comms[tid] = fields["common_comm"]
                self.comms.setdefault(pid, fields["common_comm"])
        wait = fields.get("wait_ns")
        if wait is not None:
            self.waits[what].append(wait)
            self.counts["wait_ns", pid, word] += wait
        if (pid, ip) not in self.symbols:
            self.resolve(pid, ip, fields["common_callchain"])

    def resolve(self, pid, ip, callchain):
        """Recorded with the caller's address, that is the probe's: perf knows it."""
        for entry in callchain[:1]:
            if entry["ip"] == ip and "sym" in entry:
                self.symbols[pid, ip] = (entry["sym"]["name"], entry.get("sym_off", 0),
                                         entry.get("dso", ""))

    def names(self, event, word):
        """The counters that an event counts for: its own, and one for each word.

        Why an event came about is part of its name, as in `stats`; what else
        is told in words belongs to several events.
        """
        names = self.known.get((event, word))
        if names is None:
            names = self.known[event, word] = tuple(self.find_names(event, word))
        return names

    def find_names(self, event, word):
        name = event[len(SYSTEM):]
        words = {field: self.words[event][field].get(value, value) for field, value in word}
        why = ["%s_%s" % (name, words.pop(field)) for field in ("reason", "result")
               if field in words]
        yield name
        yield from why
        if not any(map(TRANSIENT.match, why)):
            yield from ("slot_%s_%s" % item for item in words.items())

    def other_words(self):
        """The fields, beside the reasons, that have words."""
        return sorted({field for fields in self.words.values() for field in fields} -
                      {"reason", "result"})

    def fold(self):
        if self.now is None:
            return
        row = self.timeline.setdefault(self.now, collections.Counter())
        for what, count in self.counts.items():
            if what[0] == "wait_ns":
                row[what[1], WAIT + "_ns"] += count
                continue
            self.totals[what] += count
            pid = what[1]
            for name in self.names(what[0], what[5]):
                row[pid, name] += count
        self.counts.clear()
        if args.live:
            print_live(self, self.now, row)
        if not self.fixed and len(self.timeline) > MAX_INTERVALS:
            self.widen(2)

    def widen(self, factor):
        rows = {}
        for number, row in self.timeline.items():
            rows.setdefault(number // factor, collections.Counter()).update(row)
        self.timeline = rows
        self.interval *= factor


# ---- the report ------------------------------------------------------------------

class Group:
    """A process, a probe, or all: the same figures of each."""

    def __init__(self):
        self.counters = collections.Counter()
        self.waits = collections.defaultdict(lambda: array.array("Q"))  # by counter
        self.keys = collections.defaultdict(set)                        # by task
        self.tasks = set()

    def add(self, names, what, count, waits):
        event, _, tid, _, key, _ = what
        for name in names:
            self.counters[name] += count
            if waits:
                self.waits[name].extend(waits)
        if waits:
            self.counters[WAIT + "_ns"] += sum(waits)
        if names[0] in (HIT, MISS):
            self.tasks.add(tid)
            if key is not None and NO_LIMIT_HELPS not in names:
                self.keys[tid].add(key)

    @property
    def executions(self):
        return self.counters[HIT] + self.counters[MISS]

    @property
    def ratio(self):
        return self.counters[HIT] / self.executions if self.executions else None

    @property
    def limit(self):
        """The most different instructions that one of its tasks executed."""
        return max(map(len, self.keys.values()), default=0)

    def contention(self):
        return {name: wait_figures(sorted(waits)) for name, waits in sorted(self.waits.items())}

    def as_dict(self):
        return {"executions": self.executions, "hit_ratio": self.ratio,
                "counters": dict(sorted(self.counters.items())),
                "contention": self.contention(), "tasks": len(self.tasks), "limit": self.limit}


def wait_figures(waits):
    def percentile(part):
        return waits[max(0, math.ceil(part * len(waits)) - 1)]
    return {"count": len(waits), "total_ns": sum(waits), "p50_ns": percentile(0.5),
            "p99_ns": percentile(0.99), "max_ns": waits[-1]}


class Report:
    def __init__(self, rec, lost_events):
        self.lost = lost_events
        self.repeated = rec.repeated
        self.all = Group()
        self.processes = collections.defaultdict(Group)
        self.probes = collections.defaultdict(Group)
        self.comms = rec.comms
        self.fields = rec.other_words()
        self.symbols = rec.symbols
        self.seconds = (rec.last - rec.first) / NS if rec.first is not None else 0
        for what, count in rec.totals.items():
            names = rec.names(what[0], what[5])
            waits = rec.waits.get(what)
            groups = [self.all, self.processes[what[1]]]
            if what[3] is not None:
                groups.append(self.probes[self.probe(what[1], what[3])])
            for group in groups:
                group.add(names, what, count, waits)
        if not rec.fixed:
            self.choose_interval(rec)
        self.interval = rec.interval
        self.timeline = rec.timeline
        # From the first event, not from boot.
        self.origin = min(self.timeline, default=0)

    def probe(self, pid, ip):
        """The same in all processes if it has a name, else the address in one."""
        return self.symbols.get((pid, ip)) or (pid, ip)

    def choose_interval(self, rec):
        """1, 2 or 5 times a power of ten, so that there are some 20 lines."""
        wanted = max(self.seconds * NS / 20, 1)
        step = 10 ** math.floor(math.log10(wanted))
        wide = next(step * n for n in (1, 2, 5, 10) if step * n >= wanted)
        rec.widen(max(1, round(wide / rec.interval)))

    def rows(self):
        """(seconds since the first row, counters of all, counters by process)"""
        for number in sorted(self.timeline):
            total, each = collections.Counter(), collections.defaultdict(collections.Counter)
            for (pid, name), value in self.timeline[number].items():
                total[name] += value
                each[pid][name] += value
            yield (number - self.origin) * self.interval / NS, total, each

    def missing(self):
        """Each hit, and each miss that found a slot, is followed by one more event.

        At both ends a recording may cut such a pair, so what lies between counts.
        """
        rows = [total for _, total, _ in self.rows()]
        while rows and not rows[0][AVOIDED]:
            rows.pop(0)
        while rows and not rows[-1][AVOIDED]:
            rows.pop()
        due = sum(total[HIT] + total[MISS + "_shared"] for total in rows[1:-1])
        found = sum(total[AVOIDED] for total in rows[1:-1])
        return abs(due - found) if abs(due - found) > due / 100 else 0

    def limits(self):
        """(limit, tasks that it suffices, of how many, what part of the executions)"""
        keys = self.all.keys
        need = sorted(len(k) for k in keys.values())
        steps = sorted(set(need))
        if len(steps) > 8:
            steps = sorted({need[math.ceil(len(need) * i / 8) - 1] for i in range(1, 9)})
        for limit in steps:
            yield limit, sum(n <= limit for n in need), len(need)

    def by_executions(self, groups):
        return sorted(groups.items(), key=lambda item: (-item[1].executions, str(item[0])))

    def process_name(self, pid):
        return "%s:%s" % (self.comms.get(pid, "?"), pid)

    def probe_name(self, probe):
        if len(probe) == 3:
            return "%s+0x%x (%s)" % (probe[0], probe[1], os.path.basename(probe[2]))
        return "0x%x in %s" % (probe[1], self.process_name(probe[0]))

    def as_dict(self):
        return dict(
            self.all.as_dict(), seconds=self.seconds, lost=self.lost, repeated=self.repeated,
            missing=self.missing(),
            limits=[dict(zip(("limit", "tasks", "of"), row)) for row in self.limits()],
            processes=[dict(group.as_dict(), pid=pid, comm=self.comms.get(pid))
                       for pid, group in self.by_executions(self.processes)],
            probes=[dict(group.as_dict(), **self.probe_dict(probe))
                    for probe, group in self.by_executions(self.probes)],
            timeline={"interval_ns": self.interval, "rows": [
                {"s": time, "counters": dict(sorted(total.items()))}
                for time, total, _ in self.rows()]})

    @staticmethod
    def probe_dict(probe):
        keys = ("symbol", "offset", "dso") if len(probe) == 3 else ("pid", "ip")
        return dict(zip(keys, probe))


# ---- text ------------------------------------------------------------------------

def percent(counters):
    runs = counters[HIT] + counters[MISS]
    return "%.2f" % (100 * counters[HIT] / runs) if runs else "-"


def duration(ns):
    for unit, name in ((NS, "s"), (10 ** 6, "ms"), (10 ** 3, "us")):
        if ns >= unit:
            return "%.3g %s" % (ns / unit, name) if ns < 1000 * unit else "%d %s" % (ns / unit, name)
    return "%d ns" % ns


def parts(counters, name):
    """The words of one counter: 'filled 3, shared 4', the most frequent first."""
    found = [(value, key[len(name) + 1:]) for key, value in counters.items()
             if key.startswith(name + "_") and value and not key.endswith("_ns")]
    return ", ".join("%s %d" % (word, value) for value, word in sorted(found, reverse=True))


def table(out, title, head, rows, rest=0):
    """The last column is text, the others are figures; the first is a name."""
    if not rows:
        return
    rows = [[str(cell) for cell in row] for row in rows]
    width = [max(len(row[i]) for row in [head] + rows) for i in range(len(head))]
    out.write("\n%s\n" % title)
    for row in [head] + rows:
        cells = ["%-*s" % (width[0], row[0])]
        cells += ["%*s" % (width[i], row[i]) for i in range(1, len(row) - 1)]
        out.write(("  " + "  ".join(cells + [row[-1]])).rstrip() + "\n")
    if rest:
        out.write("  and %d more: --top 0 prints all\n" % rest)


def print_groups(out, title, named, *limit):
    shown = named[:args.top] if args.top > 0 else named
    head = ["", "hits", "misses", "hit %", "avoided", "tasks", *limit, "misses by reason"]
    table(out, title, head,
          [[name, g.counters[HIT], g.counters[MISS], percent(g.counters), g.counters[AVOIDED],
            len(g.tasks)] + [g.limit for _ in limit] + [parts(g.counters, MISS)]
           for name, g in shown], len(named) - len(shown))


def print_waits(out, title, named):
    named = [item for item in named if item[1].waits]
    shown = named[:args.top] if args.top > 0 else named
    rows = []
    for name, group in shown:
        for counter, f in group.contention().items():
            if counter != WAIT:
                rows.append([name, f["count"]] +
                            [duration(f[k]) for k in ("total_ns", "p50_ns", "p99_ns", "max_ns")] +
                            [counter[len(WAIT) + 1:]])
    table(out, title, ["", "waits", "total", "p50", "p99", "max", "for"], rows,
          len(named) - len(shown))


def print_report(report, out):
    counters = report.all.counters
    if report.lost:
        out.write("LOST: %d events were not recorded; the figures are too small. Record with"
                  " a larger buffer (-m).\n" % report.lost)
    elif report.missing():
        out.write("INCOMPLETE: some %d events are missing (lost, filtered, or not"
                  " recorded).\n" % report.missing())
    if report.repeated:
        out.write("%d events are in the recording twice, as perf may write them; each was"
                  " counted once.\n" % report.repeated)
    if not counters:
        out.write("No slot events: no probe was hit out of line, or enable is 0.\n")
        return
    out.write("%d executions out of line in %.3f s: %d hits, %d misses, hit ratio %s %%\n" %
              (report.all.executions, report.seconds, counters[HIT], counters[MISS],
               percent(counters)))
    for field in report.fields:
        out.write("%s: %s\n" % (field, parts(counters, "slot_" + field)))
    processes = [(report.process_name(pid), g) for pid, g in report.by_executions(report.processes)]
    probes = [(report.probe_name(p), g) for p, g in report.by_executions(report.probes)]
    print_groups(out, "Processes", [item for item in processes if item[1].executions], "limit")
    print_groups(out, "Probes", [item for item in probes if item[1].executions])
    print_waits(out, "Contention, by process", processes)
    print_waits(out, "Contention, by probe", probes)
    table(out, "Reclaim, by process", ["", "slots", "results"],
          [[name, g.counters[RECLAIM], parts(g.counters, RECLAIM)]
           for name, g in processes if g.counters[RECLAIM]])
    table(out, "What cache_limit would have sufficed", ["limit", "tasks"],
          [[limit, "%d of %d" % (tasks, of)] for limit, tasks, of in report.limits()])
    if not args.live:
        table(out, "Timeline, in steps of %s" % duration(report.interval), TIMELINE,
              [timeline_row(time, total) for time, total, _ in report.rows()])


TIMELINE = ["s", "hits", "misses", "hit %", "avoided", "waits", "waited", "reclaims", ""]


def timeline_row(time, counters):
    return ["%.3f" % time, counters[HIT], counters[MISS], percent(counters), counters[AVOIDED],
            counters[WAIT], duration(counters[WAIT + "_ns"]), counters[RECLAIM],
            parts(counters, MISS)]


def print_live(rec, number, row):
    total = collections.Counter()
    for (_, name), value in row.items():
        total[name] += value
    cells = timeline_row(number * rec.interval / NS, total)
    line = "  ".join("%s %s" % pair for pair in zip(TIMELINE, cells[:-1])) + "  " + cells[-1]
    os.write(lost.stdout, (line + "\n").encode())


# ---- the picture -----------------------------------------------------------------

# Told apart also by those who do not see all colours.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f00"]
OTHERS = "#666666"
ALL = "#bbbbbb"
FONT = 12
LINE = 18               # from one line of text to the next
ROOM = 11.5 * LINE      # for all but the legend
CHAR = 7                # no letter of that font is wider on average


class Picture:
    """Hit ratio above, contention below, one colour for each of a few processes."""

    def __init__(self, report, width, height):
        self.report = report
        self.width, self.height = width, height
        self.rows = list(report.rows())
        self.out = []
        # As many as have room below; the rest becomes one.
        for most in range(len(COLOURS), 0, -1):
            self.series = list(self.choose(report.by_executions(report.processes), most))
            if self.legend_layout()["height"] <= height - ROOM:
                break

    def choose(self, ranked, most):
        """(name, colour, pids, counters) of the processes that did most, and of the rest."""
        shown = ranked if len(ranked) <= most + 1 else self.with_waiter(ranked, most)
        for i, (pid, group) in enumerate(shown):
            yield (self.report.process_name(pid), (COLOURS[:most] + [OTHERS])[i], {pid},
                   group.counters)
        if len(ranked) > len(shown):
            rest, sum_of = [item for item in ranked if item not in shown], collections.Counter()
            for _, group in rest:
                sum_of.update(group.counters)
            yield "%d others" % len(rest), OTHERS, {pid for pid, _ in rest}, sum_of

    @staticmethod
    def with_waiter(ranked, most):
        """The first, and who waited longest: the lower panel is about waits."""
        waiter = max(ranked, key=lambda item: item[1].counters[WAIT + "_ns"])
        if waiter[1].counters[WAIT + "_ns"] and waiter not in ranked[:most]:
            return ranked[:most - 1] + [waiter]
        return ranked[:most]

    def text(self, x, y, text, anchor="start", extra=""):
        self.out.append('<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>' %
                        (x, y, anchor, extra, escape(text)))

    def fit(self, text, width):
        room = max(1, int(width / CHAR))
        return text if len(text) <= room else text[:room - 1] + "\u2026"

    def line(self, x1, y1, x2, y2, colour):
        self.out.append('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>' %
                        (x1, y1, x2, y2, colour))

    def draw(self):
        legend = self.legend_layout()
        top, left, right = 3.6 * LINE, 62, self.width - 16
        bottom = self.height - legend["height"] - 2 * LINE
        gap = 2.2 * LINE
        middle = top + (bottom - top - gap) * 0.6
        self.scale_time(left, right)
        self.title()
        self.panel(left, right, top, middle, "hit ratio", 100, "%g %%", [0, 25, 50, 75, 100])
        self.ratios(top, middle)
        self.waits(left, right, middle + gap, bottom)
        self.time_axis(bottom)
        self.legend(legend, bottom + 2 * LINE)
        return ('<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg"'
                ' viewBox="0 0 %d %d" width="%d" height="%d" font-family="DejaVu Sans, Arial,'
                ' sans-serif" font-size="%d" fill="#222">\n'
                '<rect width="100%%" height="100%%" fill="#fff"/>\n%s\n</svg>\n' %
                (self.width, self.height, self.width, self.height, FONT, "\n".join(self.out)))

    def title(self):
        counters = self.report.all.counters
        what = "%d executions, %s %% hits, %d waits" % (
            self.report.all.executions, percent(counters), counters[WAIT])
        if self.report.lost:
            what = "%d EVENTS LOST; " % self.report.lost + what
        self.text(12, LINE, "Uprobe slots", extra=' font-weight="bold"')
        self.text(12, 2 * LINE - 2, self.fit(what, self.width - 24))

    def scale_time(self, left, right):
        step = self.report.interval / NS
        self.end = (self.rows[-1][0] if self.rows else 0) + step
        self.left, self.right = left, right
        self.x = lambda time: left + (right - left) * time / self.end

    def panel(self, left, right, top, bottom, title, most, label, ticks):
        self.text(left, top - 6, title, extra=' font-weight="bold"')
        fits = max(1, int((bottom - top) / LINE))
        for tick in ticks[::max(1, math.ceil((len(ticks) - 1) / fits))]:
            y = bottom - (bottom - top) * tick / most
            self.line(left, y, right, y, "#ddd")
            self.text(left - 6, y + 4, label % tick, "end")

    def ratios(self, top, bottom):
        step = self.report.interval / NS

        def points(counters_of):
            """Runs of intervals with executions: nothing is drawn where there are none."""
            run, last = [], None
            for time, total, each in self.rows:
                counters = counters_of(total, each)
                runs = counters[HIT] + counters[MISS]
                if run and (not runs or time - last > 1.5 * step):
                    yield run
                    run = []
                if runs:
                    y = bottom - (bottom - top) * counters[HIT] / runs
                    run.append((self.x(time + step / 2), y))
                    last = time
            if run:
                yield run

        def sum_of(pids):
            def add(_, each):
                result = collections.Counter()
                for pid in pids & each.keys():
                    result.update(each[pid])
                return result
            return add
        # Below the others, and wider: they may be the same.
        self.lines(points(lambda total, _: total), ALL, 5)
        for _, colour, pids, _ in reversed(self.series):
            self.lines(points(sum_of(pids)), colour, 1.5)

    def lines(self, runs, colour, width):
        for run in runs:
            if len(run) == 1:
                self.out.append('<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s"/>' %
                                (*run[0], width + 0.5, colour))
                continue
            self.out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="%s"'
                            ' stroke-linejoin="round"/>' %
                            (" ".join("%.1f,%.1f" % point for point in run), colour, width))

    def waits(self, left, right, top, bottom):
        most = max((total[WAIT + "_ns"] for _, total, _ in self.rows), default=0)
        step = nice_step(most / 4) if most else 1
        unit, name = next(((u, n) for u, n in ((NS, "s"), (10 ** 6, "ms"), (10 ** 3, "us"))
                           if step >= u), (1, "ns"))
        count = math.ceil(most / step) if most else 1
        self.panel(left, right, top, bottom, "time waited, in steps of %s" %
                   duration(self.report.interval) if most else "no contention",
                   count * step / unit, "%g " + name,
                   [i * step / unit for i in range(count + 1)] if most else [])
        self.line(left, bottom, right, bottom, "#888")
        for time, _, each in self.rows:
            y, x = bottom, self.x(time)
            wide = max(self.x(time + self.report.interval / NS) - x - 1, 0.5)
            for _, colour, pids, _ in self.series:
                tall = (bottom - top) * sum(each[p][WAIT + "_ns"] for p in pids & each.keys())
                tall /= count * step
                if tall:
                    y -= tall
                    self.out.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f"'
                                    ' fill="%s"/>' % (x, y, wide, tall, colour))

    def time_axis(self, y):
        step = nice_step(self.end / max(1, (self.right - self.left) / 90))
        for i in range(int(self.end / step) + 1):
            x = self.x(i * step)
            self.line(x, y, x, y + 4, "#888")
            if x < self.right - 20:
                self.text(x, y + LINE, "%g s" % round(i * step, 9), "start" if i == 0 else "middle")

    def legend_entries(self):
        yield "all", ALL, "%s %%" % percent(self.report.all.counters)
        for name, colour, _, counters in self.series:
            yield name, colour, percent(counters) + " %" if percent(counters) != "-" else ""

    def legend_layout(self):
        entries = list(self.legend_entries())
        longest = max(len(name) + len(figure) + 2 for name, _, figure in entries)
        wide = min(26 + CHAR * longest + 14, self.width - 24)
        columns = max(1, int((self.width - 24) / wide))
        lines = math.ceil(len(entries) / columns)
        return {"entries": entries, "wide": wide, "columns": columns, "height": lines * LINE + 6}

    def legend(self, layout, y):
        for i, (name, colour, figure) in enumerate(layout["entries"]):
            x = 12 + i % layout["columns"] * layout["wide"]
            line = y + i // layout["columns"] * LINE
            self.out.append('<rect x="%.1f" y="%.1f" width="14" height="10" fill="%s"/>' %
                            (x, line, colour))
            self.text(x + 20, line + 10, self.fit(("%s  %s" % (name, figure)).rstrip(),
                                                  layout["wide"] - 26))


def nice_step(least):
    step = 10 ** math.floor(math.log10(least)) if least else 1
    return next(step * n for n in (1, 2, 5, 10) if step * n >= least * 0.999)


args = parse_args()
lost = Lost()
recorder = Recorder(args.interval)
