/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy: a queue with one slot or two, one page of the guest that all messages lie in, and all
 * that may happen to them, in every order.
 *
 * Each access to what threads share is a step of its own, as in lib/engines/zerocopy: a slot's word
 * (sequence, state, what was seen), its size and deadline, the list by which slots come to the VM
 * object, the key of the deadlines, the epoch, the gate. So a thread may be overtaken between a load and
 * the compare-and-swap that relies on it. A loop of compare-and-swap that looks at nothing else is one
 * step, as are sums of credits, which nobody asks for before the end. Memory is sequentially consistent
 * here; that the C11 orders of the code suffice is for TSan and the stress tests.
 *
 *   owner      reserve(), sent() of all or of a part, abort()
 *   task,      complete() by two threads: nothing holds the pages any more; the destination answered.
 *   response   At once, late, twice, or never
 *   expirer    expire() in a thread of its own
 *   vm         step(), next(), done(), the guest's request, reset_begin(), reset_end(). It is called when
 *              somebody said WAKE, when expire() claimed something, and at the time of deadline()
 *   performer  replaces the page, or cannot
 *
 * What must hold is kept in variables of its own (g_...), which the engine does not read.
 *
 *   safety  the guest is told once, and only when the consumer is done or holds another page than the
 *           guest; no page is replaced for a message whose completion has won; a slot is taken only when
 *           nothing refers to it, and pushed only when it is not in the list; RELEASE only when the
 *           consumer is done; no claim before its time; a reset ends only when nothing is lent. Where
 *           nothing can happen any more, each message is over or in quarantine with a consumer that is
 *           not done, and the credits are exact
 *   ends    no run is endless. So each of them comes to where nothing can happen any more: every message
 *           ends, without any hope in the consumer
 *
 * BUG_1 .. BUG_17 plant one error each; run.sh requires that each is found.
 */

#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef SLOTS
#define SLOTS 1 /* 1: slots are used again; 2: messages side by side in one page */
#endif
#ifndef UNTIL
#define UNTIL 0
#endif
#ifndef EVENTS
#define EVENTS 2 /* of those below, as many in a run */
#endif
#ifndef KINDS
#define KINDS 31
#endif
#define DUPLICATE 1 /* a completion comes a second time */
#define ASK 2 /* the guest wants its block back */
#define RESET 4
#define FAILURE 8 /* of an OFFLINE */
#define EXPIRE 16 /* by a thread that is not the VM object's */
#define MAY(kind) ((KINDS & kind) && events)

#define FREE 0
#define RESERVED 1
#define SENT 2
#define CLAIMED 3
#define OFFLINING 4
#define QUARANTINED 5
#define RESPONSE 8
#define TASK 16
#define ASKED 32
#define STATE(w) ((w) & 7)
#define SEQUENCE(w) ((w) >> 6)
#define BECOME(w, state) (((w) & 1016) | (state)) /* 1016: all but the state */
#define SEEN(w) ((w) & (RESPONSE | TASK))
#if UNTIL == 0
#define SATISFIED(w) ((w) & TASK)
#elif UNTIL == 1
#define SATISFIED(w) (SEEN(w) == (RESPONSE | TASK))
#else
#define SATISFIED(w) (SEEN(w) != 0)
#endif

#define TELL 1
#define PUSH 2
#define REFUSE 4

/* Time: a deadline passes when the clock ticks. Whatever is in a slot that is free may be taken for one. */
#define PASSED 1
#define AHEAD 2
#define NONE 3

#define NOBODY 7
#define CREDITS 3

/* engine: the queue */
short word[SLOTS];
byte size[SLOTS], deadline[SLOTS], sent_epoch[SLOTS], link[SLOTS];
byte sequence; /* of the next message */
byte inbox; /* slot + 1 */
byte key = NONE;
byte credits = CREDITS;
/* engine: the VM object */
#define NO_OP 0
#define BEGIN 1 /* the page has to be replaced, or waits for another one that does it */
#define OUT 2
#define IN_TIME 3 /* tell the guest, the page was not replaced */
#define RECLAIMED 4 /* tell the guest, it was */
#define QUARANTINE 5
#define RELEASE 6
byte op[SLOTS], epoch, op_epoch, replaced; /* replaced: epoch of the page in the map */
bool late[SLOTS]; /* the consumer is done, and the guest is not told yet */
byte quarantined;
bool gate;
/* what the embedder knows */
bool wake; /* somebody said WAKE */
byte timer = NONE;
byte out = NOBODY; /* slot whose OFFLINE is being performed */
bool ended, failed; /* and how it ended */

