// SPDX-License-Identifier: GPL-2.0-or-later
/* liburcu, apart from kernel.h: both want the same names. */
#define _LGPL_SOURCE
#include <urcu/urcu-memb.h>

void unit_urcu_read_lock(void);
void unit_urcu_read_unlock(void);
void unit_urcu_synchronize(void);
void unit_urcu_register(void);
void unit_urcu_unregister(void);

void unit_urcu_read_lock(void)
{
	urcu_memb_read_lock();
}

void unit_urcu_read_unlock(void)
{
	urcu_memb_read_unlock();
}

void unit_urcu_synchronize(void)
{
	urcu_memb_synchronize_rcu();
}

void unit_urcu_register(void)
{
	urcu_memb_register_thread();
}

void unit_urcu_unregister(void)
{
	urcu_memb_unregister_thread();
}
