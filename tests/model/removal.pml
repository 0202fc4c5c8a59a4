/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal: one unit in a slot, everything that may happen to it, in every order.
 *
 * The engine is the inlines below, one for each event, in the words of docs/engines/removal.md. Around
 * it stand four processes: the host that asks, the guest that answers, the performer of actions, and
 * the clock. What must hold is kept in variables of its own (g_...), which the engine does not read.
 *
 *   safety    one final outcome for each request; no action while another one is outstanding; HIDE only
 *             with the guest's consent, its declared level, its reset, or by force; RELEASE after HIDE
 *             and not while an action that was given up may still run; a reset ends only when nothing
 *             is leaving; what was done is undone before "it works again" is told; a re-plug waits; what
 *             was cancelled is neither hidden nor warned, unless FORCE or the acknowledgement comes later
 *   liveness  with a fair environment each request ends, and each re-plug comes to its slot
 *
 * BUG_1 .. BUG_9 plant one error each; run.sh requires that each is found.
 */

#define IDLE 0
#define NOT_READY 1
#define WARN 2
#define AWAIT 3
#define QUIESCE 4
#define UNDO 5
#define HIDE 6
#define DRAIN 7
#define RELEASE 8
#define GONE 9 /* the final outcome after which handle and name are free */
#define END 10 /* a final outcome after which the unit is still there */

#define UNSAFE 1
#define SAFE_IDLE 2
#define SAFE 3

#define FAIL 0
#define KEEP 1
#define RETRY 2
#define FORCE 3

/* engine: the unit, its slot, its operation */
bool present = true, queued, settling;
byte level = UNSAFE;
byte phase = IDLE, set;
bool ready = true, in_reset;
byte policy, retries;
bool forced, no_ack; /* no_ack: the guest was reset */
bool acked, warned, quiesced, demoted, returning;
bool cancel, refused, late_ack, again, again_forced, failing;
bool note; /* REQUESTED has to be told */
/* engine: the outstanding action */
bool out, out_note, overdue, cancel_due, cancel_out, give_up, stuck;

/* what must hold */
bool g_owed, g_owed_next; /* a request has no final outcome yet: the present one, the next one */
bool g_ack, g_force, g_reset; /* reasons to hide */
bool g_hidden, g_warned, g_quiesced;
bool g_told; /* the operation's final outcome was told */
bool g_kept; /* it was cancelled in time */
byte g_running; /* actions that the performer is at, CANCEL aside */
byte g_doing; /* which: the phase that it was given in */
bool g_pressed; /* somebody has forced the overdue action already */
bool g_lost; /* one of them was given up by FORCE */

/*
 * Budgets, so that the state space is finite: of each kind of event, and of all together beside the
 * first request. What the fair environment owes (a forced end of what hangs, readiness after all, KEEP's
 * answer, the end of a reset) is not counted.
 */
#ifndef EVENTS
#define EVENTS 4
#endif
byte events = EVENTS;
byte requests = 2, forces = 1, cancels = 1, acks = 1, refusals = 1, declares = 2, resets = 1;
byte unreadies = 1, failures = 1, holes = 1, plugs = 1;
#define MAY(kind) (kind && events)
#define TAKE(kind) kind--; events--

inline clear_operation()
{
	phase = IDLE; set = 0;
	forced = false; no_ack = false; acked = false; warned = false; quiesced = false;
	demoted = false; returning = false; cancel = false; refused = false; failing = false;
	note = false;
	g_ack = false; g_force = false; g_reset = in_reset; g_told = false; g_kept = false
}

inline go_hide()
{
	assert(g_ack || g_force || g_reset || level == SAFE ||
	       (level == SAFE_IDLE && g_quiesced));
	assert(!g_kept || g_ack || g_force);
	cancel = false; late_ack = false;
	phase = HIDE
}

inline enter_warn()
{
	if
	:: ready -> phase = WARN
	:: else -> phase = NOT_READY
	fi
}

inline enter_unsafe()
{
	set = UNSAFE;
	if
	:: warned -> phase = AWAIT
	:: else -> enter_warn()
	fi
}

/* Takes the way that the level allows (R4). */
inline start()
{
	no_ack = no_ack || in_reset;
	set = level;
	if
	:: forced || no_ack || acked -> go_hide()
	:: else ->
		if
		:: level == SAFE -> go_hide()
		:: level == SAFE_IDLE -> phase = QUIESCE
		:: else -> enter_warn()
		fi
	fi
}

