# SPDX-License-Identifier: GPL-2.0-or-later
"""What ./cost and ./trig share: kernels, guests, targets, results."""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUILD = TOP / 'build'
OUT = BUILD / 'bench'
# Those of `make test`; each has a stock one that it is compared with.
KERNELS = [('7.3', 'x86_64'), ('6.12', 'x86_64'), ('6.12', 'arm64')]

# @ok is None where the target could not be judged.
Target = collections.namedtuple('Target', 'text value ok')


def die(what):
    sys.exit(f'{pathlib.Path(sys.argv[0]).name}: {what}')


def of_arch(arch, name):
    """A variable of tests/vm/arch/ARCH."""
    text = (TOP / 'tests/vm/arch' / arch).read_text()
    return re.search(rf'^{name}=(.*)$', text, re.M).group(1)


def cross_compile(arch):
    return '' if arch == os.uname().machine else of_arch(arch, 'CROSS_COMPILE')


class Kernel:
    """@which is 'stock', or 'ours' or a name of its own: those are @vmlinux if given."""

    def __init__(self, version, arch, which, vmlinux=None):
        self.version, self.arch, self.which = version, arch, which
        self.name = f'{version}-{arch}-{which}'
        variant = 'stock' if which == 'stock' else ''
        directory = BUILD / f'linux-{version}-{arch}{variant and "-" + variant}'
        self.vmlinux = directory / 'vmlinux'
        self.words = ['-k', version, '-a', arch] + (['-V', variant] if variant else [])
        if vmlinux and not variant:
            self.vmlinux = pathlib.Path(vmlinux)
            image = of_arch(arch, 'IMAGE')
            if image != 'vmlinux':
                vmlinux = self.vmlinux.parent / image
            self.words[1] = vmlinux
        if not self.vmlinux.exists():
            stock = ' STOCK=1' if variant else ''
            die(f'no {self.vmlinux}: run "make kernel K={version} ARCH={arch}{stock}" first')

    def banner(self):
        """Its release, and the compiler that made it."""
        with open(self.vmlinux, 'rb') as file:
            found = re.search(rb'Linux version (\S+) \(\S+\) \((.+), [^,]*\) #', file.read())
        if not found:
            die(f'{self.vmlinux} does not say which version it is')
        release, compiler = (word.decode() for word in found.groups())
        # Without what a distribution calls it: "gcc (Debian 12.2.0-14) 12.2.0".
        return release, ' '.join(re.sub(r'\(.*?\)', '', compiler).split())

    def run(self, command, cpus, qemu=''):
        """
        Boots it, runs @command, and returns what that printed. A guest that was
        lost before @command began is tried once more: multi-threaded QEMU now and
        then executes rewritten code wrongly, and a booting kernel rewrites its own.
        """
        for last in (False, True):
            run = subprocess.run(
                [TOP / 'tests/vm/run', *self.words, '-c', str(cpus), '-t', '900', '-Q', qemu,
                 '--', 'sh', '-c', 'echo begun; exec "$@"', 'sh', *command],
                text=True, stdout=subprocess.PIPE, check=False)
            if run.returncode == 0 or run.stdout or last:
                break
            print(f'{self.name} did not boot; once more', file=sys.stderr, flush=True)
        (OUT / f'{self.name}.said').write_text(run.stdout)
        if run.returncode:
            die(f'the guest of {self.name} ended with {run.returncode}:\n{run.stdout[-2000:]}')
        return run.stdout


def programs(arch):
    """Builds the plugin and the programs for @arch; the programs' directory."""
    OUT.mkdir(parents=True, exist_ok=True)
    subprocess.run(['make', '-s', '-C', HERE, f'OUT={OUT}', f'ARCH={arch}',
                    f'CROSS_COMPILE={cross_compile(arch)}'], check=True)
    return OUT / arch


def build_kernels(kernels, variants):
    """With the project's own scripts; what is up to date takes seconds."""
    for version, arch in kernels:
        for variant in variants:
            subprocess.run([TOP / 'scripts/build-kernel', version, arch, variant], check=True)
        if arch == 'arm64':
            subprocess.run([TOP / 'tests/vm/root-arm64'], check=True)


def add_arguments(parser):
    """Which kernels; and where the results go to."""
    parser.add_argument('-k', '--kernel', choices=sorted({v for v, _ in KERNELS}),
                        help='this version alone')
    parser.add_argument('-a', '--arch', choices=sorted({a for _, a in KERNELS}),
                        help='this architecture alone')
    parser.add_argument('-o', '--ours', action='store_true',
                        help='leave the stock kernel out, and what is held against it')
    parser.add_argument('-b', '--build', action='store_true', help='build the kernels first')
    parser.add_argument('-i', '--image', metavar='VMLINUX', help='use this kernel for ours')
    parser.add_argument('-j', '--json', metavar='FILE', help='write the results there too')


def kernels_of(args, default):
    """(version, architecture) of those that the arguments choose."""
    chosen = [(version, arch) for version, arch in KERNELS
              if args.kernel in (None, version) and args.arch in (None, arch)]
    if not chosen:
        die(f'{args.kernel} is not tested on {args.arch}')
    if not args.kernel and not args.arch:
        chosen = list(default)
    if args.image and len(chosen) > 1:
        die('-i needs -k and -a')
    return chosen


class OtherWork:
    """What part of this machine's CPU time others had since it was made."""

    def __init__(self):
        self.start = self._now()

    @staticmethod
    def _now():
        """Elapsed, busy and our own seconds; ours are those of guests that ended."""
        with open('/proc/stat', encoding='ascii') as file:
            ticks = [int(n) for n in file.readline().split()[1:9]]
        tick = os.sysconf('SC_CLK_TCK')
        own = os.times()
        busy = sum(ticks) - ticks[3] - ticks[4]          # idle, iowait
        return sum(ticks) / tick, busy / tick, sum(own[:4])

    def share(self):
        elapsed, busy, own = (now - then for now, then in zip(self._now(), self.start))
        return max(0, busy - own) / elapsed


def print_targets(targets):
    """As TAP. Whether all are met; one that could not be judged is a skip."""
    print(f'\nTAP version 13\n1..{len(targets)}')
    for number, t in enumerate(targets, 1):
        if t.ok is None:
            print(f'ok {number} - {t.text} # SKIP {t.value}')
        else:
            print(f'{"ok" if t.ok else "not ok"} {number} - {t.text}: {t.value}')
    return all(t.ok is not False for t in targets)


def write_json(path, results):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + '\n')
