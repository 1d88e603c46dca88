# SPDX-License-Identifier: GPL-2.0-or-later
"""What meter.c recorded, and the figures per hit that follow from it."""

import bisect
import collections
import re
import subprocess

LINES_OF_PAGE = 4096 // 64
# A cache line is shared-written if two CPUs access it in at least this part of
# their hits, and one of them writes it in that part. One stray wake-up in a
# window does not make a line shared. Nothing strays into a slot page: a line there
# is if two CPUs write it at all.
ACCESSED, WRITTEN = 0.05, 0.02

Use = collections.namedtuple('Use', 'kind cpu page rmws line pc count')


class Window:
    """One run of the target: what each CPU's hits executed and touched."""

    def __init__(self):
        self.spoiled = {}                                # cpu: hits not counted
        self.classes = collections.defaultdict(dict)     # cpu: {(page, rmws): hits}
        self.lines = collections.defaultdict(dict)       # line: {cpu: (accessed, written)}
        self.uses = []
        self.page0 = None                                # of [uprobes]: transient slots
        self.slots = {}                                  # slot page: frame

    def add(self, words):
        kind, cpu, rest = words[0], int(words[1]), words[2:]
        if kind == 'cpu':
            self.spoiled[cpu] = int(rest[0])
        elif kind == 'page':
            self.classes[cpu][int(rest[0], 16), int(rest[1])] = int(rest[2])
        elif kind == 'line':
            self.lines[int(rest[0], 16)][cpu] = tuple(int(n) for n in rest[1:])
        else:
            page, line, pc = (int(rest[i], 16) for i in (0, 2, 3))
            self.uses.append(Use(kind, cpu, page, int(rest[1]), line, pc, int(rest[4])))

    def hits_of(self, cpu):
        return sum(self.classes[cpu].values())

    def shared_written(self):
        """The lines that are."""
        hits = {cpu: self.hits_of(cpu) for cpu in self.classes}
        slots = set(self.slots.values())
        lines = set()
        for line, cpus in self.lines.items():
            if line // LINES_OF_PAGE in slots:
                users = writers = [cpu for cpu, (_, n) in cpus.items() if n]
            else:
                users = [cpu for cpu, (n, _) in cpus.items() if n >= ACCESSED * hits[cpu]]
                writers = [cpu for cpu, (_, n) in cpus.items() if n >= WRITTEN * hits[cpu]]
            if len(users) > 1 and any(cpu in users for cpu in writers):
                lines.add(line)
        return lines

    def places(self):
        """{page: 'emulated', 'transient' or 'shared'}: where hits were executed."""
        pages = {page for classes in self.classes.values() for page, _ in classes}
        return {page: 'emulated' if not page else
                      'transient' if page == self.page0 else 'shared' for page in pages}


