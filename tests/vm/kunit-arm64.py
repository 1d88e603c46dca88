# SPDX-License-Identifier: GPL-2.0-or-later
# For kunit.py --qemu_config: the machine of tests/vm/arch/arm64.
from ..qemu_config import QemuArchParams

QEMU_ARCH = QemuArchParams(
    linux_arch='arm64',
    kconfig='',
    qemu_arch='aarch64',
    kernel_path='arch/arm64/boot/Image',
    kernel_command_line='console=ttyAMA0 oops=panic panic=-1 kunit.autorun=1',
    extra_qemu_params=['-machine', 'virt,gic-version=3,acpi=off', '-cpu', 'neoverse-n1',
                       '-smp', '2'])
