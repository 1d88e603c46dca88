/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What record writes into a trace for report: MARK, and TID=PID for tasks that
 * were there before.
 */
#ifndef MARKS_H
#define MARKS_H

#define MARK	"uprobe-slots tasks:"

#endif