class Figures:
    """
    Per hit; of the hits that were executed in @where only. @handlers says at which
    addresses the kernel handles exceptions, by what they are.

    A hit that loses a race does an atomic access again, and CPUs that run in step
    with each other may lose one at every other hit for a while: that many then is
    a matter of luck. So there are two figures. `shared_rmw` is the mean of all
    hits. `usual_shared_rmw` is that of the *usual* hits only: those with as many
    atomic accesses as more hits have than any other number. What the rest does is
    not hidden: `others` says how many they are, and with one CPU, where there is
    nobody to lose to, the mean of all has to be the usual.
    """

    def __init__(self, window, where, handlers):
        places = window.places()
        hits = collections.Counter()                     # {rmws: hits}
        for classes in window.classes.values():
            for (page, rmws), n in classes.items():
                if places[page] == where:
                    hits[rmws] += n
        self.hits = hits.total()
        self.usual_rmw, usual_hits = hits.most_common(1)[0]
        self.others = 1 - usual_hits / self.hits

        self.uses = [use for use in window.uses if places[use.page] == where]
        shared, slots = window.shared_written(), set(window.slots.values())
        by_kind = collections.defaultdict(list)
        for use in self.uses:
            by_kind[use.kind].append(use)
        shared_rmws = [use for use in by_kind['rmw'] if use.line in shared]

        self.instructions = self.per_hit(by_kind['exec'])
        self.kernel = self.per_hit(use for use in by_kind['exec'] if use.pc >> 63)
        self.rmw = self.per_hit(by_kind['rmw'])
        self.shared_rmw = self.per_hit(shared_rmws)
        self.usual_shared_rmw = sum(use.count for use in shared_rmws
                                    if use.rmws == self.usual_rmw) / usual_hits
        self.shared_stores = self.per_hit(use for use in by_kind['store']
                                          if use.line in shared)
        self.slot_stores = self.per_hit(use for use in by_kind['store'] + by_kind['rmw']
                                        if use.line // LINES_OF_PAGE in slots)
        self.maintenance = self.per_hit(by_kind['cache'])
        self.exceptions = {what: self.per_hit(use for use in by_kind['enter'] if use.pc in at)
                           for what, at in handlers.items()}
        # Who touches the shared lines, and who maintains caches.
        self.by_place = collections.Counter()
        for use in self.uses:
            if use.line in shared or use.kind == 'cache':
                self.by_place[use.line, use.kind, use.pc] += use.count / self.hits

    def per_hit(self, uses):
        return sum(use.count for use in uses) / self.hits

    def as_dict(self):
        return {name: value for name, value in vars(self).items()
                if name not in ('uses', 'by_place')}

    def by_symbol(self, symbols):
        """{function: instructions per hit}"""
        counts = collections.Counter()
        for use in self.uses:
            if use.kind == 'exec':
                name = symbols.name(use.pc).split('+')[0] if use.pc >> 63 else 'user mode'
                counts[name] += use.count / self.hits
        return counts


class Symbols:
    """Of a kernel image; @cross names the tools that can disassemble it."""

    def __init__(self, image, cross=''):
        self.image, self.cross = image, cross
        self.handlers = {}      # what exceptions: addresses
        self.at = []
        for line in subprocess.run(['nm', image], check=True, text=True,
                                   stdout=subprocess.PIPE).stdout.splitlines():
            words = line.split()
            if len(words) == 3 and words[1] not in 'aA':
                self.at.append((int(words[0], 16), words[2]))
        self.at.sort()

    def addresses(self, pattern):
        return [addr for addr, name in self.at if pattern.fullmatch(name)]

    def name(self, addr):
        i = bisect.bisect_right(self.at, (addr, '\x7f'))
        if not i or addr >> 47 != 0x1ffff:
            return hex(addr)
        start, name = self.at[i - 1]
        return f'{name}+0x{addr - start:x}'

    def _tool(self, name, *words):
        return subprocess.run([self.cross + name, *words], check=True, text=True,
                              stdout=subprocess.PIPE).stdout.splitlines()

    def instruction(self, addr):
        """As the image has it: what is patched at run time is not seen."""
        for line in self._tool('objdump', '-d', '--no-show-raw-insn', self.image,
                               f'--start-address={addr}', f'--stop-address={addr + 16}'):
            if line.strip().startswith(f'{addr:x}:'):
                return ' '.join(line.split(':', 1)[1].split())
        return '?'

    def source(self, addr):
        """FILE:LINE; empty without CONFIG_DEBUG_INFO, as in the test kernels."""
        line = self._tool('addr2line', '-e', self.image, f'{addr:x}')[0]
        return line if re.search(r':\d+', line) else ''


def read_windows(recorded, said):
    """The windows of meter.c's file; @said is what the target wrote to stdout."""
    windows = []
    with open(recorded, encoding='ascii') as file:
        for line in file:
            words = line.split()
            if words[0] == 'window':
                windows.append(Window())
            else:
                windows[-1].add(words)
    n = 0
    for line in said.splitlines():
        words = line.split()
        if words[0] == 'window':
            n += 1
        elif words[0] == 'area':
            windows[n - 1].page0 = int(words[1], 16)
        elif words[0] == 'slots':
            windows[n - 1].slots[int(words[1], 16)] = int(words[2], 16)
    if n != len(windows):
        raise ValueError(f'{n} windows said, {len(windows)} recorded')
    return windows
