// SPDX-License-Identifier: GPL-2.0-or-later
module barrier

go 1.19