/* R6: who waits for the guest goes on when it now bears more. */
inline reconsider()
{
	if
	:: phase == NOT_READY || phase == AWAIT || (phase == WARN && !out) ->
		if
		:: level == SAFE -> set = SAFE; go_hide()
		:: level == SAFE_IDLE && !demoted -> set = SAFE_IDLE; phase = QUIESCE
		:: else
		fi
	:: else
	fi
}

/* Newest first; what has no undo, or was not done, is left out. outcome_due: END follows. */
inline undo_or_end()
{
	if
	:: quiesced || (warned && !returning) -> phase = UNDO
	:: else ->
		if
		:: returning -> returning = false; demoted = true; enter_unsafe(); reconsider()
		:: !returning && late_ack && !cancel && !failing ->
			late_ack = false; acked = true;
#ifdef BUG_1 /* the refusal or time-out is told all the same */
			g_owed = false; g_told = true;
#endif
			go_hide()
		:: else -> phase = END
		fi
	fi
}

inline handle_refusal()
{
	refused = false;
	warned = false; g_warned = false; /* the guest answered: nothing to take back */
	if
	:: policy == FORCE -> forced = true; g_force = true; go_hide()
	:: policy == RETRY && retries -> phase = AWAIT; reconsider()
	:: else -> undo_or_end()
	fi
}

/* What came in while a step before HIDE was outstanding. turned: the operation took another way. */
inline interrupted(turned)
{
	turned = true;
	if
	:: acked || forced || no_ack -> go_hide()
	:: else ->
		if
		:: cancel -> undo_or_end()
		:: !cancel && refused -> handle_refusal()
		:: else -> turned = false
		fi
	fi
}

inline begin(with_force)
{
	forced = with_force;
	g_force = g_force || with_force;
	start()
}

/* The operation is over and the unit is still there. */
inline end_operation()
{
	clear_operation();
	if
	:: again ->
#ifndef BUG_5 /* who asked meanwhile is forgotten */
		again = false; g_owed = g_owed_next; g_owed_next = false;
		acked = late_ack; g_ack = late_ack; late_ack = false;
		begin(again_forced);
#else
		again = false;
#endif
		again_forced = false
	:: else -> late_ack = false /* unasked by now: ignored */
	fi
}

inline tell_end()
{
	assert(g_owed && !g_told);
	assert(!g_quiesced && !g_warned); /* "the device works again" */
	g_owed = false;
	end_operation()
}

inline slot_free()
{
	if
	:: queued && !settling && phase == IDLE ->
		assert(!g_hidden);
		queued = false;
		level = (present -> level : UNSAFE); /* nothing is inherited (R6) */
		present = true
	:: else
	fi
}

inline tell_gone()
{
	assert(g_hidden && !g_lost && !g_told);
	g_owed = false;
	/* Who asked while it was leaving has joined: the same outcome answers. */
	g_owed_next = false; again = false; again_forced = false; late_ack = false;
	g_hidden = false; g_warned = false; g_quiesced = false; present = false;
	clear_operation();
	settling = !in_reset
}

/* FORCE on an overdue action. */
inline give_it_up()
{
	if
	:: stuck || phase == RELEASE || phase == GONE || phase == END
	:: else ->
		if
		:: cancel_due || cancel_out ->
#ifndef BUG_6 /* not remembered */
			give_up = true
#else
			skip
#endif
		:: else ->
			stuck = true; g_lost = true;
			out = false; overdue = false;
			if
			:: phase == DRAIN -> phase = RELEASE
			:: phase == HIDE -> g_hidden = true; phase = DRAIN
			:: else -> go_hide()
			fi
		fi
	fi
}

inline event_force()
{
	if
	:: phase == END -> again = true; again_forced = true; g_owed_next = true
	:: else ->
		g_owed = true; forced = true; g_force = true;
		if
		:: out && !out_note && overdue -> give_it_up()
		:: out && !out_note && !overdue
		:: else ->
			if
			:: phase >= NOT_READY && phase <= UNDO -> go_hide()
			:: else
			fi
		fi
	fi
}

inline event_request()
{
	if
	:: phase == IDLE -> g_owed = true; begin(false)
	:: phase == END || cancel || (phase == UNDO && !returning) -> again = true; g_owed_next = true
	:: else -> g_owed = true
	fi
}

