/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared slots as kernel/events/uprobe_slots.c runs them, for spin: three tasks,
 * two slots, three instructions and one transient slot, so that the area is full,
 * reclaim is needed, and tasks wait. An operator turns reuse off and on.
 *
 * The labels F, L, R, E are those of the comment at the top of that file. What is
 * done with the lock held is one step here. So are neighbours that may as well
 * happen at once, for what comes between them only makes somebody wait: F1 with
 * F4, F5 with F6 and the execution, E1 with E2, R1 with the begin of R2, its end
 * with R3 and R4. Where a seed is about such a pair, it is two steps. Memory is
 * sequentially consistent: what weaker memory does is in tests/litmus.
 *
 * What is left open is left to chance, so that spin tries each way: which slots
 * reclaim chooses, when a task exits, whether a step ever ends.
 *
 * Checked: a task executes what it came for, and no slot stops being LIVE or
 * DYING, still less is written, while a task steps in it (P3); who waits is
 * woken, unless it waits as on stock for the only transient slot, which is stuck
 * (P5); a drain ends with nothing LIVE. With -DPROGRESS, where reclaim chooses as
 * the code does, no task waits for ever while there is a slot in which nobody is
 * stuck.
 *
 * Each macro with SEED in its name breaks one thing; see the file run.
 */
#define NT	3		/* tasks */
#define NS	2		/* shared slots */
#define NONE	NS

#define FREE	0
#define LIVE	1
#define DYING	2

byte state[NS] = FREE;
byte content[NS];		/* a key; 0 in FREE, for by then it may be anything */
byte step[NT];			/* hazards: slot + 1 */
byte in[NT];			/* ghosts: the slot that is executed, + 1 */
bool rcu[NT];			/* in a read-side section */
bool gp[NT];			/* and the grace period waits for it */
bool trans;			/* the transient slot is taken */
bool queued[NT], woken[NT];	/* on the wait queue; made runnable */
bool reuse = true;
bool reclaiming, work;		/* a reclaim is in flight; it is queued */

#ifdef PROGRESS
#define HITS	(me == 0 -> 1 : 2)	/* of a task */
bool ref[NS];
byte entry[NT];			/* a cache of one entry: slot + 1 */
bool waiting;			/* task 0 has no slot yet */
bool stuck_in_slot;		/* one task at most */
#define named(x)	(entry[0] == x + 1 || entry[1] == x + 1 || entry[2] == x + 1)
#endif

#define hazard(x)	(step[0] == x + 1 || step[1] == x + 1 || step[2] == x + 1)
#define executed(x)	(in[0] == x + 1 || in[1] == x + 1 || in[2] == x + 1)
#define any_free	(state[0] == FREE || state[1] == FREE)
#define any_live	(state[0] == LIVE || state[1] == LIVE)
#define any_queued	(queued[0] || queued[1] || queued[2])

#ifdef SEED_NO_STATE_CHECK
#define usable(x)	(state[x] != FREE)
#else
#define usable(x)	(state[x] == LIVE)
#endif
#ifdef SEED_NO_KEY_CHECK
#define key_equal(x)	true
#else
#define key_equal(x)	(content[x] == k)
#endif

/* reclaim_kick() */
inline kick()
{
	if
	:: !reclaiming -> reclaiming = true; work = true
	:: else
	fi
}

/* wake_up(): each of them looks again. */
inline wake()
{
	woken[0] = woken[0] || queued[0];
	woken[1] = woken[1] || queued[1];
	woken[2] = woken[2] || queued[2]
}

inline rcu_unlock()
{
	rcu[me] = false;
	gp[me] = false
}

/* No state of its own for each value that nobody will look at again. */
inline forget()
{
	k = 0;
	s = NONE;
	no_room = false
}

/* prepare_to_wait() */
inline enqueue()
{
#ifdef PROGRESS
	if
	:: me == 0 -> waiting = true
	:: else
	fi;
#endif
#ifndef SEED_KICK_BEFORE_QUEUE
	queued[me] = true;
#endif
	woken[me] = false
}

inline unqueue()
{
	queued[me] = false;
	woken[me] = false
}

/* F7 and user mode. The ghost is there from now until E1. */
inline execute()
{
	assert(content[s] == k);
	in[me] = s + 1;
#ifdef PROGRESS
	ref[s] = ref[s] || !filled;
	filled = false;
	entry[me] = s + 1;
	served()
#endif
}