/* what must hold: by message */
byte g_id[MESSAGES]; /* sequence + 1, once it is lent */
byte g_pin[MESSAGES]; /* the page that it holds */
byte g_seen[MESSAGES]; /* what is true of its consumer */
bool g_due[MESSAGES]; /* its time has passed */
bool g_sent_to[MESSAGES]; /* pinned and on its way */
bool g_told[MESSAGES], g_won[MESSAGES], g_refused[MESSAGES];
byte g_lent; /* messages so far */
byte g_page = 1; /* the one that the guest has */
byte g_of[SLOTS]; /* message of a slot */
bool g_in_list[SLOTS];
bool g_inside; /* the owner is in reserve(): END is not called then */
byte events = EVENTS;

#define HOLDS(m) (!SATISFIED(g_seen[m])) /* by its own account the consumer is not done */

inline tell(m)
{
	assert(!g_told[m]);
	assert(!g_sent_to[m] || !HOLDS(m) || g_pin[m] != g_page);
	g_told[m] = true;
	/* Nobody asks for those any more. */
	g_pin[m] = 0; g_due[m] = false; g_won[m] = false; g_refused[m] = false
}

/* What is left in a free slot. */
inline forget(s)
{
	deadline[s] = PASSED; size[s] = 0; sent_epoch[s] = 0; g_of[s] = 0
}

/* message.c: each takes w, and leaves nw and todo. */
inline on_sent(q)
{
	todo = 0; nw = w;
	if
	:: SEQUENCE(w) != q || STATE(w) != RESERVED -> todo = REFUSE
	:: else ->
		if
		:: SATISFIED(w) -> nw = BECOME(w, FREE); todo = TELL
		:: else ->
			if
			:: w & ASKED -> nw = BECOME(w, CLAIMED); todo = PUSH
			:: else -> nw = BECOME(w, SENT)
			fi
		fi
	fi
}

inline on_complete(q, with)
{
	todo = 0; nw = w | with;
	if
#ifdef BUG_2 /* whatever message is in the slot now is taken for the one that was completed */
	:: nw == w || STATE(w) == FREE -> todo = REFUSE
#else
	:: SEQUENCE(w) != q || nw == w || STATE(w) == FREE -> todo = REFUSE
#endif
	:: else ->
		if
#ifdef BUG_1 /* settles what the VM object has been given */
		:: STATE(w) == SENT || STATE(w) == CLAIMED ->
#else
		:: STATE(w) == SENT ->
#endif
			if
			:: SATISFIED(nw) -> nw = BECOME(nw, FREE); todo = TELL
			:: else
			fi
		:: STATE(w) == QUARANTINED ->
			if
			:: SATISFIED(nw) && !SATISFIED(w) -> todo = PUSH
			:: else
			fi
		:: else
		fi
	fi
}

inline on_claim(with)
{
	todo = 0; nw = w;
	if
	:: STATE(w) == SENT -> nw = BECOME(w, CLAIMED) | with; todo = PUSH
	:: STATE(w) == RESERVED -> nw = w | with
	:: else -> todo = REFUSE
	fi
}

inline push(s)
{
	atomic {
		assert(!g_in_list[s]);
		g_in_list[s] = true;
		link[s] = inbox; inbox = s + 1 }
}

/* expire.c */
inline lower(to)
{
	atomic {
		if
		:: key > to -> key = to; lowered = true
		:: else
		fi }
}

#define KEY_OF(s) (STATE(word[s]) == SENT -> deadline[s] : NONE)

