# SPDX-License-Identifier: GPL-2.0-or-later
# For kunit.py --qemu_config: the machine of tests/vm/arch/x86_64, and its reasons.
from ..qemu_config import QemuArchParams

QEMU_ARCH = QemuArchParams(
    linux_arch='x86_64',
    kconfig='',
    qemu_arch='x86_64',
    kernel_path='vmlinux',
    kernel_command_line='console=ttyS0 reboot=t oops=panic panic=-1 kunit.autorun=1',
    extra_qemu_params=[
        '-machine', 'microvm,acpi=off,pit=on,pic=on,rtc=on', '-bios', 'qboot.rom',
        '-cpu', 'max', '-smp', '2,sockets=2,cores=1,threads=1',
    ])