inline event_cancel()
{
	if
	:: phase == IDLE || acked || (phase >= HIDE && phase != END) || forced || no_ack
	:: else ->
		if
		:: phase == END || cancel || (phase == UNDO && !returning) ->
			again = false; again_forced = false; g_owed_next = false
		:: else ->
			cancel = true; g_kept = true; returning = false;
			if
			:: out && !out_note
			:: else -> undo_or_end()
			fi
		fi
	fi
}

inline event_ack()
{
	g_ack = phase != IDLE;
	if
	:: phase == IDLE || (phase >= HIDE && phase != END) || acked
	:: phase == UNDO || phase == END -> late_ack = true
	:: else ->
		acked = true;
		if
#ifndef BUG_2 /* does not wait for what is outstanding */
		:: out && !out_note
#endif
		:: else -> go_hide()
		fi
	fi
}

inline event_refuse()
{
	if
	:: (phase == WARN || phase == AWAIT) && (warned || (out && !out_note)) ->
		refused = true;
		if
		:: out && !out_note
		:: else -> handle_refusal()
		fi
	:: else
	fi
}

/* No answer in time (R9). */
inline event_timeout()
{
	if
	:: policy == FORCE -> forced = true; g_force = true; go_hide()
	:: policy == RETRY && retries -> retries--; enter_warn()
	:: policy == KEEP /* waits on, without a clock */
	:: else ->
#ifdef BUG_4 /* no answer is taken for consent */
		go_hide()
#else
		undo_or_end()
#endif
	fi
}

#ifndef BUG_9 /* a reset removes what was cancelled */
#define KEEPS !cancel
#else
#define KEEPS true
#endif
inline event_reset_begin()
{
	in_reset = true; g_reset = true;
	if
	:: ((phase >= NOT_READY && phase < UNDO) || (phase == UNDO && returning)) && KEEPS ->
		no_ack = true;
		if
		:: out && !out_note
		:: else -> go_hide()
		fi
	:: else
	fi
}

inline event_reset_end()
{
	if
#ifndef BUG_3 /* the new kernel sees a device that is leaving */
	:: phase != IDLE && !(stuck && phase >= DRAIN && phase < END) /* -EAGAIN */
#endif
	:: else ->
		assert(phase == IDLE || stuck);
		in_reset = false; g_reset = phase != IDLE;
		level = UNSAFE; settling = false; ready = false
	fi
}

inline event_ready(value)
{
	ready = value;
	if
	:: phase == NOT_READY || (phase == WARN && !out) -> enter_warn()
	:: else
	fi
}

/* An action: the note comes before a step, except before HIDE (R8). */
#ifdef BUG_3
#define BUG_3_ON || true
#else
#define BUG_3_ON
#endif
#define NOTE_FIRST (note && phase != HIDE)
#define STEP_WAITS                                                                  \
	(phase == WARN || phase == QUIESCE || phase == UNDO || phase == HIDE ||     \
	 phase == DRAIN || (phase == RELEASE && (!stuck || BUG_7_ON)) || phase == GONE || \
	 phase == END)
#define CAN_GIVE (!out && !cancel_out && !cancel_due && (NOTE_FIRST || STEP_WAITS))
#ifdef BUG_7 /* frees what a stuck action may still use */
#define BUG_7_ON true
#else
#define BUG_7_ON false
#endif

inline give()
{
	assert(g_running == 0);
	g_running = 1; g_doing = phase; g_pressed = false;
	out = true; overdue = false;
	if
	:: NOTE_FIRST -> out_note = true
	:: else ->
		out_note = false;
		if
		:: phase == QUIESCE -> quiesced = true; g_quiesced = true
		:: phase == RELEASE -> assert(g_hidden && !g_lost)
		:: phase == WARN -> assert(!g_kept)
		:: else
		fi
	fi
}

inline undone()
{
	if
	:: quiesced -> quiesced = false; g_quiesced = false
	:: else -> warned = false; g_warned = false
	fi;
	if
	:: forced || no_ack -> go_hide()
	:: else -> undo_or_end()
	fi
}

inline warn_done(ok)
{
	if
	:: ok ->
		note = note || !warned;
		warned = true; g_warned = true
	:: else
	fi;
	interrupted(turned);
	if
	:: turned
	:: else ->
		if
		:: ok -> phase = AWAIT; reconsider()
		:: else -> failing = true; undo_or_end()
		fi
	fi
}

inline quiesce_done(ok, late)
{
	interrupted(turned);
	if
	:: turned
	:: else ->
		if
		:: !ok || late -> returning = true; undo_or_end()
		:: else ->
			if
			:: level >= SAFE_IDLE -> go_hide()
			:: else ->
#ifdef BUG_8 /* goes on as UNSAFE with the device quiesced */
				quiesced = false; demoted = true; enter_unsafe()
#else
				returning = true; undo_or_end()
#endif
			fi
		fi
	fi
}