inline least_below()
{
	least = KEY_OF(0);
#if SLOTS > 1
	atomic {
		if
		:: KEY_OF(1) < least -> least = KEY_OF(1)
		:: else
		fi }
#endif
}

inline raise_key()
{
	before = key;
	least_below();
	if
	:: atomic { least > before && key == before ->
		key = least; before = least }
#ifndef BUG_11 /* a deadline that came while it looked is lost */
	   least_below();
	   if
	   :: atomic { least < before -> skip }
	      lower(least)
	   :: else
	   fi
#endif
	:: atomic { else -> skip }
	fi;
	atomic { before = 0; least = 0 }
}

inline claim_due(s)
{
	w = word[s];
	do
	:: atomic { STATE(w) != SENT -> break }
	:: atomic { STATE(w) == SENT -> skip }
	   if
	   :: atomic { deadline[s] != PASSED -> break }
	   :: else
	   fi;
	   if
	   :: atomic { word[s] == w ->
		assert(g_due[g_of[s]]);
		word[s] = BECOME(w, CLAIMED); claimed = true }
	      push(s);
	      break
	   :: atomic { else -> w = word[s] }
	   fi
	od;
	w = 0
}

inline expire()
{
	claimed = false;
	if
	:: key == PASSED ->
		claim_due(0);
#if SLOTS > 1
		claim_due(1);
#endif
#ifdef BUG_17 /* not only the VM object, which asks for the first deadline afterwards, raises the key */
		raise_key()
#endif
	:: else
	fi
}

active proctype owner()
{
	short w, nw;
	byte todo, s, n, m, part;
	bool lowered;

end:	do
	:: atomic { g_lent < MESSAGES && n < MESSAGES && !gate -> /* with the gate shut it copies */
		n++; m = g_lent; g_inside = true }
	   /* reserve() */
	   n = n << 2; /* in its low bits: slots that were passed over */
	   do
	   :: atomic { STATE(word[sequence % SLOTS]) == FREE -> s = sequence % SLOTS; n = n >> 2; break }
	   :: atomic { STATE(word[sequence % SLOTS]) != FREE && (n & 3) < SLOTS - 1 -> sequence++; n++ }
	   :: atomic { STATE(word[sequence % SLOTS]) != FREE && (n & 3) == SLOTS - 1 -> /* copied instead */
		sequence++; n = n >> 2; m = 0; g_inside = false; goto end }
	   od;
	   atomic {
		assert(!g_in_list[s] && op[s] == NO_OP && out != s);
		g_of[s] = m; g_lent++; g_id[m] = sequence + 1;
		credits = credits - (m + 1);
		size[s] = m + 1;
#ifdef BUG_4 /* the epoch is noted before the page is pinned */
		sent_epoch[s] = epoch;
#endif
		word[s] = (sequence << 6) | RESERVED; sequence++;
		g_inside = false }
	   /* The send call: whole, in part, or in vain. */
	   if
	   :: atomic { true -> g_pin[m] = g_page; g_sent_to[m] = true }
#if SLOTS == 1 /* side by side they would only cost */
	   :: atomic { m > 0 -> g_pin[m] = g_page; g_sent_to[m] = true; part = m }
	   :: atomic { true -> /* abort() */
		word[s] = BECOME(word[s], FREE);
		tell(m); forget(s);
		credits = credits + m + 1; s = 0; m = 0;
		goto end }
#endif
	   fi;
	   /* sent() */
	   atomic {
		credits = credits + part;
		size[s] = m + 1 - part;
#ifndef BUG_4
		sent_epoch[s] = epoch;
#endif
#ifndef BUG_3
		deadline[s] = AHEAD
#endif
	   }
	   if
	   :: atomic { gate -> skip }
	      atomic { word[s] = word[s] | ASKED }
	   :: else
	   fi;
	   atomic {
		w = word[s];
		on_sent(g_id[m] - 1);
		word[s] = nw;
		w = 0; nw = 0;
		if
		:: todo & TELL -> tell(m); forget(s); credits = credits + m + 1 - part
		:: else
		fi }
	   if
	   :: todo & TELL
	   :: todo & PUSH ->
		push(s);
		wake = true
	   :: else ->
#ifdef BUG_3 /* the deadline after the word that says that it is there */
		deadline[s] = AHEAD;
#endif
		lower((g_due[m] -> PASSED : AHEAD));
#ifndef BUG_16 /* an earlier deadline, and nobody is told */
		wake = wake || lowered
#endif
	   fi;
	   atomic { todo = 0; s = 0; m = 0; part = 0; lowered = false }
	od
}

