/* The busy flag of an enclave's thread (x86/amd/thread.c) and who looks at it under the lock
 * (hypercall.c, enclave.c): two processors enter the same thread, are interrupted or leave, and
 * enter again, while a third destroys the enclave, whose frames then are another's. Claims: a
 * thread runs on one processor at a time, and finds the registers that it left; no processor
 * touches its frames once they are given back. Each mutant below breaks one of them, and SPIN must
 * find how (tests/checks/spin.sh). */
#define CPUS 2
#define TURNS 2

bool lock = false;
bool exists = true;  /* enclave_find and enclave_find_thread find it */
bool busy = false;
bool freed = false;  /* its frames: released, and perhaps another's */
byte running = 0;    /* processors that run it */
byte saved = 0;      /* the registers in its frame: the turns it had, */
byte turns = 0;      /* and the turns that it really had */

inline take()
{
	atomic { !lock -> lock = true }
}

/* switch_out: the flag is the last that is written, and without the lock. */
inline leave()
{
#ifdef MUTANT_CLEAR_FIRST
	busy = false;
#endif
	assert(running == 1);
	running--;
	assert(!freed);
	saved = inside;
#ifndef MUTANT_CLEAR_FIRST
	assert(!freed);
#ifndef MUTANT_NEVER_CLEAR
	busy = false;
#endif
#endif
}

/* What an interrupt ends, or EC_EXIT: the same way out. */
inline run_inside()
{
	running++;
	assert(running == 1);
	inside = saved;
	assert(!freed && inside == turns);
	inside++;
	turns++;
	leave()
}

/* thread_enter. */
proctype cpu()
{
	byte i, inside;
	bool may;

	for (i : 1 .. TURNS) {
#ifndef MUTANT_ENTER_WITHOUT_LOCK
		take();
#endif
#ifdef MUTANT_LOOK_TWICE
		may = exists && !busy;
		lock = false;
		take();
#else
		may = exists && !busy;
#endif
#ifdef MUTANT_IGNORE_BUSY
		may = exists;
#endif
		if
		:: may -> busy = true
		:: else
		fi
#ifndef MUTANT_ENTER_WITHOUT_LOCK
		lock = false;
#endif
		if
		:: may -> run_inside()
		:: else
		fi
	}
}

/* enclave_destroy: -EBUSY, and Linux tries again. */
proctype destroyer()
{
	byte i;

	for (i : 1 .. TURNS) {
#ifndef MUTANT_DESTROY_WITHOUT_LOCK
		take();
#endif
		if
#ifdef MUTANT_DESTROY_BUSY
		:: exists ->
#else
		:: exists && !busy ->
#endif
			freed = true;
			exists = false
		:: else
		fi
#ifndef MUTANT_DESTROY_WITHOUT_LOCK
		lock = false
#endif
	}
}

init {
	atomic { run cpu(); run cpu(); run destroyer() }
	/* Nobody is in it any more: it can be entered or destroyed. */
	_nr_pr == 1 -> assert(!busy)
}