inline done(ok)
{
	g_running = 0;
	out = false; cancel_due = false; give_up = false;
	late = overdue; overdue = false;
	if
	:: out_note -> note = false; out_note = false
	:: else ->
		assert(g_doing == phase); /* the end of one step is not taken for that of another */
		if
		:: phase == WARN -> warn_done(ok)
		:: phase == QUIESCE -> quiesce_done(ok, late)
		:: phase == UNDO -> undone()
		:: phase == HIDE -> g_hidden = true; phase = DRAIN
		:: phase == DRAIN -> phase = RELEASE
		:: phase == RELEASE -> phase = GONE
		:: phase == GONE -> tell_gone()
		:: phase == END -> tell_end()
		fi
	fi
}

/* Does what comes out: at once, late, in vain, or, once, not before it is given up. */
active proctype performer()
{
	bool hole = false, lost = false, late, turned;

end:	do
	:: atomic { CAN_GIVE && g_running == 0 ->
		give();
		if
		:: MAY(holes) && !out_note && phase < RELEASE -> TAKE(holes); hole = true
		:: true
		fi }
	:: atomic { g_running && out && !hole && !cancel_out -> done(true) }
	:: atomic { g_running && out && !hole && MAY(failures) && (phase == WARN || phase == QUIESCE) &&
		    !out_note -> TAKE(failures); done(false) }
	/* It was given up: no longer the operation's, and some day it ends. */
	:: atomic { g_running && stuck && !out && !lost ->
		g_running = 0; hole = false; lost = true }
	:: atomic { lost -> lost = false; stuck = false; g_lost = false }
	od
}

/* CANCEL has an id and an end of its own. */
active proctype canceller()
{
end:	do
	:: atomic { cancel_due && out -> cancel_due = false; cancel_out = true }
	:: atomic { cancel_out ->
		cancel_out = false;
		if
		:: give_up && out -> give_up = false; give_it_up()
		:: else -> give_up = false
		fi }
	od
}

active proctype clock()
{
end:	do
	:: atomic { phase == AWAIT && !(out && !out_note) && !(policy == KEEP) -> event_timeout() }
	:: atomic { out && !out_note && !overdue && phase != GONE && phase != END ->
		overdue = true; cancel_due = true }
	:: atomic { settling -> settling = false; slot_free() }
	:: atomic { queued && !settling && phase == IDLE -> slot_free() }
	od
}

active proctype host()
{
	if
	:: policy = FAIL
	:: policy = KEEP
	:: policy = RETRY; retries = 1
	:: policy = FORCE
	fi;
end:	do
	:: atomic { MAY(requests) && present -> TAKE(requests); event_request() }
	:: atomic { MAY(forces) && present && phase != IDLE -> TAKE(forces); event_force() }
	:: atomic { MAY(cancels) && present -> TAKE(cancels); event_cancel() }
	:: atomic { MAY(plugs) && phase != IDLE && !queued -> TAKE(plugs); queued = true }
	/* Somebody sees to it that an action that never ends is given up. */
	:: atomic { overdue && out && !g_pressed && phase != RELEASE && !stuck ->
		g_pressed = true; event_force() }
	od
}

active proctype guest()
{
end:	do
	:: atomic { MAY(acks) -> TAKE(acks); event_ack() }
	:: atomic { MAY(refusals) -> TAKE(refusals); event_refuse() }
	:: atomic { MAY(declares) && present ->
		TAKE(declares);
		if
		:: level = SAFE
		:: level = SAFE_IDLE
		:: level = UNSAFE
		fi;
		reconsider() }
	:: atomic { MAY(unreadies) && ready -> TAKE(unreadies); event_ready(false) }
	:: atomic { !ready -> event_ready(true) }
	:: atomic { MAY(resets) && !in_reset -> TAKE(resets); event_reset_begin() }
	:: atomic { in_reset && (phase == IDLE || (stuck && phase >= DRAIN) BUG_3_ON) -> event_reset_end() }
	/* KEEP waits for an answer without end: this guest gives one. */
	:: atomic { phase == AWAIT && policy == KEEP && !(out && !out_note) -> event_ack() }
	od
}

ltl answered { [] ((g_owed || g_owed_next) -> <> (!g_owed && !g_owed_next)) }
ltl plugged { [] (queued -> <> !queued) }