/* complete(): what is true is told; what: RESPONSE or TASK. done[m]: was told, or never will be. */
inline complete_one(m, what)
{
	s = (g_id[m] - 1) % SLOTS;
#ifdef BUG_6 /* the size is read before the word that says that it is final */
	bytes = size[s];
#endif
	atomic { w = word[s]; on_complete(g_id[m] - 1, what) }
	do
	:: atomic { todo & REFUSE -> break }
	:: atomic { !(todo & REFUSE) -> skip }
#ifndef BUG_6
	   bytes = size[s];
#endif
#ifdef BUG_7 /* gives back before it has won */
	   if
	   :: todo & TELL -> credits = credits + bytes
	   :: else
	   fi;
#endif
	   if
	   :: atomic { word[s] == w ->
		g_won[m] = g_won[m] || (SATISFIED(nw) && op[s] <= BEGIN);
		word[s] = nw;
		if
		:: todo & TELL ->
			tell(g_of[s]);
			forget(s);
#ifndef BUG_7
			credits = credits + bytes
#endif
		:: else
		fi }
	      break
	   :: atomic { else -> w = word[s]; on_complete(g_id[m] - 1, what) }
	   fi
	od;
	if
	:: todo & PUSH ->
		push(s);
		wake = true
	:: else
	fi;
	atomic { w = 0; nw = 0; todo = 0; s = 0; bytes = 0 }
}

inline completer(what)
{
end:	do
	:: atomic { m < MESSAGES && g_sent_to[m] && !(g_seen[m] & what) ->
		g_seen[m] = g_seen[m] | what }
	   complete_one(m, what);
	   atomic { m++ }
	:: atomic { m < MESSAGES && g_sent_to[m] && !(g_seen[m] & what) -> m++ } /* never comes */
	:: atomic { m < MESSAGES && g_told[m] && !g_sent_to[m] -> m++ } /* was not sent */
	:: atomic { m && (g_seen[m - 1] & what) && MAY(DUPLICATE) -> events-- }
	   complete_one(m - 1, what) /* once more */
	od
}

active proctype task()
{
	short w, nw;
	byte todo, s, m, bytes;

	completer(TASK)
}

#if UNTIL != 0
active proctype response()
{
	short w, nw;
	byte todo, s, m, bytes;

	completer(RESPONSE)
}
#endif

active proctype expirer()
{
	short w;
	byte least, before;
	bool claimed, lowered;

end:	do
	:: atomic { MAY(EXPIRE) && key == PASSED -> events-- }
	   expire();
	   if
	   :: claimed -> wake = true
	   :: else
	   fi;
	   atomic { claimed = false; lowered = false }
	od
}

#define PASS(t) t = (t == AHEAD -> PASSED : t)
#define TICK(s) \
	if \
	:: STATE(word[s]) <= SENT && deadline[s] == AHEAD -> g_due[g_of[s]] = true \
	:: else \
	fi; \
	PASS(deadline[s])

active proctype ticking()
{
end:	do
	:: atomic { KEY_OF(0) == AHEAD || KEY_OF(SLOTS - 1) == AHEAD || timer == AHEAD || key == AHEAD ->
		TICK(0);
#if SLOTS > 1
		TICK(1);
#endif
		PASS(key); PASS(timer) }
	od
}

/* The page of the OFFLINE that is out. */
active proctype performer()
{
end:	do
	:: atomic { out != NOBODY && !ended ->
		assert(!g_won[g_of[out]]);
		g_page++; ended = true; failed = false }
	:: atomic { out != NOBODY && !ended && MAY(FAILURE) -> events--; ended = true; failed = true }
	od
}

