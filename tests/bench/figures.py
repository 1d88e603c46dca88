# SPDX-License-Identifier: GPL-2.0-or-later
"""What meter.c recorded, and the figures per hit that follow from it."""

import bisect
import collections
import subprocess

LINES_OF_PAGE = 4096 // 64
# A cache line is shared-written if two CPUs access it in at least this part of
# their hits, and one of them writes it in that part. One stray wake-up in a
# window does not make a line shared.
ACCESSED, WRITTEN = 0.05, 0.02

Use = collections.namedtuple('Use', 'kind cpu page line pc count')


class Window:
    """One run of the target: what each CPU's hits executed and touched."""

    def __init__(self):
        self.spoiled = {}                                # cpu: hits not counted
        self.pages = collections.defaultdict(dict)       # cpu: {page: hits}
        self.lines = collections.defaultdict(dict)       # line: {cpu: (accessed, written)}
        self.uses = []
        self.page0 = None                                # of [uprobes]: transient slots
        self.slots = {}                                  # slot page: frame

    def add(self, words):
        kind, cpu, rest = words[0], int(words[1]), words[2:]
        if kind == 'cpu':
            self.spoiled[cpu] = int(rest[0])
        elif kind == 'page':
            self.pages[cpu][int(rest[0], 16)] = int(rest[1])
        elif kind == 'line':
            self.lines[int(rest[0], 16)][cpu] = tuple(int(n) for n in rest[1:])
        else:
            page, line, pc = (int(n, 16) for n in rest[:3])
            self.uses.append(Use(kind, cpu, page, line, pc, int(rest[3])))

    def hits_of(self, cpu):
        return sum(self.pages[cpu].values())

    def shared_written(self):
        """The lines that are."""
        hits = {cpu: self.hits_of(cpu) for cpu in self.pages}
        lines = set()
        for line, cpus in self.lines.items():
            users = [cpu for cpu, (n, _) in cpus.items() if n >= ACCESSED * hits[cpu]]
            writers = [cpu for cpu, (_, n) in cpus.items() if n >= WRITTEN * hits[cpu]]
            if len(users) > 1 and any(cpu in users for cpu in writers):
                lines.add(line)
        return lines

    def places(self):
        """{page: 'emulated', 'transient' or 'shared'}: where hits were executed."""
        pages = {page for pages in self.pages.values() for page in pages}
        return {page: 'emulated' if not page else
                      'transient' if page == self.page0 else 'shared' for page in pages}


class Figures:
    """Per hit; of the hits that were executed in @where only."""

    def __init__(self, window, where):
        chosen = {page for page, place in window.places().items() if place == where}
        self.hits = sum(hits for pages in window.pages.values()
                        for page, hits in pages.items() if page in chosen)
        self.uses = [use for use in window.uses if use.page in chosen]
        shared, slots = window.shared_written(), set(window.slots.values())

        self.instructions = self.per_hit(lambda use: use.kind == 'exec')
        self.kernel = self.per_hit(lambda use: use.kind == 'exec' and use.pc >> 63)
        self.rmw = self.per_hit(lambda use: use.kind == 'rmw')
        self.shared_rmw = self.per_hit(lambda use: use.kind == 'rmw' and use.line in shared)
        self.shared_stores = self.per_hit(lambda use: use.kind == 'store' and
                                          use.line in shared)
        self.slot_stores = self.per_hit(lambda use: use.kind in ('store', 'rmw') and
                                        use.line // LINES_OF_PAGE in slots)
        # Who touches the shared lines.
        self.by_place = collections.Counter()
        for use in self.uses:
            if use.line in shared:
                self.by_place[use.line, use.kind, use.pc] += use.count / self.hits

    def per_hit(self, which):
        return sum(use.count for use in self.uses if which(use)) / self.hits

    def by_symbol(self, symbols):
        """{function: instructions per hit}"""
        counts = collections.Counter()
        for use in self.uses:
            if use.kind == 'exec':
                name = symbols.name(use.pc).split('+')[0] if use.pc >> 63 else 'user mode'
                counts[name] += use.count / self.hits
        return counts


class Symbols:
    """Of a kernel image."""

    def __init__(self, image):
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