/* Task 0 has a slot. */
inline served()
{
#ifdef PROGRESS
	if
	:: me == 0 -> waiting = false
	:: else
	fi
#else
	skip
#endif
}

inline slot_free(x)
{
	assert(!executed(x));
	state[x] = FREE;
	content[x] = 0
}

/* R4: busy, or idle? */
inline decide(x, busy)
{
	if
	:: state[x] != DYING
	:: state[x] == DYING && busy -> state[x] = LIVE
	:: state[x] == DYING && !(busy) -> slot_free(x)
	fi
}

proctype task(byte me)
{
	byte k;			/* the key of the probe that it hits */
	byte s = NONE;
	bool no_room;		/* that is why it has no shared slot */
#ifdef PROGRESS
	byte hits;
	bool filled;
#endif

idle:
	atomic {
#ifdef PROGRESS
		if
		:: hits == HITS -> goto leave
		:: hits < HITS -> hits++
		fi;
#endif
		if
#ifdef TWO_KEYS
		:: k = me + 1
		:: k = (me + 1) % 3 + 1
#else
		:: k = 1
		:: k = 2
		:: k = 3
#endif
		:: goto leave
		fi;
begin:
		if
		:: !reuse -> forget(); enqueue(); goto queue	/* any room will do */
		:: reuse
		fi;
		rcu[me] = true;					/* F1 */
		if						/* F2 F3 F4 */
		:: usable(0) && key_equal(0) -> s = 0
		:: usable(1) && key_equal(1) -> s = 1
		:: else ->
			rcu_unlock();				/* F8 */
miss:
			/* L0: plain reads. slot_claim() looks again. */
			if
			:: any_free && reuse -> goto claim
			:: else -> no_room = true; kick(); enqueue(); goto queue
			fi
		fi
	}
#ifdef SEED_HAZARD_OUTSIDE_RCU
	atomic { rcu_unlock() }
#endif
	atomic {
		step[me] = s + 1;				/* F5 */
		rcu_unlock();					/* F6 */
		execute();
		goto stepping
	}

claim:
	/* L1, with the lock held */
	atomic {
		if
		:: state[0] == LIVE && content[0] == k -> s = 0
		:: state[1] == LIVE && content[1] == k -> s = 1
#ifdef SEED_FILL_WHILE_DRAINING
		:: else -> if :: !any_free -> goto miss :: else fi;
#else
		:: else -> if :: !any_free || !reuse -> goto miss :: else fi;
#endif
			s = (state[0] == FREE -> 0 : 1);	/* L3 */
			state[s] = LIVE;
#ifdef SEED_LIVE_BEFORE_WRITE
			goto late
#endif
			content[s] = k;
#ifdef PROGRESS
			ref[s] = false;
			filled = true
#endif
		fi;
#ifdef SEED_HAZARD_AFTER_UNLOCK
		goto late;
#endif
		step[me] = s + 1;
		execute();
		goto stepping
	}
#if defined(SEED_LIVE_BEFORE_WRITE) || defined(SEED_HAZARD_AFTER_UNLOCK)
late:
	atomic {
#ifdef SEED_LIVE_BEFORE_WRITE
		assert(!executed(s));
		content[s] = k;
#endif
		step[me] = s + 1;
		execute()
	}
#endif

stepping:
#ifdef SEED_CLEAR_BEFORE_END
	step[me] = 0;
#endif
	atomic {
		if
		:: assert(content[s] == k);			/* E1 */
		   in[me] = 0;
		   step[me] = 0;				/* E2 */
		   forget();
		   goto idle
#ifdef PROGRESS
		:: !stuck_in_slot -> stuck_in_slot = true; forget(); goto stuck
#else
		:: forget(); goto stuck
#endif
		fi
	}

queue:
	/* uprobe_slots_wait(): it is queued already, and only now looks. */
#ifdef SEED_KICK_BEFORE_QUEUE
	queued[me] = true;
#endif
	atomic {
		if
		:: !trans -> unqueue(); served(); forget(); trans = true; goto transient
		:: trans && no_room && any_free -> unqueue(); no_room = false; goto begin
		:: else
		fi;
#ifndef SEED_KICK_BEFORE_QUEUE
		if
		:: no_room -> kick()		/* may_retry() */
		:: else
		fi
#endif
	}
	/*
	 * Who came here while reuse was off, or waits while it is, waits as on
	 * stock: it may be for ever. Nobody else may.
	 */
	atomic {
		if
		:: woken[me] -> enqueue(); goto queue
		:: timeout && trans && (!no_room || !reuse) -> forget(); goto stuck
		fi
	}

transient:
	atomic {
		if
		:: trans = false; wake(); goto idle
		:: goto stuck
		fi
	}

stuck:
end_stuck:
	false;

leave:
	assert(step[me] == 0)
}

