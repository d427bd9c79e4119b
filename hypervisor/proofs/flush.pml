/* flush.c and what calls it, for SPIN: a frame is given away on one processor while others run
 * Linux. Claim: no guest ever uses a translation to a frame that has been reused.
 * Each mutant below breaks it, and SPIN must find how (tests/checks/spin.sh). */
#define CPUS 2

bool mapped = true;   /* in the nested table */
bool reused = false;  /* the frame is somebody else's */
bool cached[CPUS];    /* a TLB holds the translation */
byte wanted = 1;
byte flushed[CPUS];
bool lock = false;

/* An exit and the next entry: flush_notice, then TLB_FLUSH_ALL at VMRUN. */
inline exit_and_enter(me)
{
	if
	:: flushed[me] != wanted ->
#ifdef MUTANT_FLUSH_LATER
		flushed[me] = wanted;
		assert(!(cached[me] && reused));
#else
		flushed[me] = wanted;
		cached[me] = false;
#endif
	:: else
	fi
}

proctype cpu(byte me)
{
	byte i;

	flushed[me] = wanted;
	for (i : 1 .. 4) {
		if
		:: atomic { mapped -> cached[me] = true }       /* a walk */
		:: atomic { cached[me] -> assert(!reused) }     /* a use */
		:: exit_and_enter(me)
		:: skip
		fi
	}
}

inline settle()
{
#ifdef MUTANT_NO_WAIT
	reused = true
#else
	if
#ifdef MUTANT_ONE_CPU
	:: flushed[0] >= wanted -> reused = true
#else
	:: flushed[0] >= wanted && flushed[1] >= wanted -> reused = true
#endif
	:: else
	fi
#endif
}

/* HC_DONATE, and later a hypercall that settles, each under the lock. */
proctype donor()
{
	atomic { !lock -> lock = true }
#ifdef MUTANT_REQUEST_FIRST
	wanted++;
	mapped = false;
#else
	mapped = false;
	wanted++;
#endif
	lock = false;
	atomic { !lock -> lock = true }
	settle();
	lock = false;
}

init { atomic { run cpu(0); run cpu(1); run donor() } }