/* claim.c: slots that were pushed */
inline take(s)
{
	if
	:: atomic { STATE(word[s]) == QUARANTINED ->
		if
		:: op[s] == QUARANTINE -> op[s] = RELEASE
		:: else -> assert(op[s] == RECLAIMED); late[s] = true
		fi }
	:: atomic { else ->
		assert(STATE(word[s]) == CLAIMED && op[s] == NO_OP);
		word[s] = BECOME(word[s], OFFLINING); op[s] = BEGIN }
	fi
}

inline collect()
{
	atomic { head = inbox; inbox = 0 }
	do
	:: atomic { head -> n = head - 1; head = link[n]; link[n] = 0; g_in_list[n] = false }
	   take(n)
	:: atomic { !head -> n = 0; break }
	od
}

#ifdef BUG_12 /* does not look whether it is complete by now */
#define STILL_WINS(s) false
#else
#define STILL_WINS(s) SATISFIED(word[s])
#endif

/* Its old page is out of the guest's reach. The move decides whether the consumer was done before. */
inline offlined(s)
{
	atomic {
		word[s] = BECOME(word[s], QUARANTINED);
		op[s] = RECLAIMED;
#ifndef BUG_9 /* not noticed */
		late[s] = SATISFIED(word[s]);
#endif
		quarantined = quarantined + size[s]; credits = credits + size[s] }
}

/* give.c: the next thing to do for the slot */
inline give(s)
{
	if
	:: atomic { op[s] == BEGIN && out == NOBODY && STILL_WINS(s) -> op[s] = IN_TIME }
	:: atomic { op[s] == BEGIN && out == NOBODY && !STILL_WINS(s) && replaced > sent_epoch[s] -> skip }
	   offlined(s)
	:: atomic { op[s] == BEGIN && out == NOBODY && !STILL_WINS(s) && replaced <= sent_epoch[s] ->
		op[s] = OUT }
#ifndef BUG_5
	   atomic { epoch++; op_epoch = epoch; out = s }
#else
	   out = s
#endif
	:: atomic { op[s] == IN_TIME ->
		tell(g_of[s]);
		credits = credits + size[s];
		op[s] = NO_OP; word[s] = BECOME(word[s], FREE); forget(s) }
	:: atomic { op[s] == RECLAIMED ->
		tell(g_of[s]);
#ifdef BUG_8 /* does not wait for the consumer */
		late[s] = true;
#endif
#ifdef BUG_10 /* looks again, although whoever completed it pushes it, too */
		late[s] = late[s] || SATISFIED(word[s]);
#endif
		op[s] = (late[s] -> RELEASE : QUARANTINE); late[s] = false }
	:: atomic { op[s] == RELEASE ->
		assert(!HOLDS(g_of[s]) && g_told[g_of[s]]);
		quarantined = quarantined - size[s];
#ifdef BUG_15 /* the slot is free before the reclaim is over */
		word[s] = BECOME(word[s], FREE) }
	   op[s] = NO_OP
#else
		op[s] = NO_OP; word[s] = BECOME(word[s], FREE); forget(s) }
#endif
	fi
}

#define READY(s) (op[s] == IN_TIME || op[s] == RECLAIMED || op[s] == RELEASE || \
		  (op[s] == BEGIN && out == NOBODY))

#ifdef BUG_14 /* complete while it was tried: the slot is SENT and nobody will look at it */
#define BUG_14_ON true
#else
#define BUG_14_ON false
#endif

inline offline_done()
{
	n = out;
	if
	:: failed ->
		deadline[n] = NONE;
		atomic {
			out = NOBODY; ended = false; failed = false;
			if
			:: SATISFIED(word[n]) && !BUG_14_ON -> op[n] = IN_TIME
			:: else ->
				word[n] = BECOME(word[n], SENT) & ~ASKED;
				g_refused[g_of[n]] = true;
				op[n] = NO_OP
			fi }
	:: else ->
		atomic {
#ifdef BUG_5 /* the epoch is raised when the page has been replaced already */
			epoch++; op_epoch = epoch;
#endif
			replaced = op_epoch; out = NOBODY; ended = false }
		offlined(n)
	fi;
	n = 0
}