proctype worker()
{
#ifdef SEED_SCAN_BEFORE_GRACE_PERIOD
	bool busy[NS];
#endif

end_idle:
	/* R0 R1, and the begin of R2 */
	atomic {
		work -> work = false;
		if
		:: !reuse ->
			state[0] = (state[0] == LIVE -> DYING : state[0]);
			state[1] = (state[1] == LIVE -> DYING : state[1])
		:: reuse && any_free
#ifdef PROGRESS
		:: reuse && !any_free && ((!ref[0] && !named(0)) || (!ref[1] && !named(1))) ->
			state[0] = (!ref[0] && !named(0) -> DYING : LIVE);
			state[1] = (!ref[1] && !named(1) -> DYING : LIVE);
			ref[0] = false;
			ref[1] = false
		:: reuse && !any_free && (ref[0] || named(0)) && (ref[1] || named(1)) ->
#ifndef SEED_NAMED_STAY
			state[0] = (!ref[0] -> DYING : LIVE);
			state[1] = (!ref[1] -> DYING : LIVE);
#endif
			ref[0] = false;
			ref[1] = false
#else
		:: reuse && !any_free
		:: reuse && !any_free -> state[0] = DYING
		:: reuse && !any_free -> state[1] = DYING
		:: reuse && !any_free -> state[0] = DYING; state[1] = DYING
#endif
		fi;
#ifdef SEED_SCAN_BEFORE_GRACE_PERIOD
		busy[0] = hazard(0);
		busy[1] = hazard(1);
#endif
		gp[0] = rcu[0];
		gp[1] = rcu[1];
		gp[2] = rcu[2]
	}

	/* The end of R2, R3, R4 */
	atomic {
#ifndef SEED_SKIP_GRACE_PERIOD
		!gp[0] && !gp[1] && !gp[2];
#endif
#if defined(SEED_FREE_WHILE_STEPPING)
		decide(0, false);
		decide(1, false)
#elif defined(SEED_SCAN_BEFORE_GRACE_PERIOD)
		decide(0, busy[0]);
		decide(1, busy[1]);
		busy[0] = false;
		busy[1] = false
#else
		decide(0, hazard(0));
		decide(1, hazard(1))
#endif
	}
#ifndef SEED_KICK_LOST
	reclaiming = false;
#endif

	/* R5, and the kick that it asks for */
	atomic {
		if
#ifdef SEED_DRAIN_LOST
		:: !reuse
#else
		:: !reuse && any_live -> kick()
		:: !reuse && !any_live
#endif
#ifndef SEED_LOST_WAKEUP
		:: reuse && any_queued && any_free -> wake()
#endif
#ifndef SEED_NO_SECOND_ROUND
		:: reuse && any_queued && !any_free -> kick()
#endif
		:: else
		fi
	}
#ifdef SEED_KICK_LOST
	reclaiming = false;
#endif
	goto end_idle
}

/* uprobe_slots_set_enabled() */
proctype operator()
{
	do
	:: atomic { reuse -> reuse = false }
		atomic { kick() }
	:: atomic { !reuse -> reuse = true }
#ifndef SEED_NO_KICK_WHEN_ON
		/* Who waited all the time has free slots now, and nobody to say so. */
		atomic { kick() }
#endif
	:: break
	od;

	/* Once nothing moves any more: a drain has left nothing LIVE. */
end_operator:
	timeout -> assert(reuse || !any_live)
}

init
{
	atomic {
		run task(0);
		run task(1);
		run task(2);
		run worker();
#ifndef NO_OPERATOR
		run operator()
#endif
	}
}

#ifdef PROGRESS
ltl progress { []<> !waiting }
#endif