/* Claims one slot for a request or a reset. */
inline claim(s)
{
	atomic {
		w = word[s];
		on_claim(ASKED);
		word[s] = nw;
		if
		:: todo & PUSH -> word[s] = BECOME(nw, OFFLINING); op[s] = BEGIN
		:: else
		fi;
		w = 0; nw = 0; todo = 0 }
}

/* Some page is in the consumer's hands and in the guest's. */
#define LENT(m) (g_sent_to[m] && !g_told[m] && !g_refused[m] && HOLDS(m))
#ifdef BUG_13 /* does not see what was claimed and is about to be pushed */
#define IN_HAND(s) (STATE(word[s]) == RESERVED)
#else
#define IN_HAND(s) (STATE(word[s]) == RESERVED || STATE(word[s]) == CLAIMED)
#endif
#define SETTLED(s) (op[s] == NO_OP || op[s] >= QUARANTINE)

/* -EAGAIN: n stays below SLOTS. It is called again when it may succeed, lest the model runs in circles. */
inline reset_end()
{
	n = 0;
	do
	:: atomic { n < SLOTS && !IN_HAND(n) -> n++ }
	:: atomic { n < SLOTS && IN_HAND(n) -> n = 0; break }
	:: atomic { n == SLOTS ->
		assert(!LENT(0));
#if MESSAGES > 1
		assert(!LENT(1));
#endif
		gate = false; n = 0; break }
	od
}

#define QUIET(s) (SETTLED(s) && !IN_HAND(s))
#if SLOTS > 1
#define ALL_QUIET (QUIET(0) && QUIET(1))
#else
#define ALL_QUIET QUIET(0)
#endif

active proctype vm()
{
	short w, nw;
	byte todo, n, head, least, before;
	bool claimed, lowered;

end:	do
	:: atomic { wake || timer == PASSED -> wake = false }
	   expire();
	   collect();
#ifndef BUG_17
	   raise_key();
#endif
	   timer = key
	:: atomic { ended -> skip }
	   offline_done()
	:: READY(0) -> give(0)
#if SLOTS > 1
	:: READY(1) -> give(1)
#endif
	:: atomic { MAY(ASK) && g_lent && !g_told[g_lent - 1] -> events-- } /* the guest wants it back */
	   claim((g_id[g_lent - 1] - 1) % SLOTS);
	   collect()
	:: atomic { MAY(RESET) && !gate -> events--; gate = true }
	   claim(0);
#if SLOTS > 1
	   claim(1);
#endif
	   collect()
	:: atomic { gate && !g_inside && !inbox && ALL_QUIET -> skip }
	   reset_end()
	od
}

#define REFUSED_SLOT(s) (STATE(word[s]) == SENT && g_refused[g_of[s]])
#define OVER(s) (STATE(word[s]) == FREE || \
		 (STATE(word[s]) == QUARANTINED && HOLDS(g_of[s]) && g_told[g_of[s]]) || \
		 (REFUSED_SLOT(s) && HOLDS(g_of[s]) && !g_told[g_of[s]]))
#define IN_FLIGHT(s) (REFUSED_SLOT(s) -> size[s] : 0)
#define AWAY(s) (STATE(word[s]) == QUARANTINED -> size[s] : 0)

/* Nothing can happen any more. */
active proctype monitor()
{
	atomic { timeout ->
		assert(OVER(0) && op[0] == (STATE(word[0]) == QUARANTINED -> QUARANTINE : NO_OP));
#if SLOTS > 1
		assert(OVER(1) && op[1] == (STATE(word[1]) == QUARANTINED -> QUARANTINE : NO_OP));
		assert(credits + IN_FLIGHT(0) + IN_FLIGHT(1) == CREDITS);
		assert(quarantined == AWAY(0) + AWAY(1));
#else
		assert(credits + IN_FLIGHT(0) == CREDITS);
		assert(quarantined == AWAY(0));
#endif
		assert(!inbox && out == NOBODY && !gate) }
}
